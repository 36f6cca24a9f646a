"""Whether a step would run, and why: the words for everything that may be wrong with a record or its results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.workflows.conftest import Run
from workflows.changes import arguments, grouped, shown
from workflows.sample import SampleRules, sample_steps
from workflows.steps import Step
from workflows.types import Aligner
from workflows.why import LONGEST, Evidence, Seen, Verdict, last_failures, verdicts

REPORT = "s3://results/NA12878/fastqc/L001_R1.html"
STEPS = "s3://results/NA12878/.steps"
NAMES = [f"fastqc {lane}_R{read}" for lane in ("L001", "L002") for read in (1, 2)]
ORDER = [*NAMES, "gate", "align", "shards", "call", "gather", "record"]
SHARDS = [{"shard": f"000{number}", "key": f"key-{number}"} for number in range(1, 5)]


def steps(run: Run) -> list[Step]:
    return sample_steps(run.sample, SampleRules(run.qc, run.rules, run.calls, "cohort"), run.platform)


def listed(words: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [word for name, values in words.items() for word in (f"--{name}", *values)]


@dataclass
class Done:
    """A store in which a run has done all its steps."""

    run: Run
    records: dict[str, Any] = field(default_factory=dict[str, Any])
    """By URI; bytes are kept as they are."""
    files: dict[str, Seen] = field(default_factory=dict[str, Seen])
    sums: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for step in steps(self.run):
            for item in () if step.each else step.items:
                self.add(item.record, item.key, self.run.platform.images[step.image], listed(arguments(step, item)))
        self.records[f"{STEPS}/shards.json"]["facts"] = {"shards": SHARDS}
        for one in SHARDS:
            self.add(f"{STEPS}/calls/{one['shard']}.json", one["key"], "variants", [])

    def add(self, uri: str, key: str, image: str, words: list[str]) -> None:
        output = uri.replace(".json", ".out")
        inputs = [
            {"uri": word, "size": 10, "modified": "2026-11-21T07:00:00.5Z"} for word in words if word.endswith(".gz")
        ]
        self.records[uri] = {
            **{"sample": "NA12878", "key": key, "image": image, "arguments": words, "inputs": inputs},
            **{"outputs": [{"uri": output, "size": 7, "sha256": "right"}], "ended": "2026-11-21T08:00:00Z"},
        }
        self.files[output] = Seen(7, 0)

    def look(self, now: Run | None = None, **more: Any) -> list[Verdict]:
        def record(uri: str) -> bytes | None:
            found = self.records.get(uri)
            return found if found is None or isinstance(found, bytes) else json.dumps(found).encode()

        run = now or self.run
        found = {source.uri: source for lane in run.sample.lanes for source in lane.reads}
        evidence = Evidence(record, self.files.get, found, run.platform.images, **more)
        return verdicts(steps(run), evidence, run.sample.name)

    def runs(self, now: Run | None = None, **more: Any) -> dict[str, tuple[str, ...]]:
        """The reasons of the steps that would run."""
        return {verdict.name: verdict.reasons for verdict in self.look(now, **more) if verdict.runs}


@pytest.fixture
def done(run: Run) -> Done:
    return Done(run)


def test_of_a_run_that_is_complete_nothing_would_run(done: Done) -> None:
    found = done.look()
    assert [verdict.name for verdict in found] == ORDER
    assert not any(verdict.runs for verdict in found)
    assert found[0].reasons == ("2026-11-21 08:00 UTC",)
    assert found[7].reasons == ("4 of 4",)


def test_of_a_run_that_never_was_all_would_run(run: Run) -> None:
    found = verdicts(steps(run), Evidence(lambda _: None, lambda _: None), "NA12878")
    assert [verdict.name for verdict in found if verdict.runs] == ORDER
    assert found[0].reasons == ("no record: it was never done to its end",)


def test_a_changed_image_is_told_with_both_digests(done: Done) -> None:
    changed = {**done.run.platform.images, "fastqc": "elsewhere:5000/fastqc@sha256:" + "9" * 64}
    found = done.runs(done.run.but(platform=replace(done.run.platform, images=changed)))
    assert list(found) == [*NAMES, "gate", "record"]
    for name in (*NAMES, "gate"):
        assert found[name] == ("the image fastqc changed: 111111111111 -> 999999999999",)
    assert found["record"] == ("fastqc and gate would run with something else",)


def test_a_changed_setting_is_told_as_the_argument_that_it_is(done: Done) -> None:
    found = done.runs(done.run.but(qc=replace(done.run.qc, min_reads=1000)))
    assert found == {
        "gate": ("--min-reads changed: 1 -> 1000",),
        "record": ("gate would run with something else",),
    }


def test_a_setting_that_comes_or_goes_is_told(done: Done) -> None:
    found = done.runs(done.run.but(qc=replace(done.run.qc, must_not_fail=())))
    assert found["gate"] == ("--must-not-fail changed: Basic Statistics -> none",)


def reread(run: Run, identity: str, size: int) -> Run:
    first, second = run.sample.lanes
    reads = (first.reads[0], replace(first.reads[1], identity=identity, size=size))
    return run.but(sample=replace(run.sample, lanes=(replace(first, reads=reads), second)))


@pytest.mark.parametrize(
    ("identity", "size", "said"),
    [
        ("abc", 1200, "the input s3://reads/L001_2.fq.gz changed: 10 bytes -> 1,200 bytes"),
        (
            "10-1795244401000000000",
            10,
            "the input s3://reads/L001_2.fq.gz was written again: 2026-11-21 07:00:00 -> 2026-11-21 07:00:01",
        ),
        ("10-etag", 10, "what it is made from changed: a file of the same size, or a setting of a later step"),
    ],
)
def test_a_changed_input_is_told_with_what_changed(done: Done, identity: str, size: int, said: str) -> None:
    found = done.runs(reread(done.run, identity, size))
    assert list(found) == ["fastqc L001_R2", "gate", "align", "shards", "call", "gather", "record"]
    assert found["fastqc L001_R2"] == found["align"] == (said,)
    assert found["gate"] == ("fastqc would run with something else",)
    assert found["shards"] == ("align would run with something else",)
    assert found["call"] == ("shards would run, which tells how many there are",)
    assert found["gather"] == ("shards would run with something else",)


def test_a_record_of_an_older_version_does_not_tell_what_changed(done: Done) -> None:
    record = done.records[f"{STEPS}/align.json"]
    del record["arguments"]
    record["key"] = "other"
    assert done.runs()["align"] == ("its arguments or inputs changed (a record of this age does not tell which)",)


def of_other_sample(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "sample": "NA12\x1b[2J891"}


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "empty": (lambda _: b"", "its record is cut, or no record"),
    "cut": (lambda record: json.dumps(record).encode()[:-9], "its record is cut, or no record"),
    "deep": (lambda _: b"[" * 100_000, "its record is cut, or no record"),
    "an array": (lambda record: [record], "its record is cut, or no record"),
    "not UTF-8": (lambda _: b"\xff\xfe\x00", "its record is cut, or no record"),
    "huge": (lambda _: b" " * (LONGEST + 1), f"its record is longer than {LONGEST} bytes"),
    "other sample": (of_other_sample, "its record is of another sample (NA12?[2J891)"),
    "no outputs": (lambda record: {**record, "outputs": {}}, "its record does not tell of its results"),
    "words": (lambda record: {**record, "outputs": ["x"]}, "its record does not tell of its results"),
}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=list(WRONG))
def test_a_record_that_does_not_hold_is_told(done: Done, spoil: Callable[[dict[str, Any]], object], said: str) -> None:
    uri = f"{STEPS}/align.json"
    done.records[uri] = spoil(done.records[uri])
    # The work stays the same: what comes after it is found done
    assert done.runs() == {"align": (said,)}


@pytest.mark.parametrize(
    ("seen", "said"),
    [(None, "is not there any more"), (Seen(1234567, 0), "has 1,234,567 bytes, its record tells of 7")],
)
def test_a_result_that_is_not_as_recorded_is_told(done: Done, seen: Seen | None, said: str) -> None:
    output = f"{STEPS}/align.out"
    del done.files[output]
    if seen:
        done.files[output] = seen
    assert done.runs() == {"align": (f"{output} {said}",)}


def test_checksums_are_compared_where_that_is_wanted(done: Done) -> None:
    sums = {f"{STEPS}/gather.out": "wrong"}
    assert done.runs() == {}

    def checksum(uri: str) -> str:
        return sums.get(uri, "right")

    found = done.runs(checksum=checksum)
    assert found == {"gather": (f"{STEPS}/gather.out has other bytes than its record tells of",)}


def test_shards_are_cut_again_for_a_bam_that_was_written_since(done: Done) -> None:
    bam = "s3://results/NA12878/NA12878.bam"
    facts = done.records[f"{STEPS}/shards.json"]["facts"]
    facts["bams"] = [{"uri": bam, "size": 7, "modified": "1970-01-01T00:01:40.000000000Z"}]
    done.files[bam] = Seen(7, 100.9)
    assert done.runs() == {}
    done.files[bam] = Seen(7, 101)
    assert done.runs() == {"shards": (f"{bam} was written since",)}
    del done.files[bam]
    assert done.runs() == {"shards": (f"{bam} is to be made anew",)}
    facts["bams"] = [7]
    assert list(done.runs()) == ["shards"]


def test_what_failed_last_time_is_told_on_one_line(done: Done) -> None:
    del done.records[f"{STEPS}/align.json"]
    found = done.runs(failed={"align": "tool: bwa\x1b]0;x\n ended"})
    assert found["align"][1] == "it failed last time: tool: bwa?]0;x? ended"


def pod(step: str, phase: str, started: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "Pod", "templateName": step, "phase": phase, "startedAt": started, "message": message, **more}


def workflow(*pods: dict[str, Any]) -> dict[str, Any]:
    labels = {"biojobs/sample": "NA12878"}
    return {"metadata": {"name": "x", "labels": labels}, "status": {"nodes": dict(enumerate(pods))}}


def test_of_failures_the_last_try_of_each_step_counts() -> None:
    other = {"inputs": {"parameters": [{"name": "sample", "value": "NA12891"}]}}
    bad = "main: Error (exit code 65): bad input: L001_R1 line 16"
    runs = [
        workflow(pod("align-x2", "Error", "2026-01-02", "pod deleted"), pod("gate", "Failed", "2026-01-01", "x")),
        workflow(pod("fastqc", "Failed", "2026-01-01", bad), pod("gate", "Succeeded", "2026-01-03")),
        workflow(pod("shards", "Failed", "2026-01-01", bad, **other), {"type": "DAG", "phase": "Failed"}),
        {"metadata": {"name": "not begun"}},
    ]
    found = last_failures(runs, "NA12878")
    assert found == {"align": "pod deleted (interruption)", "fastqc": "bad input: L001_R1 line 16 (input)"}


def test_calls_are_counted_and_the_first_are_named(done: Done) -> None:
    for number in (1, 2, 3, 4):
        del done.records[f"{STEPS}/calls/000{number}.json"]
    assert done.runs() == {"call": ("4 of 4: 0001: no record; 0002: no record; 0003: no record and 1 more",)}


def test_of_a_shard_that_was_too_slow_its_halves_count(done: Done) -> None:
    halves = [{"shard": f"0002.{half}", "key": f"half-{half}"} for half in (1, 2)]
    done.records[f"{STEPS}/calls/0002.json"]["facts"] = {"rest": halves}
    done.add(f"{STEPS}/calls/0002.1.json", "half-1", "variants", [])
    done.add(f"{STEPS}/calls/0002.2.json", "of other work", "variants", [])
    assert done.runs() == {"call": ("1 of 5: 0002.2: its record is of other work",)}


@pytest.mark.parametrize("shards", [None, 7, [7, {"shard": "../../x", "key": "k"}], [{"shard": ["0001"]}]])
def test_shards_of_a_hostile_record_are_no_shards(done: Done, shards: object) -> None:
    record = done.records[f"{STEPS}/shards.json"]
    for facts in ({"shards": shards}, shards):
        record["facts"] = facts
        assert [verdict.reasons for verdict in done.look() if verdict.name == "call"] == [("0 of 0",)]


def test_a_shard_that_is_its_own_half_does_not_go_on_for_ever(done: Done) -> None:
    done.records[f"{STEPS}/calls/0001.json"]["facts"] = {"rest": SHARDS[:1]}
    assert len(done.look()) == len(ORDER)


def test_lanes_of_an_own_aligner_are_not_looked_at_where_the_bam_is_there(run: Run) -> None:
    own = run.but(rules=replace(run.rules, aligner=Aligner("x@sha256:1", ("run.sh",), "large")))
    done = Done(own)
    for lane in ("L001", "L002"):
        del done.files[f"{STEPS}/lanes/{lane}.out"]
    assert done.runs() == {}
    del done.files[f"{STEPS}/align.out"]
    assert list(done.runs()) == ["lane L001", "lane L002", "sort"]


def test_arguments_are_the_same_in_whatever_order_they_stand() -> None:
    one = grouped(["--pair", "a", "b", "--out", "x", "--pair", "c", "d", "--threads", "4"])
    assert one == grouped(["--out", "x", "--pair", "a", "b", "c", "d", "--memory", "100", "--sample", "S"])
    assert one != grouped(["--out", "x", "--pair", "a", "b"])


@pytest.mark.parametrize(
    ("text", "safe"),
    [("a\x1b[31mb", "a?[31mb"), ("a\nb\r\tc", "a?b??c"), ("a\u202eb", "a?b"), ("x" * 400, "x" * 157 + "..."), (7, "7")],
)
def test_texts_of_others_are_safe_to_print(text: object, safe: str) -> None:
    assert shown(text) == safe


def test_an_identity_that_only_looks_like_a_time_is_none(done: Done) -> None:
    found = done.runs(reread(done.run, "10-\u0663\u00b2", 10))
    assert found["align"] == ("what it is made from changed: a file of the same size, or a setting of a later step",)
