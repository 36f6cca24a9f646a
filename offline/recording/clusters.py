"""What the recording Kubernetes needs of a recorded cloud: its cluster, and nodes for whatever has pods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from offline.dockerbuild.reference import parse
from offline.resource import ResourceError
from offline.values import Map

OWN_IMAGES = "registry.of.the.chart"
"""Where images come from of which a release says nothing."""
WITH_PODS = frozenset({"Deployment", "StatefulSet", "Job", "Pod", "Release", "Workflow"})
_AWS, _GOOGLE = "get-token", "gke-gcloud-auth-plugin"


def endpoint_of(kubeconfig: str) -> str:
    """`<who gives tokens> <address>` of the cluster that a kubeconfig names if a cloud gives them, or nothing."""
    cloud = next((cloud for cloud in (_AWS, _GOOGLE) if cloud in kubeconfig), "")
    found = re.search(r'"server": *"([^"]+)"', kubeconfig) if cloud else None
    return f"{cloud} {found[1]}" if found else ""


def images_of(body: Any) -> Iterator[str]:
    """Names of images that an object, or the values of a chart, speak of: `image`, in one piece or in parts."""
    if isinstance(body, list):
        for item in cast(list[Any], body):
            yield from images_of(item)
    elif isinstance(body, dict):
        for key, value in cast(Map, body).items():
            if key == "image" and isinstance(value, str):
                yield value
            elif key == "image" and isinstance(value, dict) and "repository" in value:
                parts = cast(Map, value)
                path = "/".join(str(parts[part]) for part in ("registry", "repository") if part in parts)
                yield f"{path}:{parts.get('tag', 'latest')}"
            else:
                yield from images_of(value)


def _full(image: str) -> str:
    """The name with its registry, which is Docker Hub where it names none."""
    host, _, path = image.partition("/")
    return image if path and ("." in host or ":" in host) else f"docker.io/{image}"


def require_cluster(content: Map, endpoint: str, kind: str, name: str, images: Iterable[str] = ()) -> None:
    """Refuses what takes a cluster that is not there, pods for which there is no node, and images out of reach.

    `endpoint` as from `endpoint_of`; a cluster of no cloud is always there.
    """
    if not endpoint:
        return
    cloud, _, address = endpoint.partition(" ")
    # Of the two clouds' types only those that are asked for are read.
    if cloud == _AWS:
        from offline.recording.aws import kubernetes
    else:
        from offline.recording.gcp import kubernetes
    cluster = kubernetes.cluster_at(content, address)
    if not cluster:
        raise ResourceError(f"{kind} {name}: no cluster answers at {address}")
    if kind in WITH_PODS and not kubernetes.has_nodes(content, cluster):
        raise ResourceError(f"{kind} {name}: timed out: the cluster {cluster} has no node to run its pods on")
    for image in images:
        if reason := kubernetes.pull_problem(content, cluster, parse(_full(image))):
            raise ResourceError(f"{kind} {name}: ImagePullBackOff: {image}: {reason}")
