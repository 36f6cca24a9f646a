"""Simulated nodes and pods of `bench scale`: what a node has, and what happens to a pod on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from components.pools import labels, pool_of
from sandbox import probes
from sandbox.components import Component
from sandbox.layout import Layout

ENV: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
NODE: Final = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "20Ti", "pods": "110"}
"""What a simulated node has: room for ten alignments, so that pods wait for the controller and for nothing else."""
START_MILLISECONDS: Final = (200, 600)
POD_MILLISECONDS: Final = (2000, 6000)
"""Shortest and longest time from a pod's binding to its start, and from there to its end."""
_KWOK = "http://127.0.0.1:10247"


def node(number: int) -> dict[str, Any]:
    """A node of one of the two pools that samples' steps name, in turn."""
    pool = pool_of("large" if number % 2 else "small")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/os": "linux", **labels(pool)}},
        "spec": {
            "taints": [{"key": key, "value": value, "effect": "NoSchedule"} for key, value in labels(pool).items()]
        },
        "status": {"capacity": NODE, "allocatable": NODE},
    }


def kwok(places: Layout, folder: Path) -> Component:
    """The process that simulates them; `folder` has its program."""
    config = places.config / "kwok.yaml"
    at_once = ("nodeLease", "nodePlayStage", "podPlayStage", "podsOnNodeSync")
    options = {"manageAllNodes": True, "nodeLeaseDurationSeconds": 40, **{f"{what}Parallelism": 16 for what in at_once}}
    documents = [{"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}]
    return Component(
        "kwok",
        (
            f"{folder}/kwok",
            f"--kubeconfig={places.kubeconfig}",
            f"--config={config}",
            f"--server-address={_KWOK.removeprefix('http://')}",
        ),
        probes.http_ok(f"{_KWOK}/healthz"),
        files={config: yaml.safe_dump_all([*documents, *_stages()])},
        env=dict(ENV),
    )


_STATUS: Final = """\
{{{{ $now := Now }}}}
{{{{ $began := or .status.startTime $now }}}}
phase: {phase}
{begin}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: ""
  ready: {ready}
  restartCount: 0
  state: {state}
{{{{ end }}}}
"""
_BEGIN: Final = """\
startTime: {{ $now | Quote }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
{{ end }}
"""
_RUNNING: Final = "{running: {startedAt: {{ $now | Quote }}}}"
_ENDED: Final = (
    "{terminated: {exitCode: 0, reason: Completed, startedAt: {{ $began | Quote }}, finishedAt: {{ $now | Quote }}}}"
)


_READY: Final = """\
conditions:
- type: Ready
  status: "True"
  reason: KubeletReady
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}
"""


def _stages() -> list[dict[str, Any]]:
    """What happens to nodes and pods: nodes are ready; a pod that is bound runs, succeeds after a while, and is gone
    once it is deleted."""
    here, gone = ({"key": ".metadata.deletionTimestamp", "operator": word} for word in ("DoesNotExist", "Exists"))
    soon, later = _delay(*START_MILLISECONDS), _delay(*POD_MILLISECONDS)
    began = _STATUS.format(phase="Running", begin=_BEGIN, ready="true", state=_RUNNING)
    ended = _STATUS.format(phase="Succeeded", begin="", ready="false", state=_ENDED)
    unready = {
        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
        "operator": "NotIn",
        "values": ["True"],
    }
    return [
        _stage("Node", "node-is-ready", [unready], {}, {"statusTemplate": _READY}),
        _stage("Pod", "pod-begins", [here, _phase("Pending")], soon, {"statusTemplate": began}),
        _stage("Pod", "pod-ends", [here, _phase("Running")], later, {"statusTemplate": ended}),
        _stage("Pod", "pod-goes", [gone], {}, {"delete": True}),
    ]


def _delay(shortest: int, longest: int) -> dict[str, int]:
    return {"durationMilliseconds": shortest, "jitterDurationMilliseconds": longest}


def _phase(value: str) -> dict[str, Any]:
    return {"key": ".status.phase", "operator": "In", "values": [value]}


def _stage(
    kind: str, name: str, when: list[dict[str, Any]], delay: dict[str, int], then: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": when},
            "delay": delay,
            "next": then,
        },
    }
