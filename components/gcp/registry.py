"""The container registry: one repository for the stack's images, and credentials to push with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_gcp as gcp

from components.contracts import Registry
from components.gcp.key import Key
from components.gcp.scope import Scope
from components.gcp.services import Services, is_off
from components.inputs import reject
from components.storage import KEPT
from settings import SettingsError

USER: Final = "oauth2accesstoken"
"""Who signs in with an access token, by Artifact Registry's own convention."""
NODE_ROLE: Final = "roles/artifactregistry.reader"

_UNTAGGED_SECONDS: Final = 14 * 86_400
_GCR: Final = {"europe": "eu", "me": "eu", "africa": "eu", "asia": "asia", "australia": "asia"}
_GCR_LOCATIONS: Final = {"eu": "europe", "asia": "asia", "us": "us"}


@dataclass(frozen=True)
class Place:
    """Where images lie: a repository of Artifact Registry; `address` is what their names begin with."""

    project: str
    location: str
    repository: str
    address: str


class ArtifactRegistry(pulumi.ComponentResource):
    """A repository of Artifact Registry, in which a tag never changes its content, and which the nodes may read.

    `node_email` is the nodes' service account. `registry` has the address and an access token of whoever runs the
    program, which is valid for an hour at most: it is asked for with each `up`, marked secret, and no output of this
    component.

    Addresses under gcr.io belong to a repository of the whole project: one that is there is used as it is. One that the
    stack makes is protected and stays, for others may push to it too.
    """

    registry: Registry

    def __init__(
        self,
        name: str,
        scope: Scope,
        key: Key,
        node_email: pulumi.Input[str],
        services: Services,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:Registry", name, None, opts)
        self._name, self._scope, self._opts = name, scope, scope.child(self, *services.ready)
        where = place(scope)
        made = self._made(where, key)
        reader = readable(f"{name}-nodes", where, node_email, scope.child(self, *services.ready, *made))
        token = gcp.organizations.get_client_config_output(
            opts=pulumi.InvokeOutputOptions(parent=self, provider=scope.provider)
        ).access_token
        # By way of the grant, whoever pushes or pulls waits until both are there.
        address = reader.id.apply(lambda _: where.address)
        self.registry = Registry(address, USER, pulumi.Output.secret(token))
        self.register_outputs({"address": address})

    def _made(self, where: Place, key: Key) -> Sequence[pulumi.Resource]:
        if self._scope.target.registry == "pkg.dev":
            return [self._repository(where, key.id, self._opts)]
        if is_taken(where, self._scope):
            return []
        # The stack's key is of one region, and cannot encrypt what lies in several.
        return [self._repository(where, None, pulumi.ResourceOptions.merge(self._opts, KEPT))]

    def _repository(
        self, where: Place, key_id: pulumi.Input[str] | None, opts: pulumi.ResourceOptions
    ) -> gcp.artifactregistry.Repository:
        """It goes with the stack although it has images: they are made from this project, and can be again."""
        return gcp.artifactregistry.Repository(
            f"{self._name}-images",
            repository_id=where.repository,
            location=where.location,
            project=self._scope.project,
            format="DOCKER",
            description=f"Images of the steps of {self._scope.cluster_name}",
            docker_config={"immutable_tags": True},
            cleanup_policies=[cleanup(f"{self._scope.cluster_name}/" if key_id is None else "")],
            vulnerability_scanning_config={
                "enablement_config": "INHERITED" if self._scope.target.scan_images else "DISABLED"
            },
            kms_key_name=key_id,
            opts=opts,
        )


def place(scope: Scope) -> Place:
    """Where the stack's images lie, in the region or, under gcr.io, on its continent: there are no others."""
    if scope.target.registry == "pkg.dev":
        return pkg_dev(scope, scope.cluster_name)
    prefix = _GCR.get(scope.region.partition("-")[0], "us")
    host = f"{prefix}.gcr.io"
    return Place(scope.project, _GCR_LOCATIONS[prefix], host, f"{host}/{scope.project}/{scope.cluster_name}")


def pkg_dev(scope: Scope, repository: str) -> Place:
    """A repository in the stack's region, under Artifact Registry's own addresses."""
    address = f"{scope.region}-docker.pkg.dev/{scope.project}/{repository}"
    return Place(scope.project, scope.region, repository, address)


def is_taken(where: Place, scope: Scope) -> bool:
    """Whether the repository is there and was made by somebody else than this stack.

    Raises `pulumi.RunError` when that cannot be found out.
    """
    try:
        found = gcp.artifactregistry.get_repository(
            repository_id=where.repository,
            location=where.location,
            project=scope.project,
            opts=pulumi.InvokeOptions(provider=scope.provider),
        )
    except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
        if is_off(error) or "404" in str(error) or "not found" in str(error).lower():
            return False
        raise reject(
            SettingsError(
                f"biojobs:registry: 'gcr.io': the project's repository {where.repository} cannot be looked up "
                f"({error}); may your identity artifactregistry.repositories.get? Or use pkg.dev"
            )
        ) from None
    return found.effective_labels.get("stack") != scope.stack


def cleanup(packages: str) -> gcp.artifactregistry.RepositoryCleanupPolicyArgsDict:
    """Images that have no tag go after two weeks; `packages` confines that to names that begin with it. What has a tag
    stays: it cannot be deleted where tags never change."""
    condition: gcp.artifactregistry.RepositoryCleanupPolicyConditionArgsDict = {
        "tag_state": "UNTAGGED",
        "older_than": f"{_UNTAGGED_SECONDS}s",
    }
    if packages:
        condition["package_name_prefixes"] = [packages]
    return {"id": "untagged", "action": "DELETE", "condition": condition}


def readable(
    name: str, where: Place, email: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> gcp.artifactregistry.RepositoryIamMember:
    """Lets a service account read one repository."""
    return gcp.artifactregistry.RepositoryIamMember(
        name,
        repository=where.repository,
        location=where.location,
        project=where.project,
        role=NODE_ROLE,
        member=pulumi.Output.concat("serviceAccount:", email),
        opts=opts,
    )
