"""Records are read with distrust: cut, foreign, huge and hostile ones cost a line and never the page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reports.records import MOST_BYTES, parse, when

URI = "s3://results/P1/.steps/align.json"
GOOD: dict[str, Any] = {
    "step": "align",
    "sample": "P1",
    "run": "p1-0123456789",
    "image": "registry/bwa-mem2@sha256:00",
    "started": "2026-11-21T08:00:00Z",
    "ended": "2026-11-21T08:10:00Z",
    "memory_mib": 4096,
    "cpu_seconds": 580.5,
    "peak_memory_bytes": 2**30,
    "moved_bytes": 10**9,
    "moved_seconds": 12.5,
    "inputs": [{"uri": "s3://reads/a.fq.gz", "size": 7, "sha256": "ab"}],
    "tools": {"bwa-mem2": "2.3"},
    "facts": {"pairs": 5},
}


def test_a_record_is_read_with_its_units() -> None:
    (record,) = parse([(URI, json.dumps(GOOD).encode())]).steps
    assert (record.seconds, record.cpu_seconds, record.peak_bytes) == (600.0, 580.5, 2**30)
    assert (record.moved_bytes, record.moved_seconds, record.memory_mib) == (10**9, 12.5, 4096)
    assert [file.uri for file in record.inputs] == ["s3://reads/a.fq.gz"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        json.dumps(GOOD).encode()[:-20],
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"step": "", "sample": "P1"}',
        b'{"step": "align", "sample": 7}',
        b"[" * 100_000,
        b" " * (MOST_BYTES + 1),
    ],
    ids=["empty", "open", "cut", "array", "null", "bytes", "no-step", "no-sample", "deep", "huge"],
)
def test_what_is_no_record_is_told_by_its_address_with_a_remedy(data: bytes) -> None:
    found = parse([(URI, data), (URI.replace("P1", "P2"), json.dumps(GOOD).encode())])
    assert len(found.steps) == 1
    (problem,) = found.problems
    assert problem.startswith(f"{URI}: ")
    assert "delete it and run `up` again" in problem


@pytest.mark.parametrize("value", [True, -1, 1e300, "12", None, [], float("1e400")])
def test_a_figure_that_cannot_be_is_not_known(value: object) -> None:
    names = ("memory_mib", "cpu_seconds", "peak_memory_bytes", "moved_bytes", "moved_seconds")
    (record,) = parse([(URI, json.dumps({**GOOD, **dict.fromkeys(names, value)}).encode())]).steps
    assert [record.memory_mib, record.cpu_seconds, record.peak_bytes, record.moved_bytes] == [None] * 4


def test_fields_of_other_kinds_are_left_out() -> None:
    odd = {"inputs": {"a": 1}, "tools": [1], "facts": "x", "started": 5, "ended": "yesterday", "image": None}
    (record,) = parse([(URI, json.dumps({**GOOD, **odd}).encode())]).steps
    assert (record.inputs, dict(record.tools), dict(record.facts)) == ((), {}, {})
    assert record.seconds is None


def test_a_clock_that_was_turned_back_gives_no_time() -> None:
    (record,) = parse([(URI, json.dumps({**GOOD, "ended": "2026-11-21T07:00:00Z"}).encode())]).steps
    assert record.seconds is None


def test_control_characters_do_not_come_through() -> None:
    hostile = {**GOOD, "step": "al\x1b[31mign\u202e", "image": "a\nb\x00c"}
    (record,) = parse([(URI, json.dumps(hostile).encode())]).steps
    assert record.step == "al [31mign"
    assert record.image == "a b c"


def test_a_run_record_says_that_its_sample_is_done() -> None:
    data = json.dumps({"sample": "P1", "complete": True}).encode()
    assert parse([("s3://results/P1/run.json", data)]).complete == {"P1"}
    assert not parse([("s3://results/P1/run.json", b'{"sample": "P1", "complete": "yes"}')]).complete


@pytest.mark.parametrize(("text", "hour"), [("2026-11-21T08:00:00Z", 8), ("2026-11-21T08:00:00+02:00", 6)])
def test_times_are_utc(text: str, hour: int) -> None:
    found = when(text)
    assert found is not None
    assert found.hour == hour
