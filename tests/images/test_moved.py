"""What a step moves is in its record: the bytes of all copies, and the time in which it only waited for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.images import reads
from tests.images.docker import Workspace


@pytest.fixture(scope="module")
def record(folder: Path) -> dict[str, Any]:
    space = Workspace(folder)
    uri = space.put("reads/R1.fastq.gz", reads.gzipped(1))
    words = ("--name", "NA12878_L001_R1", "--reads", uri, "--checksum", "none", "--out", "/data/fastqc/")
    outcome = space.run("fastqc", *words, record="/data/steps/moved.json", memory=1024)
    assert outcome.code == 0, outcome.stderr
    return json.loads(space.read("steps/moved.json"))


def test_every_byte_that_came_and_went_is_counted_once(record: dict[str, Any]) -> None:
    came = sum(file["size"] for file in record["inputs"])
    went = sum(file["size"] for file in record["outputs"])
    assert record["moved_bytes"] == came + went


def test_only_copies_that_nothing_works_on_count_as_waiting(record: dict[str, Any]) -> None:
    assert 0 < record["moved_seconds"] <= record["seconds"] + 1
