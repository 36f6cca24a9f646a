"""What AWS refuses by looking at the request alone."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, cast

from offline.recording.strict.cloud import Problems
from offline.recording.strict.kind import Kind, at
from offline.recording.strict.limits import is_kubelets, is_label, json_problems
from offline.values import Map

_USER_DATA_BYTES = 16_384
_TAGS = 50


def limits(kind: Kind, inputs: Map) -> Problems:
    """What is AWS's own: policies, tags, node groups, user data, dashboards."""
    for path, longest in kind.policies.items():
        for where, value in at(inputs, path):
            yield from _policy(where, value, longest)
    yield from _tags(inputs)
    yield from _more(kind, inputs)


def _policy(where: str, value: Any, longest: int) -> Problems:
    if not isinstance(value, str):
        return
    try:
        document: Any = json.loads(value)
    except ValueError as error:
        yield where, f"is no JSON: {error}"
        return
    size = len(json.dumps(document, separators=(",", ":")))
    if size > longest:
        yield where, f"has {size} characters; AWS takes {longest}"
    statements: Any = cast(Map, document).get("Statement") if isinstance(document, dict) else None
    if not isinstance(statements, list) or not statements:
        yield where, "has no list of statements"
        return
    if cast(Map, document).get("Version") != "2012-10-17":
        yield (
            where,
            "has no Version 2012-10-17: variables such as ${aws:PrincipalTag} would be taken as they are written",
        )
    for index, statement in enumerate(cast(list[Map], statements)):
        yield from _statement(f"{where}.Statement[{index}]", statement)


def _statement(where: str, statement: Map) -> Problems:
    known = {
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    }
    if unknown := statement.keys() - known:
        yield where, f"has {', '.join(sorted(unknown))}, which no policy has"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield where, f"has the effect {statement.get('Effect')!r}"
    if "Action" not in statement and "NotAction" not in statement:
        yield where, "has no action"
    if not re.fullmatch(r"[A-Za-z0-9]*", str(statement.get("Sid", ""))):
        yield where, f"has the Sid {statement['Sid']!r}; it takes letters and digits alone"
    actions: Any = statement.get("Action", [])
    for action in [actions] if isinstance(actions, str) else cast(list[str], actions):
        if action != "*" and not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
            yield where, f"has the action {action!r}, which is none"


def _tags(inputs: Map) -> Problems:
    for where, value in at(inputs, "tags"):
        tags = cast(Map, value)
        if len(tags) > _TAGS:
            yield where, f"has {len(tags)} tags; AWS takes {_TAGS}"
        for key, text in tags.items():
            if not 1 <= len(key) <= 128 or key.startswith("aws:"):
                yield where, f"has the key {key!r}, which AWS does not take"
            if isinstance(text, str) and not re.fullmatch(r"[\w .:/=+@-]{0,256}", text):
                yield where, f"has the value {text!r} of {key}, which AWS does not take"


def _more(kind: Kind, inputs: Map) -> Problems:
    if kind.called == "node-group":
        yield from _node_group(inputs)
    if kind.called == "lt":
        for where, value in at(inputs, "userData"):
            yield from _user_data(where, str(value))
    if kind.called == "dashboard":
        for where, value in at(inputs, "dashboardBody"):
            yield from _dashboard(where, value)
    if kind.called == "addon":
        for where, value in at(inputs, "configurationValues"):
            yield from json_problems(where, str(value))
    if kind.called == "sgr":
        sources = [
            key for key in ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId") if inputs.get(key)
        ]
        if len(sources) != 1:
            yield "cidrIpv4", f"a rule has one source or destination, and this has {len(sources)}"
    if kind.called == "asg-tag" and len(str(inputs.get("tag", {}).get("key", ""))) > 128:
        yield "tag.key", "has over 128 characters"


def _node_group(inputs: Map) -> Problems:
    scaling = cast(Map, inputs.get("scalingConfig") or {})
    sizes = [scaling.get(key) for key in ("minSize", "desiredSize", "maxSize")]
    if all(isinstance(size, int | float) for size in sizes) and sizes != sorted(cast(list[float], sizes)):
        yield "scalingConfig", f"min {sizes[0]}, desired {sizes[1]} and max {sizes[2]} are not in this order"
    types = cast(list[Any], inputs.get("instanceTypes") or [])
    if len(types) > 20:
        yield "instanceTypes", f"has {len(types)} types; EKS takes 20"
    if inputs.get("launchTemplate") and inputs.get("diskSize"):
        yield "diskSize", "belongs into the launch template"
    for where, value in at(inputs, "labels"):
        for key, text in cast(Map, value).items():
            if not is_label(key, text):
                yield where, f"has the label {key}={text}, which Kubernetes does not take"
            if is_kubelets(key):
                yield where, f"has the label {key}, which a kubelet may not set"


def _user_data(where: str, value: str) -> Problems:
    try:
        size = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        yield where, "is not base64"
        return
    if size > _USER_DATA_BYTES:
        yield where, f"has {size} bytes; EC2 takes {_USER_DATA_BYTES}"


def _dashboard(where: str, value: Any) -> Problems:
    if found := list(json_problems(where, str(value))):
        yield from found
        return
    body = cast(Map, json.loads(value))
    for index, widget in enumerate(cast(list[Map], body.get("widgets", []))):
        if widget.get("type") not in ("metric", "text", "log", "alarm", "explorer"):
            yield f"{where}.widgets[{index}]", f"has the type {widget.get('type')!r}"
        if int(widget.get("x", 0)) + int(widget.get("width", 6)) > 24:
            yield f"{where}.widgets[{index}]", "ends right of the dashboard's 24 columns"
