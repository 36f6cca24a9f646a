"""What is a sample's own in a graph that many samples share: one parameter that holds it all, and references to it.

Ten thousand samples are then ten thousand short tasks. Pulumi's engine takes some kilobytes of memory for every value
of a resource, whatever its length, and each graph written out would have hundreds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from workflows.steps import Item, Step, parameters

SAMPLE: Final = "sample"
OWN: Final = "own"
"""The parameters of a shared graph: the sample's name, and its own values by step and parameter, as JSON."""


def packed(steps: Sequence[Step]) -> tuple[list[Step], str]:
    """Steps of a graph that any sample with the same templates can use, and the value of its parameter `own`."""
    own: dict[str, str] = {}
    return [_packed(step, own) for step in steps], json.dumps(own, separators=(",", ":"))


def _packed(step: Step, own: dict[str, str]) -> Step:
    values = [parameters(item) for item in step.items]
    if len(values) == 1:
        given = {name: _reference(f"{step.name}.{name}", name, value, own) for name, value in values[0].items()}
        return replace(step, items=(_item(given),))
    differing = [name for name in values[0] if len({value[name] for value in values}) > 1]
    own[step.name] = json.dumps([{name: value[name] for name in differing} for value in values], separators=(",", ":"))
    given = {
        name: f"{{{{item.{name}}}}}" if name in differing else _reference(f"{step.name}.{name}", name, value, own)
        for name, value in values[0].items()
    }
    return replace(step, items=(_item(given),), each=_value(step.name))


def _reference(at: str, name: str, value: str, own: dict[str, str]) -> str:
    """What stands for a value that is put away under `at`; of one that names the item, the folder is."""
    if name == SAMPLE:
        return f"{{{{inputs.parameters.{SAMPLE}}}}}"
    if "{{" not in value:
        own[at] = value
        return _value(at)
    folder, _, rest = value.rpartition("/")
    if not folder or "{{" in folder:
        return value
    own[at] = folder
    return f"{_value(at)}/{rest}"


def _value(at: str) -> str:
    return f"{{{{=fromJSON(inputs.parameters.{OWN})['{at}']}}}}"


def _item(given: dict[str, str]) -> Item:
    return Item(given["key"], given["record"], {name: given[name] for name in given if name not in ("key", "record")})
