"""Why something is not ready: what its pods and the events about it say."""

from __future__ import annotations

from typing import Any, cast

from offline.kubernetes import objects
from offline.kubernetes.api import ApiServer, Kind
from offline.kubernetes.errors import ApiError, UnreachableError
from offline.paths import get
from offline.values import Map

_PODS = Kind("v1", "Pod", "pods", namespaced=True)
_EVENTS = Kind("v1", "Event", "events", namespaced=True)
_LOG_LINES = 10
_WITH_PODS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")


def why_not(api: ApiServer, live: Map) -> list[str]:
    """Human sentences, the most telling first; empty where nothing is known or the server does not answer."""
    try:
        return [line for name in _concerned(api, live) for line in name]
    except (ApiError, UnreachableError):
        return []


def _concerned(api: ApiServer, live: Map) -> list[list[str]]:
    pods = _pods_of(api, live)
    told = [_pod_reasons(api, pod) for pod in pods]
    return [*told, _warnings(api, live), *(_warnings(api, pod) for pod in pods)]


def _pods_of(api: ApiServer, live: Map) -> list[Map]:
    if live.get("kind") == "Pod":
        return [live]
    labels: Any = get(live, "spec", "selector", "matchLabels")
    if live.get("kind") not in _WITH_PODS or not isinstance(labels, dict):
        return []
    selector = ",".join(f"{key}={value}" for key, value in cast(Map, labels).items())
    return api.list(_PODS, objects.namespace_of(live), labelSelector=selector)


def _pod_reasons(api: ApiServer, pod: Map) -> list[str]:
    name = objects.name_of(pod)
    statuses = [
        *cast(list[Map], get(pod, "status", "initContainerStatuses") or []),
        *cast(list[Map], get(pod, "status", "containerStatuses") or []),
    ]
    lines: list[str] = []
    for condition in cast(list[Map], get(pod, "status", "conditions") or []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            lines.append(f"pod {name}: not scheduled: {condition.get('message', '')}")
    for status in statuses:
        lines += _container_reasons(api, pod, status)
    return lines


def _container_reasons(api: ApiServer, pod: Map, status: Map) -> list[str]:
    name = f"pod {objects.name_of(pod)}, container {status['name']}"
    waiting: Any = get(status, "state", "waiting") or {}
    ended: Any = get(status, "state", "terminated") or get(status, "lastState", "terminated") or {}
    lines: list[str] = []
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        lines.append(f"{name}: {waiting['reason']}: {waiting.get('message', '')}")
    if ended.get("exitCode"):
        lines.append(
            f"{name}: {ended.get('reason', 'ended')}, exit code {ended['exitCode']} {ended.get('message', '')}"
        )
        log = api.log(objects.namespace_of(pod), objects.name_of(pod), status["name"], _LOG_LINES).rstrip()
        lines += [f"last lines of its log:\n{log}"] if log else []
    return lines


def _warnings(api: ApiServer, live: Map) -> list[str]:
    uid = get(live, "metadata", "uid")
    if not uid or not objects.namespace_of(live):
        return []
    events = api.list(_EVENTS, objects.namespace_of(live), fieldSelector=f"involvedObject.uid={uid},type=Warning")
    recent = sorted(events, key=lambda event: str(event.get("lastTimestamp") or ""))[-3:]
    return [f"{live.get('kind', '')} {objects.name_of(live)}: {e.get('reason')}: {e.get('message')}" for e in recent]
