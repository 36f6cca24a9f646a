"""What tests of manifests share: golden files, and what stands where in a Workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.workflows.conftest import Run
from workflows.types import Manifest

GOLDEN = Path(__file__).parent / "golden"


def check_golden(name: str, manifest: Manifest, regenerate: bool) -> None:
    file = GOLDEN / f"{name}.yaml"
    text = yaml.safe_dump(manifest, sort_keys=True, width=110)
    if regenerate:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"{file} differs; if that is meant, run pytest with --golden and read the diff"


def keys(manifest: Manifest) -> dict[str, str]:
    """Key of every step's result, by the last part of its record's name."""
    found: dict[str, str] = {}
    for task in templates(manifest)["sample"]["dag"]["tasks"]:
        for item in given(task):
            found[Path(item["record"]).stem] = item["key"]
    return found


def given(task: dict[str, Any]) -> list[dict[str, str]]:
    """What a task hands to its template, for each of its items."""
    shared = {p["name"]: p["value"] for p in task["arguments"]["parameters"]}
    items: list[dict[str, str]] = task.get("withItems") or [{}]
    return [{**shared, **item} for item in items]


def changed(before: Run, after: Run) -> set[str]:
    """Records of the steps that another run would make again. Shards have keys that follow from that of `shards`."""
    old, new = keys(before.manifest()), keys(after.manifest())
    return {step for step in {*old, *new} if old.get(step) != new.get(step)}


def templates(manifest: Manifest) -> dict[str, Any]:
    return {template["name"]: template for template in manifest["spec"]["templates"]}
