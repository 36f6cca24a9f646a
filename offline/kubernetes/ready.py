"""When an object is ready: the rules of its kind, or what `pulumi.com/waitFor` says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from offline.kubernetes import objects
from offline.kubernetes.api import ApiServer, Kind
from offline.kubernetes.jsonpath import find, parse
from offline.paths import get
from offline.resource import ResourceError
from offline.values import Map


@dataclass(frozen=True)
class Verdict:
    """Ready, failed for good, or neither yet; the message says what is waited for."""

    ready: bool
    message: str = ""
    failed: bool = False


Condition = Callable[[ApiServer, Map], Verdict]


def readiness(body: Map) -> Condition | None:
    """The condition to wait for after applying `body`; None if it is ready at once."""
    if objects.annotation(body, "pulumi.com/skipAwait") == "true":
        return None
    wait_for = objects.annotation(body, "pulumi.com/waitFor")
    if wait_for:
        return _all(_expressions(wait_for))
    group = str(body["apiVersion"]).rpartition("/")[0]
    return _RULES.get((group, str(body["kind"])))


def _expressions(text: str) -> list[Condition]:
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        parsed = [text]
    texts = cast(list[Any], parsed) if isinstance(parsed, list) else [text]
    return [_expression(str(item)) for item in texts]


def _expression(text: str) -> Condition:
    if text.startswith("condition="):
        kind, _, wanted = text.removeprefix("condition=").partition("=")
        return lambda _, live: _has_condition(live, kind, wanted or "True")
    if text.startswith("jsonpath="):
        path, wanted = parse(text.removeprefix("jsonpath="))
        return lambda _, live: _has_value(live, text, path, wanted)
    raise ResourceError(
        f'pulumi.com/waitFor: {text!r} is not understood: give "condition=NAME", "jsonpath={{.path}}=value", '
        "or a JSON list of these"
    )


def _all(conditions: list[Condition]) -> Condition:
    def verdict(api: ApiServer, live: Map) -> Verdict:
        verdicts = [condition(api, live) for condition in conditions]
        return next((v for v in verdicts if v.failed or not v.ready), Verdict(True))

    return verdict


def _has_condition(live: Map, kind: str, wanted: str) -> Verdict:
    found = _condition(live, kind)
    status = str(found.get("status", ""))
    return Verdict(status.lower() == wanted.lower(), f"waiting for condition {kind}={wanted} of {_name(live)}")


def _has_value(live: Map, text: str, path: tuple[str | int, ...], wanted: str | None) -> Verdict:
    values = find(live, path)
    ready = bool(values) if wanted is None else any(_text(value) == wanted for value in values)
    found = f"; it is {_text(values[0])!r}" if values else ""
    return Verdict(ready, f"waiting for {text} of {_name(live)}{found}")


def _text(value: Any) -> str:
    text: str = json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
    return text


def _condition(live: Map, kind: str) -> Map:
    conditions = cast(list[Map], get(live, "status", "conditions") or [])
    return next((c for c in conditions if str(c.get("type", "")).lower() == kind.lower()), Map())


def _name(live: Map) -> str:
    return f"{live.get('kind')} {objects.object_id(live)}"


def _observed(live: Map) -> bool:
    return _count(live, "status", "observedGeneration") >= _count(live, "metadata", "generation")


def _count(live: Map, *path: str) -> int:
    return int(get(live, *path) or 0)


def _wanted(live: Map) -> int:
    replicas = get(live, "spec", "replicas")
    return 1 if replicas is None else int(replicas)


def _deployment(_: ApiServer, live: Map) -> Verdict:
    wanted = _wanted(live)
    available, updated, old_and_new = (
        _count(live, "status", key) for key in ("availableReplicas", "updatedReplicas", "replicas")
    )
    progressing = _condition(live, "Progressing")
    if _observed(live) and progressing.get("reason") == "ProgressDeadlineExceeded":
        return Verdict(False, f"{_name(live)}: {progressing.get('message')}", failed=True)
    ready = _observed(live) and min(updated, available) >= wanted and old_and_new <= updated
    return Verdict(ready, f"{_name(live)}: {min(available, updated)} of {wanted} replicas available")


def _stateful_set(_: ApiServer, live: Map) -> Verdict:
    wanted = _wanted(live)
    ready = min(_count(live, "status", "readyReplicas"), _count(live, "status", "updatedReplicas"))
    return Verdict(_observed(live) and ready >= wanted, f"{_name(live)}: {ready} of {wanted} replicas ready")


def _daemon_set(_: ApiServer, live: Map) -> Verdict:
    wanted = _count(live, "status", "desiredNumberScheduled")
    ready = min(_count(live, "status", "numberAvailable"), _count(live, "status", "updatedNumberScheduled"))
    return Verdict(_observed(live) and ready >= wanted, f"{_name(live)}: {ready} of {wanted} pods available")


def _job(_: ApiServer, live: Map) -> Verdict:
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        message = f"{_name(live)} failed: {failed.get('reason')}: {failed.get('message')}"
        return Verdict(False, message, failed=True)
    done = _condition(live, "Complete").get("status") == "True" or get(live, "spec", "suspend") is True
    return Verdict(done, f"{_name(live)}: waiting for it to complete")


def _pod(_: ApiServer, live: Map) -> Verdict:
    phase = get(live, "status", "phase")
    if phase == "Failed":
        return Verdict(False, f"{_name(live)} failed: {get(live, 'status', 'message') or ''}".rstrip(": "), failed=True)
    ready = phase == "Succeeded" or _condition(live, "Ready").get("status") == "True"
    return Verdict(ready, f"{_name(live)}: waiting for it to be ready (phase {phase})")


def _volume(_: ApiServer, live: Map) -> Verdict:
    phase = get(live, "status", "phase")
    return Verdict(phase in ("Available", "Bound"), f"{_name(live)}: phase {phase}", failed=phase == "Failed")


def _claim(api: ApiServer, live: Map) -> Verdict:
    phase = get(live, "status", "phase")
    waits = phase != "Bound" and _binds_on_first_use(api, get(live, "spec", "storageClassName"))
    return Verdict(phase == "Bound" or waits, f"{_name(live)}: waiting for it to be bound (phase {phase})")


def _binds_on_first_use(api: ApiServer, storage_class: Any) -> bool:
    """Such a claim is bound when a pod uses it: waiting before would never end."""
    if not storage_class:
        return False
    classes = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)
    found = api.get(classes, "", str(storage_class))
    return (found or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def _service(api: ApiServer, live: Map) -> Verdict:
    spec = cast(Map, live.get("spec") or {})
    if spec.get("type") == "LoadBalancer" and not get(live, "status", "loadBalancer", "ingress"):
        return Verdict(False, f"{_name(live)}: waiting for the load balancer's address")
    if not spec.get("selector") or spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return Verdict(True)
    slices = api.list(
        Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", namespaced=True),
        objects.namespace_of(live),
        labelSelector=f"kubernetes.io/service-name={objects.name_of(live)}",
    )
    endpoints = [endpoint for piece in slices for endpoint in cast(list[Map], piece.get("endpoints") or [])]
    ready = any(get(endpoint, "conditions", "ready") is not False for endpoint in endpoints)
    return Verdict(ready, f"{_name(live)}: waiting for a pod that matches its selector to be ready")


def _namespace(_: ApiServer, live: Map) -> Verdict:
    phase = get(live, "status", "phase")
    return Verdict(phase == "Active", f"{_name(live)}: phase {phase}")


def _definition(_: ApiServer, live: Map) -> Verdict:
    return _has_condition(live, "Established", "True")


_RULES: Mapping[tuple[str, str], Condition] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("", "Namespace"): _namespace,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
