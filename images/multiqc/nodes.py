"""What a Workflow says of its pods, read in one way by the steps, in their image, and by the program.

Plain Python without anything else: the image has no more.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

SAMPLE = "biojobs/sample"
"""The label of what a Workflow is about."""

# A container's name, the runtime's word for how it ended, and its exit code: so Argo's message begins, unless
# Kubernetes has something to say of the pod. No backslashes: these words go through JSON twice.
ENDED = "^[a-z]+: [A-Za-z]+ [(]exit code "
_SAID = re.compile(ENDED + r"[0-9]+[)]: (?P<said>.+)$", re.DOTALL)
_VARIANT = re.compile(r"-x\d+$")
"""What tells templates of one step apart that ask for different amounts."""


class Rule(Protocol):
    """When a try has failed of a cause: with one of the codes and a message like this, whichever are given."""

    @property
    def cause(self) -> str:
        """The cause."""
        ...

    @property
    def codes(self) -> Sequence[int]:
        """Exit codes, or none for any."""
        ...

    @property
    def message(self) -> str:
        """A regular expression that is found in the message."""
        ...

    @property
    def status(self) -> str:
        """Argo's phase, or "" for any."""
        ...


def cause(rules: Iterable[Rule], phase: str, exit_code: str, message: str) -> str:
    """Why a try ended badly: the first rule that fits counts, and what none fits is the tool's own error.

    The code in the message comes before that of the pod, which may be another container's.
    """
    ended = re.match(ENDED + "([0-9]+)[)]", message)
    code = int(ended[1] if ended else exit_code or -1)
    for rule in rules:
        if (not rule.codes or code in rule.codes) and rule.status in ("", phase) and re.search(rule.message, message):
            return rule.cause
    return "tool"


def said(message: str) -> str:
    """What the step itself said in a node's message, or the whole message where Kubernetes or Argo speak."""
    match = _SAID.match(message)
    # A step that is killed leaves what it said when it began, which is no reason
    return match["said"].strip() if match and not match["said"].startswith("running with ") else message


def step_of(template_name: str) -> str:
    """The step of a pod's template: `align` of `align`, and of `align-x2` too."""
    return _VARIANT.sub("", template_name)


def sample_of(node: Mapping[str, Any], workflow: Mapping[str, Any]) -> str:
    """The sample that a node works on: its own where it names one, else the Workflow's subject."""
    inputs = cast(Mapping[str, Any], node.get("inputs") or {})
    given = cast(list[Mapping[str, Any]], inputs.get("parameters") or [])
    own = next((parameter.get("value") for parameter in given if parameter.get("name") == "sample"), None)
    metadata = cast(Mapping[str, Any], workflow["metadata"])
    labels = cast(Mapping[str, Any], metadata.get("labels") or {})
    return str(own or labels.get(SAMPLE) or metadata["name"])


def nodes(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nodes of a Workflow object, also where Argo has packed them.

    Raises `ValueError` for packed nodes that cannot be unpacked.
    """
    status = cast(Mapping[str, Any], workflow.get("status") or {})
    found = cast(Mapping[str, Any], status.get("nodes") or {})
    if not found and (packed := status.get("compressedNodes")):
        found = _unpacked(str(packed), str(workflow["metadata"]["name"]))
    return list(found.values())


def _unpacked(packed: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"Workflow {name}: its packed nodes cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"Workflow {name}: its packed nodes are no mapping")
    return cast(Mapping[str, Any], found)
