"""What all Workflows have in common: labels, security, a name made from their content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from workflows.graphs import Graph, Templates
from workflows.notify import with_exit_handler
from workflows.steps import Step
from workflows.types import KIND_LABEL, SAMPLE_LABEL, STACK_LABEL, Manifest, Platform, content_hash, slug

_POD_SECURITY: Final[Manifest] = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""No root, one user, the default seccomp profile: Pod Security `restricted`."""
GRACE_SECONDS = 15
"""What a spot node of Google Cloud leaves to a pod at the least; a step that is told to stop is gone well before."""


def workflow(
    kind: str, subject: str, steps: Sequence[Step], platform: Platform, labels: Mapping[str, str] | None = None
) -> Manifest:
    """A Workflow that runs `steps`, each after those that it names; one with several items runs them side by side.

    `kind` is `sample`, `sheet` or `reference`, `subject` what it is about; both become labels, beside `labels`.
    """
    graph = Graph(Templates(platform))
    graph.add(kind, steps, subject)
    return of_graph(kind, kind, subject, graph, platform, labels or {})


def of_graph(
    kind: str,
    entrypoint: str,
    subject: str,
    graph: Graph,
    platform: Platform,
    labels: Mapping[str, str],
    synchronization: Manifest | None = None,
) -> Manifest:
    """A Workflow of a graph's templates, named by its subject and content; `kind` is a label, as in `workflow`.

    It begins when it gets the locks of `synchronization`.
    """
    own = {KIND_LABEL: kind, SAMPLE_LABEL: subject, **labels}
    made = {
        **_object("Workflow", platform, own),
        "spec": _spec(entrypoint, graph, platform) | ({"synchronization": synchronization} if synchronization else {}),
    }
    return _named(with_exit_handler(made, platform), subject)


def template(name: str, options: Mapping[str, str | None], steps: Sequence[Step], platform: Platform) -> Manifest:
    """A WorkflowTemplate from which people start single jobs; `options` are its parameters and their defaults.

    Its Workflows are of the kind `job`, about what their parameter `sample` says.
    """
    subject = "{{workflow.parameters.sample}}"
    graph = Graph(Templates(platform))
    # Not by the job's own name: one of its steps has that.
    graph.add("job", steps, subject)
    made = _object("WorkflowTemplate", platform, {})
    made["metadata"]["name"] = name
    made["spec"] = _spec("job", graph, platform) | {
        "arguments": {"parameters": [_parameter(option, default) for option, default in options.items()]},
        "workflowMetadata": {
            "labels": {**_labels(platform), KIND_LABEL: "job"},
            "labelsFrom": {SAMPLE_LABEL: {"expression": "workflow.parameters.sample"}},
        },
    }
    return made


def _parameter(name: str, default: str | None) -> Manifest:
    return {"name": name} if default is None else {"name": name, "value": default}


def _labels(platform: Platform) -> dict[str, str]:
    return {
        "app.kubernetes.io/part-of": "biojobs",
        "app.kubernetes.io/managed-by": "pulumi",
        STACK_LABEL: platform.stack,
    }


def _object(kind: str, platform: Platform, labels: Mapping[str, str]) -> Manifest:
    metadata = {"namespace": platform.namespace, "labels": {**_labels(platform), **labels}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata}


def _spec(entrypoint: str, graph: Graph, platform: Platform) -> Manifest:
    return {
        "entrypoint": entrypoint,
        "templates": graph.templates,
        "serviceAccountName": platform.service_account,
        "podMetadata": {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}},
        "securityContext": _POD_SECURITY,
        "podSpecPatch": json.dumps({"terminationGracePeriodSeconds": GRACE_SECONDS}),
    }


def _named(manifest: Manifest, subject: str) -> Manifest:
    """The manifest under a name made from its subject and the hash of its content: other content, another run."""
    manifest["metadata"]["name"] = f"{slug(subject)}-{content_hash(manifest['metadata'], manifest['spec'])[:10]}"
    return manifest
