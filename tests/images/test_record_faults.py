"""What a step makes of a record or a result that is not what it was: it does the work again, and says why."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.images.docker import HARDENED, Outcome, Workspace, docker, tag

RUN = "results/run.json"
RECORD = "steps/record.json"
STEP: dict[str, Any] = {
    **{"step": "gate", "sample": "NA12878", "run": "r", "key": "k", "ended": "2026-01-01T00:00:00Z", "outputs": []},
    **{"started": "2026-01-01T00:00:00Z", "inputs": [], "tools": {}, "image": "i", "seconds": 1, "cpu_seconds": 1},
}
DAY = timedelta(days=1)
MOST = 8_388_608
"""Bytes of the longest record that is read."""


def words(space: Workspace) -> list[str]:
    options = ("--steps", "/data/steps/gate.json", "--out", f"/data/{RUN}")
    return space.step_words("record", options, f"/data/{RECORD}", "key-1", 256, 1, "NA12878")[1:]


def gather(space: Workspace, *options: str) -> Outcome:
    """The step `record`, which takes next to nothing."""
    space.put("results/.keep", b"")
    space.put("steps/gate.json", json.dumps(STEP).encode())
    arguments = ("--steps", "/data/steps/gate.json", "--out", f"/data/{RUN}")
    return space.run("record", *arguments, record=f"/data/{RECORD}", options=options, memory=256)


def gathered(space: Workspace) -> dict[str, Any]:
    """Its record."""
    return json.loads(space.read(RECORD))


def wrong_records(good: dict[str, Any]) -> dict[str, tuple[bytes, str]]:
    """Records that do not hold, each with what the step says of it."""
    whole = json.dumps(good).encode()
    output = good["outputs"][0]
    cut, told = "its record is cut, or no record", "its record does not tell of its results"

    def but(**changed: object) -> bytes:
        return json.dumps({**good, **changed}).encode()

    return {
        "empty": (b"", cut),
        "truncated": (whole[:-20], cut),
        "no JSON": (b"<html>503</html>", cut),
        "not UTF-8": (b"\xff\xfe" + whole, cut),
        "an array": (b"[" + whole + b"]", cut),
        "twice": (whole + whole, cut),
        "null": (b"null", cut),
        "huge": (whole + b" " * MOST, f"its record is longer than {MOST} bytes"),
        "other key": (but(key="key-2"), "its record is of other work"),
        "other sample": (but(sample="NA12891"), "its record is of another sample"),
        "no outputs": (but(outputs=None), told),
        "outputs of words": (but(outputs=["x"]), told),
        "an output without a size": (but(outputs=[{"uri": output["uri"]}]), told),
        "a name of two lines": (but(outputs=[{**output, "uri": "/data/x\n/data/y"}]), told),
        "size as text": (but(outputs=[{**output, "size": "1"}]), told),
    }


def test_a_record_that_does_not_hold_counts_for_nothing(workspace: Workspace) -> None:
    """All in one container, one after the other."""
    assert gather(workspace).code == 0
    cases = wrong_records(gathered(workspace))
    for number, (content, _) in enumerate(cases.values()):
        workspace.put(f"cases/{number}.json", content)
    script = (
        "source /biojobs/lib.sh; step=record scratch=$(mktemp -d); mkdir $scratch/logs; "
        "option=([key]=key-1 [sample]=NA12878 [record]=/data/steps/record.json); work_is_done; echo holds; "
        f"for number in {{0..{len(cases) - 1}}}; do option[record]=/data/cases/$number.json; "
        'if work_is_done; then echo "it holds"; else echo "$undone"; fi; done'
    )
    told = workspace.shell("bwa-mem2", script).splitlines()
    assert told == ["holds", *(said for _, said in cases.values())], list(cases)


@pytest.mark.parametrize("name", ["truncated", "huge", "outputs of words"])
def test_the_work_of_a_record_that_does_not_hold_is_done_again(workspace: Workspace, name: str) -> None:
    assert gather(workspace).code == 0
    content, said = wrong_records(gathered(workspace))[name]
    (workspace.path / RECORD).unlink()
    workspace.put(RECORD, content)
    again = gather(workspace)
    assert (again.code, again.stdout) == (0, "record: sample NA12878: 1 steps\n")
    assert again.stderr == f"record: {said}, doing the step again\n"
    assert gathered(workspace)["key"] == "key-1"


def rewrite(space: Workspace, content: bytes, later: float = 100) -> None:
    """The result written by hand, `later` seconds after it was made."""
    file = space.path / RUN
    made = file.stat().st_mtime
    file.unlink()
    file.write_bytes(content)
    os.utime(file, (made + later, made + later))


@pytest.mark.parametrize("kind", ["other size", "other bytes", "gone"])
def test_a_result_that_was_overwritten_by_hand_is_made_again(workspace: Workspace, kind: str) -> None:
    assert gather(workspace).code == 0
    whole = workspace.read(RUN)
    said = {
        "other size": f"/data/{RUN} has 4 bytes, its record tells of {len(whole)}",
        "other bytes": f"/data/{RUN} has other bytes than its record tells of",
        "gone": f"/data/{RUN} is not there any more",
    }
    rewrite(workspace, {"other size": b"hand", "other bytes": b"x" * len(whole)}.get(kind, b""))
    if kind == "gone":
        (workspace.path / RUN).unlink()
    again = gather(workspace)
    assert (again.code, "already" in again.stdout) == (0, False)
    assert f"record: {said[kind]}, doing the step again\n" in again.stderr
    assert workspace.read(RUN) == whole


def test_a_result_that_was_written_again_with_the_same_bytes_stays_done(workspace: Workspace) -> None:
    assert gather(workspace).code == 0
    rewrite(workspace, workspace.read(RUN))
    again = gather(workspace)
    assert (again.code, again.stdout) == (0, "record: already done\n")
    assert "was written since its record, looking at all its bytes" in again.stderr


def test_a_record_of_an_older_version_still_counts(workspace: Workspace) -> None:
    assert gather(workspace).code == 0
    old = gathered(workspace)
    for one in old["outputs"]:
        del one["modified"]
    del old["arguments"]
    (workspace.path / RECORD).unlink()
    workspace.put(RECORD, json.dumps(old).encode())
    assert gather(workspace).stdout == "record: already done\n"


def test_a_record_holds_the_words_that_its_result_depends_on(workspace: Workspace) -> None:
    assert gather(workspace).code == 0
    assert gathered(workspace)["arguments"] == ["--out", f"/data/{RUN}", "--steps", "/data/steps/gate.json"]


def test_a_store_that_can_only_be_read_is_told_with_the_file_that_was_refused(workspace: Workspace) -> None:
    gather(workspace)
    (workspace.path / RUN).unlink()
    log = workspace.path.with_suffix(".log")
    log.touch(0o666)
    log.chmod(0o666)
    mounts = [f"--volume={workspace.path}:/data:ro", f"--volume={log}:/log"]
    mounts += ["--tmpfs=/scratch:uid=10001,gid=10001,mode=0700", "--env=BIOJOBS_TERMINATION_LOG=/log"]
    done = docker("run", "--rm", *HARDENED, *mounts, tag("bwa-mem2"), *words(workspace), check=False)
    said = log.read_text()
    log.unlink()
    assert done.returncode == 74
    assert (
        said.strip() == f"store: access to /data/{RECORD} was refused: it can only be read; let the steps write there"
    )


def stub(space: Workspace, name: str, script: str) -> str:
    """An option that puts a command in the place of a tool."""
    file = space.path / "stub" / name
    space.put(f"stub/{name}", f"#!/bin/bash\n{script}\n".encode())
    file.chmod(0o755)
    return "--env=PATH=/data/stub:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def clock(space: Workspace, days: int) -> str:
    """An option that sets the clock of a step that many days off."""
    real = 'for word; do case $word in -d*) exec /bin/date "$@" ;; esac; done; '
    return stub(space, "date", f'{real}exec /bin/date -d "{days} days" "$@"')


@pytest.mark.parametrize(("days", "told"), [(1, "ahead of"), (-1, "behind")])
def test_a_clock_that_is_a_day_off_leaves_the_order_of_steps_right(workspace: Workspace, days: int, told: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    outcome = gather(workspace, clock(workspace, days))
    assert outcome.code == 0, outcome.stderr
    record = gathered(workspace)
    started, ended = (datetime.fromisoformat(record[name]) for name in ("started", "ended"))
    assert before - timedelta(seconds=2) <= started <= ended <= datetime.now(UTC)
    assert (ended - started).total_seconds() == record["seconds"]
    assert abs(record["clock_ahead_seconds"] - days * DAY.total_seconds()) < 120
    assert f"s {told} the store's: the record has the store's times" in outcome.stderr
    assert gather(workspace, clock(workspace, -days)).stdout == "record: already done\n"


def test_a_clock_that_is_right_is_not_spoken_of(workspace: Workspace) -> None:
    outcome = gather(workspace)
    assert (outcome.stderr, gathered(workspace)["clock_ahead_seconds"]) == ("", 0)


def other_writer(space: Workspace, target: str) -> str:
    """An option: when the step looks at `target` for the second time, another run has just written it."""
    asked = "/data/stub/asked"
    write = f"if [[ $1 == lsjson && ${{!#}} == *{target} ]]; then echo >> {asked}; "
    write += f"if (($(wc -l < {asked}) == 2)); then printf other > /data/{target}; fi; fi; "
    return stub(space, "rclone", f'{write}exec /usr/local/bin/rclone "$@"')


def test_a_result_that_another_run_wrote_meanwhile_gets_no_record(workspace: Workspace) -> None:
    """Else the record would tell of one run's file and the other's."""
    outcome = gather(workspace, other_writer(workspace, RUN))
    assert outcome.code == 74
    assert outcome.message == f"store: /data/{RUN} was written by another run while this one made it: it is made again"
    assert not (workspace.path / RECORD).exists()
    # As the workflow tries it again
    assert gather(workspace).code == 0
    assert Path(workspace.path / RUN).stat().st_size == gathered(workspace)["outputs"][0]["size"]
