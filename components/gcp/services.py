"""The APIs of a project that the stack uses."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_gcp as gcp

from components.gcp.scope import Scope
from settings_gcp import Gcp

SERVICES: Final = (
    "artifactregistry",
    "cloudkms",
    "cloudresourcemanager",
    "compute",
    "container",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "storage",
)
"""APIs of every stack, by the name before `.googleapis.com`."""

_OFF: Final = ("SERVICE_DISABLED", "accessNotConfigured", "has not been used in project")


class Services(pulumi.ComponentResource):
    """Turns APIs on. They stay on when the stack goes: others in the project may use them too.

    `ready` is what all else in the project comes after.
    """

    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biojobs:gcp:Services", name, None, opts)
        self.ready = [
            gcp.projects.Service(
                f"{name}-{service}",
                project=scope.project,
                service=f"{service}.googleapis.com",
                disable_on_destroy=False,
                opts=scope.child(self),
            )
            for service in services(scope.target)
        ]
        self.register_outputs({})


def services(target: Gcp) -> tuple[str, ...]:
    """APIs of a stack, as `SERVICES` names them: what is paid by use only where a setting asks for it."""
    wanted = {"containerscanning": target.scan_images, "billingbudgets": bool(target.monthly_budget)}
    return (*SERVICES, *(service for service, on in wanted.items() if on))


def is_off(error: Exception) -> bool:
    """Whether a look-up failed because its API is not on yet, which the stack itself will turn on."""
    return any(sign in str(error) for sign in _OFF)
