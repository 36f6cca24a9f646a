"""Kubernetes objects: names, what is ours in them, and what is secret."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterable
from typing import Any, cast

from offline.paths import get
from offline.resource import InvalidInputsError, Path, Request
from offline.values import UNKNOWN, Map, Secret, Unknown, mark_like, reveal

AUTONAMED = "pulumi.com/autonamed"
MANAGER_KEY = "__fieldManager"
VERSION_KEY = "__initialApiVersion"
INPUTS_KEY = "__inputs"

# What the server writes for itself: never a difference, and not in a preview.
_SERVER_METADATA = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_STABLE_METADATA = ("uid", "creationTimestamp")


def annotation(body: Map, key: str) -> str:
    """The value of an annotation, or an empty string."""
    value = get(body, "metadata", "annotations", key)
    return value if isinstance(value, str) else ""


def name_of(body: Map) -> str:
    """metadata.name, or an empty string while it is not known."""
    value = reveal(get(body, "metadata", "name"))
    return value if isinstance(value, str) else ""


def namespace_of(body: Map) -> str:
    """metadata.namespace, or an empty string."""
    value = reveal(get(body, "metadata", "namespace"))
    return value if isinstance(value, str) else ""


def object_id(body: Map) -> str:
    """`namespace/name`, or `name` for a kind without namespaces."""
    namespace = namespace_of(body)
    return f"{namespace}/{name_of(body)}" if namespace else name_of(body)


def split_id(resource_id: str) -> tuple[str, str]:
    """Namespace (or nothing) and name of `object_id`."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def named(request: Request) -> Map:
    """The inputs with a name: the given one, the one they had, or the resource's own with a random suffix."""
    inputs = copy.deepcopy(request.inputs)
    metadata = inputs.setdefault("metadata", {})
    if isinstance(metadata, Unknown | Secret):
        raise InvalidInputsError([("metadata", "must not be secret or unknown as a whole")])
    if metadata.get("name") is not None:
        return inputs
    if metadata.get("generateName") is not None:
        raise InvalidInputsError(
            [("metadata.generateName", "is not supported by server-side apply: give metadata.name")]
        )
    old_name = get(request.old_inputs, "metadata", "name")
    kept = isinstance(old_name, str) and annotation(request.old_inputs, AUTONAMED) == "true"
    metadata["name"] = old_name if kept else f"{request.name}-{request.suffix()}"
    annotations = metadata.get("annotations")
    if annotations is not UNKNOWN:
        metadata["annotations"] = {**(annotations or {}), AUTONAMED: "true"}
    return inputs


def body_of(inputs: Map) -> Map:
    """Inputs as the API server takes them: no secret marks, no nulls, `stringData` folded into `data`.

    The server would fold `stringData` too, but then forgets which keys to take away later.
    """
    body = cast(Map, _without_nulls(reveal(inputs)))
    body = cast(Map, _dashed(body))
    text = body.get("stringData")
    if body.get("kind") == "Secret" and body.get("apiVersion") == "v1" and isinstance(text, dict):
        del body["stringData"]
        encoded = {k: base64.b64encode(str(v).encode()).decode() for k, v in cast(Map, text).items()}
        body["data"] = {**(body.get("data") or {}), **encoded}
    return body


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in cast(Map, value).items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast(list[Any], value)]
    return value


def _dashed(value: Any) -> Any:
    """`x_kubernetes_*`, as Pulumi's types spell it, to the `x-kubernetes-*` of the API."""
    if isinstance(value, dict):
        items = cast(Map, value).items()
        return {k.replace("_", "-") if k.startswith("x_kubernetes_") else k: _dashed(v) for k, v in items}
    return [_dashed(item) for item in cast(list[Any], value)] if isinstance(value, list) else value


def comparable(live: Map) -> Map:
    """The object without status and the server's own bookkeeping."""
    trimmed = {key: value for key, value in live.items() if key != "status"}
    metadata = cast(Map, live.get("metadata") or {})
    trimmed["metadata"] = {k: v for k, v in metadata.items() if k not in _SERVER_METADATA}
    return trimmed


def state_of(live: Map, inputs: Map, manager: str) -> Map:
    """What is stored: the live object, secret where the inputs are, and under which name we own its fields.

    The keys with underscores are those of pulumi-kubernetes, so that it can take over the stack.
    """
    state = protect(without_managers(live), inputs)
    state[INPUTS_KEY] = protect(inputs, inputs)
    state[MANAGER_KEY] = manager
    state[VERSION_KEY] = str(inputs.get("apiVersion", ""))
    return state


def preview_state(result: Map, inputs: Map, *, live: bool) -> Map:
    """What an apply would make; what is known only after it is unknown."""
    preview = comparable(result)
    metadata = cast(Map, result.get("metadata") or {})
    known = _STABLE_METADATA if live else ()
    for key in _SERVER_METADATA[1:]:
        preview["metadata"][key] = metadata[key] if key in known and key in metadata else UNKNOWN
    return protect(preview, inputs)


def without_managers(live: Map) -> Map:
    """The object without `managedFields`, which is bookkeeping several times the size of the object."""
    metadata = {k: v for k, v in cast(Map, live.get("metadata") or {}).items() if k != "managedFields"}
    return {**live, "metadata": metadata}


def protect(value: Map, inputs: Map) -> Map:
    """`value` with the inputs' secrets marked, and all data of a Secret."""
    marked = cast(Map, mark_like(value, inputs))
    if value.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in marked and not isinstance(marked[key], Secret):
                marked[key] = Secret(reveal(marked[key]))
    last_applied = "kubectl.kubernetes.io/last-applied-configuration"
    if value.get("kind") == "Secret" and annotation(value, last_applied):
        text = marked["metadata"]["annotations"][last_applied]
        marked["metadata"]["annotations"][last_applied] = Secret(reveal(text))
    return marked


def with_live(wanted: Map, live: Map, paths: Iterable[Path]) -> Map:
    """A copy of `wanted` that says what `live` does at `paths`, as far as it speaks of them at all."""
    copied = copy.deepcopy(wanted)
    for path in paths:
        parent = get(copied, *path[:-1])
        value, part = get(live, *path), path[-1]
        if isinstance(parent, dict) and part in parent:
            if value is None:
                del cast(Map, parent)[str(part)]
            else:
                cast(Map, parent)[str(part)] = value
        elif isinstance(parent, list) and isinstance(part, int) and part < len(cast(list[Any], parent)):
            cast(list[Any], parent)[part] = value
    return copied


def is_managed_by(live: Map, manager: str) -> bool:
    """Whether `manager` made the object by server-side apply."""
    entries = cast(list[Map], get(live, "metadata", "managedFields") or [])
    return any(entry.get("manager") == manager and entry.get("operation") == "Apply" for entry in entries)
