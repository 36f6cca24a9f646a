"""Where the results of a run are, as a person finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from settings import Settings
from workflows.types import KIND_LABEL, SAMPLE_LABEL

_NAME: Final = "{{workflow.name}}"


def folder(template: Mapping[str, Any], run: str) -> str | None:
    """URI of the folder of a job's results, from what its template's steps are told; None where they are told none."""
    return _folder(template.get("spec"), f"/_jobs/{_NAME}", f"/_jobs/{run}")


def folder_of_run(workflow: Mapping[str, Any]) -> str | None:
    """URI of the folder of a sample's results, from its Workflow; None for any other kind of run."""
    labels = cast("Mapping[str, str]", workflow["metadata"].get("labels") or {})
    if labels.get(KIND_LABEL) != "sample":
        return None
    sample = f"/{labels.get(SAMPLE_LABEL)}"
    return _folder(workflow.get("spec"), sample, sample)


def _folder(spec: object, ending: str, written: str) -> str | None:
    pattern = re.compile(rf"((?:s3|gs)://[^\s/]+(?:/[^\s]+?)??){re.escape(ending)}(?:/|$)")
    found = (match for text in _texts(spec) if (match := pattern.match(text)))
    return next((f"{match[1]}{written}/" for match in found), None)


def _texts(value: object) -> Iterator[str]:
    """Every text within a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in cast(Mapping[str, object], value).values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in cast(Sequence[object], value):
            yield from _texts(inner)


def place(uri: str, settings: Settings, root: Path) -> str:
    """A folder of the store as a person opens it: a path where the store is a folder of this machine."""
    if settings.cloud != "local":
        return uri
    return str((root / settings.local.workspace).resolve() / uri.removeprefix("s3://"))


def files(place: str) -> list[str]:
    """The files in a folder of this machine, by their paths within it; records of steps are left out."""
    top = Path(place)
    found = (file.relative_to(top) for file in top.rglob("*") if file.is_file())
    return sorted(str(file) for file in found if not any(part.startswith(".") for part in file.parts))
