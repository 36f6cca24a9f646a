"""What any cloud refuses by looking at the request alone."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from offline.recording.strict import schema
from offline.recording.strict.cloud import Cloud, Problems
from offline.recording.strict.kind import Kind, at
from offline.values import Map

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def problems(cloud: Cloud[Any], kind: Kind, inputs: Map) -> Problems:
    """Every reason why the cloud would not take the request."""
    yield from schema.problems(kind.token, inputs)
    yield from name_problems(cloud.name, kind, inputs)
    for path, allowed in kind.enums.items():
        for where, value in at(inputs, path):
            text = str(int(value)) if isinstance(value, float) else str(value)
            if text not in allowed:
                yield where, f"{text!r} is none of {', '.join(sorted(allowed))}"
    for path, (least, most) in kind.ranges.items():
        for where, value in at(inputs, path):
            if not least <= float(value) <= most:
                yield where, f"{value} is not from {least} to {most}"
    for path in kind.cidrs:
        for where, value in at(inputs, path):
            yield from _cidr(where, str(value))
    yield from cloud.limits(kind, inputs)


def name_problems(cloud: str, kind: Kind, inputs: Map) -> Problems:
    """A physical name that is too long, or of the wrong characters."""
    for where, value in at(inputs, kind.name_key) if kind.name_key else ():
        if kind.longest and len(str(value)) > kind.longest:
            yield where, f"{value!r} has {len(str(value))} characters; {cloud} takes {kind.longest}"
        if kind.charset and not re.fullmatch(kind.charset, str(value)):
            yield where, f"{value!r} is no name that {cloud} takes for a {kind.called}: {kind.charset}"


def _cidr(where: str, value: str) -> Problems:
    try:
        ipaddress.IPv4Network(value)
    except ValueError as error:
        yield where, f"{value!r} is no network: {error}"


def json_problems(where: str, value: str) -> Problems:
    """A text that is no JSON."""
    try:
        json.loads(value)
    except ValueError as error:
        yield where, f"is no JSON: {error}"


def is_label(key: str, value: object) -> bool:
    """Whether Kubernetes takes it as a node's label; a value that is not known yet is taken."""
    prefix, _, name = key.rpartition("/")
    fits = bool(_LABEL.fullmatch(name)) and len(prefix) <= 253
    return fits and (not isinstance(value, str) or bool(_LABEL.fullmatch(value)))


def is_kubelets(key: str) -> bool:
    """Whether the label's prefix is one that a kubelet may not set by itself."""
    prefix = key.rpartition("/")[0]
    allowed = ("node.kubernetes.io", "kubelet.kubernetes.io")
    return prefix.endswith(("kubernetes.io", "k8s.io")) and not prefix.endswith(allowed)
