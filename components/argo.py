"""Argo Workflows by its official chart, with every value that we set typed in one place."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

import versions
from components.contracts import Cloud, Endpoint, Store
from components.controller import Controller
from components.names import (
    ARGO_CONTROLLER,
    ARGO_NAMESPACE,
    ARGO_SERVER,
    NAMESPACE,
    RESTRICTED,
    STORE_ACCESS_KEY,
    STORE_SECRET,
    STORE_SECRET_KEY,
    labels,
)

LOG_KEY = ".logs/{{workflow.name}}/{{pod.name}}"
"""Where logs are archived in the results: no sample can be called `.logs`."""

IMAGES = {name: f"quay.io/argoproj/{name}:{versions.ARGO}" for name in ("workflow-controller", "argoexec", "argocli")}
"""What the chart runs, by name."""

PRIORITY = "biojobs-argo"
_TIMEOUT_SECONDS = 600
# The chart's pods lack a seccomp profile, and the namespace would refuse them.
_POD_SECURITY = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


class Argo(pulumi.ComponentResource):
    """The controller and the server in a namespace of their own, watching the runs' namespace alone."""

    release: k8s.helm.v3.Release

    def __init__(
        self,
        name: str,
        stack: str,
        cloud: Cloud,
        controller: Controller,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:platform:Argo", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=cloud.cluster.provider)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": ARGO_NAMESPACE, "labels": {**labels(stack, "argo"), **RESTRICTED}},
            opts=child,
        )
        # Steps that wait for a place would be given that of a controller whose pod has gone, and all runs stand still.
        priority = k8s.scheduling.v1.PriorityClass(
            f"{name}-priority",
            metadata={"name": PRIORITY, "labels": labels(stack, "argo")},
            value=1_000_000,
            description="Argo's controller comes before the steps that it starts.",
            opts=child,
        )
        self.release = k8s.helm.v3.Release(
            f"{name}-release",
            name="argo",
            namespace=namespace.metadata.name,
            chart=versions.ARGO_CHART_NAME,
            version=versions.ARGO_CHART,
            repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=versions.ARGO_CHART_REPOSITORY),
            values=chart_values(cloud, controller),
            timeout=_TIMEOUT_SECONDS,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[priority])),
        )
        self.register_outputs({"release": self.release.status})


def chart_values(cloud: Cloud, controller: Controller) -> dict[str, Any]:
    """The chart's values, under the official chart's names."""
    return {
        "images": {"tag": versions.ARGO},
        # The full CRDs are installed by a hook that downloads them; these are complete but for validation.
        "crds": {"install": True, "keep": False, "full": False},
        "controller": {
            **_image(cloud, "workflow-controller"),
            "workflowNamespaces": [NAMESPACE],
            "serviceAccount": {"name": ARGO_CONTROLLER, "annotations": dict(cloud.identity.argo_controller)},
            **controller.values(),
            "priorityClassName": PRIORITY,
            "podSecurityContext": _POD_SECURITY,
            # Pods whose main container never ran were hit by the platform, not by their own doing.
            "failedPodRestart": {"enabled": True, "maxRestarts": 3},
            # What runs is told by Workflows: events of each step were half of all that the controller asked for, and a
            # limit of samples at once that is read anew each time a quarter (bench/scale.py).
            "nodeEvents": {"enabled": False},
            "synchronization": {"semaphoreLimitCacheSeconds": 5},
            "workflowDefaults": {
                "spec": {
                    # Logs are archived, so a pod that did well need not stay; failed ones are there to be looked at.
                    "podGC": {"strategy": "OnPodSuccess"},
                }
            },
        },
        "executor": {
            **_image(cloud, "argoexec"),
            "resources": _resources("10m", "64Mi", "256Mi"),
            "securityContext": _restricted(),
        },
        "workflow": {"serviceAccount": {"create": False}, "rbac": {"create": False}},
        "server": {
            **_image(cloud, "argocli"),
            "authModes": ["client"],
            "serviceAccount": {"name": ARGO_SERVER, "annotations": dict(cloud.identity.argo_server)},
            "resources": _resources("10m", "64Mi", "512Mi"),
            "podSecurityContext": _POD_SECURITY,
        },
        "artifactRepository": artifact_repository(cloud.store),
    }


def _image(cloud: Cloud, image: str) -> dict[str, Any]:
    """The chart's values for an image of which the cloud's registry has a copy, `host/path@sha256:digest`."""
    copy = cloud.registry.copies.get(IMAGES[image])
    if copy is None:
        return {}
    # The chart writes registry/repository:tag, and what is behind a digest's colon is as good as a tag.
    return {"image": pulumi.Output.from_input(copy).apply(_chart_image)}


def _chart_image(reference: str) -> dict[str, str]:
    registry, path = reference.split("/", 1)
    repository, tag = path.rsplit(":", 1)
    return {"registry": registry, "repository": repository, "tag": tag}


def artifact_repository(store: Store) -> dict[str, Any]:
    """Where Argo archives logs: the results' bucket, by the step's own identity or by the endpoint's Secret.

    Which logs it archives is said by the steps' templates, since what is on here could not be turned off there.
    """
    scheme, _, bucket = store.uris.results.partition("://")
    if scheme == "gs":
        return {"archiveLogs": False, "gcs": {"bucket": bucket, "keyFormat": LOG_KEY}}
    s3: dict[str, Any] = {"bucket": bucket, "keyFormat": LOG_KEY}
    s3 |= _endpoint(store.endpoint) if store.endpoint else _own_identity(store.env.get("AWS_REGION", ""))
    return {"archiveLogs": False, "s3": s3}


def _own_identity(region: str) -> dict[str, Any]:
    return {"endpoint": "s3.amazonaws.com", "region": region, "useSDKCreds": True}


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint": endpoint.host,
        "insecure": True,
        "accessKeySecret": {"name": STORE_SECRET, "key": STORE_ACCESS_KEY},
        "secretKeySecret": {"name": STORE_SECRET, "key": STORE_SECRET_KEY},
    }


def _resources(cpu: str, memory: str, limit: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


def _restricted() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
