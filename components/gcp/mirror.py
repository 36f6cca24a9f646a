"""Third-party images, fetched through Artifact Registry, which keeps what it fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_gcp as gcp

from components.gcp.registry import Place, pkg_dev, readable
from components.gcp.scope import Scope
from components.gcp.services import Services
from components.mirror import HUB, Reference, parse


class Mirror(pulumi.ComponentResource):
    """A remote repository for each registry that images come from: nodes ask it, and it asks the registry once.

    `images` are references, `node_email` is the nodes' service account. `refs` maps each reference to the address in
    the remote repository, with the same tag or digest: content is the source's own, for all platforms. Nothing is
    copied by this machine, and nothing is fetched before a node asks.
    """

    refs: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        scope: Scope,
        images: Iterable[str],
        node_email: pulumi.Input[str],
        services: Services,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:Mirror", name, None, opts)
        sources = {reference: parse(reference) for reference in images}
        places = {host: pkg_dev(scope, f"{scope.cluster_name}-{slug(host)}") for host in hosts(sources)}
        child = scope.child(self, *services.ready)
        ready: dict[str, pulumi.Output[str]] = {}
        for host, where in places.items():
            made = _remote(f"{name}-{slug(host)}", scope, host, where, child)
            after = scope.child(self, made)
            ready[host] = readable(f"{name}-{slug(host)}-nodes", where, node_email, after).id
        self.refs = {
            reference: _known_after(ready[source.host], address(places[source.host], source))
            for reference, source in sources.items()
        }
        self.register_outputs({"refs": self.refs})


def hosts(sources: Mapping[str, Reference]) -> list[str]:
    """The registries that references name, each once."""
    return sorted({source.host for source in sources.values()})


def slug(host: str) -> str:
    """A registry's name as part of a repository's: letters, digits and dashes."""
    return host.replace(".", "-").replace(":", "-")


def address(where: Place, source: Reference) -> str:
    """The image's address in a remote repository, by its digest where it has one."""
    return f"{where.address}/{source.path}" + (f"@{source.digest}" if source.digest else f":{source.tag}")


def _remote(
    name: str, scope: Scope, host: str, where: Place, opts: pulumi.ResourceOptions
) -> gcp.artifactregistry.Repository:
    """Public images: no key of ours encrypts them."""
    upstream: gcp.artifactregistry.RepositoryRemoteRepositoryConfigArgsDict = {"description": host}
    if host == HUB:
        upstream["docker_repository"] = {"public_repository": "DOCKER_HUB"}
    else:
        upstream["common_repository"] = {"uri": f"https://{host}"}
    return gcp.artifactregistry.Repository(
        name,
        repository_id=where.repository,
        location=where.location,
        project=scope.project,
        format="DOCKER",
        mode="REMOTE_REPOSITORY",
        description=f"Images of {host} for {scope.cluster_name}",
        remote_repository_config=upstream,
        vulnerability_scanning_config={"enablement_config": "INHERITED" if scope.target.scan_images else "DISABLED"},
        opts=opts,
    )


def _known_after(ready: pulumi.Output[str], reference: str) -> pulumi.Output[str]:
    return ready.apply(lambda _: reference)
