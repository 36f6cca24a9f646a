"""The table of both clouds in docs/clouds.md names what there is, and all that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from settings import Settings
from settings_aws import Aws
from settings_gcp import Gcp
from tests.program import ROOT

TABLE = ROOT / "docs" / "clouds.md"
CLOUDS: Mapping[str, type[BaseModel]] = {"aws": Aws, "gcp": Gcp}
WHOLE = {"network", "buckets"}
"""Keys that stand for those in them."""


@dataclass(frozen=True)
class Row:
    """A feature, and what its cells name between backticks."""

    feature: str
    clouds: Mapping[str, list[str]]
    tests: list[str]


def rows(text: str) -> list[Row]:
    """The rows of the table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(feature, {"aws": _named(aws), "gcp": _named(gcp)}, _named(tests)) for feature, aws, gcp, tests in cells]


def _named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def keys(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Keys of a cloud's settings with those in them, such as `network.nat`; of pools the key alone."""
    for name, field in model.model_fields.items():
        key = before + (field.alias or to_camel(name))
        inner = field.annotation
        if key != "pools" and isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{key}.")
        yield key


def files(cloud: str) -> set[str]:
    """Modules and data of a cloud's components."""
    folder = ROOT / "components" / cloud
    return {file.name for file in folder.iterdir() if file.suffix in (".py", ".json") and file.name != "__init__.py"}


def stands_for(name: str) -> list[Path]:
    """The files that a test's name in the table stands for; all of them must be there."""
    below = ROOT / "tests" / "components"
    if name.startswith("tests/"):
        return [ROOT / name]
    return [below / name] if "/" in name else [below / cloud / name for cloud in CLOUDS]


def problems(text: str) -> Iterator[str]:
    """What is wrong with the table, a line each."""
    table = rows(text)
    common = set(keys(Settings))
    for cloud, model in CLOUDS.items():
        known = set(keys(model))
        named = {name for row in table for name in row.clouds[cloud]}
        settings = {name.removeprefix("biojobs:") for name in named if name.startswith("biojobs:")}
        modules = {name for name in named if name.endswith((".py", ".json"))}
        yield from (f"{cloud} has no setting {key}" for key in sorted(settings - known - common))
        yield from (f"{cloud} has no file {name}" for name in sorted(modules - files(cloud)))
        yield from (f"{cloud}: no row has the setting {key}" for key in sorted(known - settings - WHOLE))
        yield from (f"{cloud}: no row has the file {name}" for name in sorted(files(cloud) - modules))
    for row in table:
        if not row.tests:
            yield f"{row.feature}: shown by no test"
        for name in row.tests:
            yield from (f"{row.feature}: no test {file}" for file in stands_for(name) if not file.exists())


def test_every_row_names_what_there_is_and_nothing_is_left_out() -> None:
    assert list(problems(TABLE.read_text())) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("`biojobs:dnsEndpoint`", "`biojobs:dnsEndpoints`", "gcp has no setting dnsEndpoints"),
        ("`biojobs:podIdentity`", "Pod Identity", "aws: no row has the setting podIdentity"),
        ("`services.py`", "`apis.py`", "gcp: no row has the file services.py"),
        ("`autoscaler.py`", "`scaler.py`", "aws has no file scaler.py"),
        ("`gcp/test_services.py`", "`gcp/test_apis.py`", "APIs: no test"),
        ("`gcp/test_services.py`", "a look", "APIs: shown by no test"),
    ],
)
def test_a_table_that_is_wrong_is_told(old: str, new: str, said: str) -> None:
    text = TABLE.read_text()
    assert old in text
    assert any(line.startswith(said) for line in problems(text.replace(old, new)))
