"""An API server in a file: enough of server-side apply for the kubernetes stand-in's own code to run on it."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from typing import Any, cast

from offline.kubernetes import objects
from offline.kubernetes.api import Kind
from offline.kubernetes.errors import ApiError
from offline.kubernetes.rules import CLUSTER_SCOPED
from offline.paths import get
from offline.recording.clusters import WITH_PODS, images_of, require_cluster
from offline.recording.store import Store
from offline.values import Map

NOW = "2026-01-01T00:00:00Z"


def healthy(body: Map) -> Map | None:
    """The status that a healthy object of this kind comes to have."""
    wanted = get(body, "spec", "replicas")
    replicas = 1 if wanted is None else int(wanted)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    done = {"type": "Completed", "status": "True"}
    return {
        "ComputeClass": {"conditions": [{"type": "Health", "status": "True", "reason": "Health"}]},
        "Deployment": {"observedGeneration": 10**6, **counts},
        "Job": {"conditions": [{"type": "Complete", "status": "True"}]},
        "Namespace": {"phase": "Active"},
        "PersistentVolume": {"phase": "Available"},
        "PersistentVolumeClaim": {"phase": "Bound"},
        "Pod": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        "Workflow": {"phase": "Succeeded", "conditions": [done]},
    }.get(str(body["kind"]))


class RecordedApi:
    """The calls of `offline.kubernetes.api.ApiServer`, answered from a `Store`."""

    host = "recorded"
    namespace = "default"

    def __init__(self, store: Store, cancelled: threading.Event, endpoint: str = "") -> None:
        """`cancelled` ends delays; `endpoint` is that of the cloud's cluster that this is, if it is one."""
        self._store = store
        self._cancelled = cancelled
        self._endpoint = endpoint

    def kind(self, api_version: str, kind: str) -> Kind:
        """Every kind is known here."""
        return Kind(api_version, kind, f"{kind.lower()}s", kind not in CLUSTER_SCOPED)

    def eventually(self, kind: tuple[str, str], seconds: float) -> Kind:
        """As `kind`: nothing has to be waited for."""
        return self.kind(*kind)

    def get(self, kind: Kind, namespace: str, name: str) -> Map | None:
        """The object, or None."""
        return self._store.section("objects").get(_key(kind, namespace, name))

    def list(self, kind: Kind, namespace: str, **query: str) -> list[Map]:
        """Endpoints of every Service; nothing else, for nothing runs here."""
        ready: Map = {"endpoints": [{"conditions": {"ready": True}}]}
        return [ready] if kind.kind == "EndpointSlice" else []

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Nothing runs here."""
        return ""

    def apply(self, kind: Kind, body: Map, manager: str, *, force: bool, dry_run: bool) -> Map:
        """Fields of `body` are set, those that the last apply had and this one has not are taken away."""
        metadata = cast(Map, body["metadata"])
        namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
        self._require_namespace(kind, namespace)
        if not dry_run:
            self._store.behave("apply", f"{kind.kind}/{name}", self._cancelled)
        key = _key(kind, namespace, name)
        with self._store.open() as content:
            if not dry_run:
                images = images_of(body) if kind.kind in WITH_PODS else ()
                require_cluster(content, self._endpoint, kind.kind, name, images)
            old: Map = content["objects"].get(key) or _fresh(content, kind)
            result = _merged(old, content["applied"].get(key, {}), body)
            changed = objects.comparable(result) != objects.comparable(old)
            result["metadata"]["generation"] += int(changed)
            result["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply"}]
            status: Any = content["status"].get(f"{kind.kind}/{name}", healthy(result))
            result |= {"status": status} if status is not None else {}
            if not dry_run:
                content["objects"][key] = result
                content["applied"][key] = body
        return copy.deepcopy(result)

    def delete(self, kind: Kind, namespace: str, name: str, policy: str, uid: str | None) -> None:
        """Gone at once."""
        self._store.behave("delete", f"{kind.kind}/{name}", self._cancelled)
        with self._store.open() as content:
            require_cluster(content, self._endpoint, kind.kind, name)
            content["objects"].pop(_key(kind, namespace, name), None)
            content["applied"].pop(_key(kind, namespace, name), None)

    def _require_namespace(self, kind: Kind, namespace: str) -> None:
        known = self._store.section("objects")
        if not kind.namespaced or namespace == "default" or f"Namespace//{namespace}" in known:
            return
        message = f'namespaces "{namespace}" not found'
        status = {"reason": "NotFound", "message": message, "details": {"kind": "namespaces", "name": namespace}}
        raise ApiError(404, json.dumps(status), f"applying {kind.kind}")


def _key(kind: Kind, namespace: str, name: str) -> str:
    return f"{kind.kind}/{namespace}/{name}"


def _fresh(content: Map, kind: Kind) -> Map:
    """A new object's identity; the same in every run of a test."""
    uid = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind.kind} {len(content['calls'])}")
    return {"metadata": {"uid": str(uid), "creationTimestamp": NOW, "generation": 0, "resourceVersion": "1"}}


def _merged(live: Map, applied: Map, body: Map) -> Map:
    result = copy.deepcopy(live)
    for key in applied.keys() - body.keys():
        result.pop(key, None)
    for key, value in body.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            last = applied.get(key)
            result[key] = _merged(cast(Map, before), cast(Map, last or Map()), cast(Map, value))
        else:
            result[key] = copy.deepcopy(cast(Any, value))
    return result
