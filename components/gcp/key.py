"""The stack's KMS key: for the secrets of the cluster and the images of the registry.

Node disks hold scratch alone and are encrypted with Google's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
import pulumi_gcp as gcp

from components.gcp.scope import Scope
from components.gcp.services import Services

USERS: Final = ("container", "artifactregistry")
"""APIs whose service agents use the key, by the name before `.googleapis.com`."""

_DAY = 86_400
_ROTATION = f"{90 * _DAY}s"
_DELETION = f"{30 * _DAY}s"


class Key(pulumi.ComponentResource):
    """A symmetric key that rotates every 90 days. Once destroyed, its versions can be restored for 30 days.

    Cloud KMS never deletes a key ring or a key, and their names are never free again: they get a name of their own
    each time, so that a stack can be destroyed and made anew.

    `id` is known when GKE and Artifact Registry may use the key.
    """

    id: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, services: Services, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biojobs:gcp:Key", name, None, opts)
        self._name, self._scope, self._opts = name, scope, scope.child(self, *services.ready)
        ring = gcp.kms.KeyRing(f"{name}-ring", location=scope.region, opts=self._opts)
        key = gcp.kms.CryptoKey(
            f"{name}-key",
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=_ROTATION,
            destroy_scheduled_duration=_DELETION,
            opts=self._opts,
        )
        grants = [self._grant(key, service) for service in USERS]
        self.ready = [*grants]
        self.id = pulumi.Output.all(key.id, *(grant.id for grant in grants)).apply(_first)
        self.register_outputs({"id": self.id})

    def _grant(self, key: gcp.kms.CryptoKey, service: str) -> gcp.kms.CryptoKeyIAMMember:
        # A new project has no service agents yet, and IAM refuses to name one that is not there.
        agent = gcp.projects.ServiceIdentity(
            f"{self._name}-{service}-agent",
            project=self._scope.project,
            service=f"{service}.googleapis.com",
            opts=self._opts,
        )
        return gcp.kms.CryptoKeyIAMMember(
            f"{self._name}-{service}",
            crypto_key_id=key.id,
            role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
            member=agent.email.apply(_member),
            opts=self._opts,
        )


def _first(values: Sequence[str]) -> str:
    return values[0]


def _member(email: str) -> str:
    return f"serviceAccount:{email}"
