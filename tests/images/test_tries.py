"""A step keeps count of its tries by their causes, as far as Argo tells them, and gives up when a budget is used up."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.images import docker
from tests.images.docker import Outcome, Workspace

SCRIPT = """#!/bin/bash
source /biojobs/lib.sh
step_class=small
step_main() { parse "" "" "$@"; skip_if_done; eval "${DO:-true}"; write_record; }
run_step "$@"
"""
LIST = "steps/probe.tries"


NAME = "biojobs-test-tries"


@pytest.fixture(scope="module")
def container(folder: Path) -> Generator[str]:
    """One that does nothing, for all tries to run in."""
    space = Workspace(folder)
    space.put("probe.sh", SCRIPT.encode())
    options = ("--rm", "--detach", "--name", f"{NAME}-all", "--network=none", *docker.HARDENED, *space.mounts())
    docker.docker("run", *options, docker.tag("bwa-mem2"), "sleep", "3600")
    yield f"{NAME}-all"
    docker.docker("rm", "--force", f"{NAME}-all")


@pytest.fixture
def space(folder: Path, container: str) -> Workspace:
    for file in (folder / "steps").iterdir():
        file.unlink()
    return Workspace(folder)


def words(number: int, before: str, memory: int, do: str) -> tuple[str, ...]:
    told = {
        "BIOJOBS_TRY": number,
        "BIOJOBS_BEFORE": before,
        "BIOJOBS_MEMORY": memory,
        "BIOJOBS_MOST_MEMORY": 2048,
        "BIOJOBS_BUDGETS": "interruption=5 store=3 memory=2",
        "DO": do,
    }
    return tuple(f"--env={name}={value}" for name, value in told.items())


def run(space: Workspace, number: int, before: str = "", memory: int = 512, do: str = "true") -> Outcome:
    """The try of this number, which Argo gave `memory`, after one that ended for the cause `before`."""
    log = put_log(space)
    options = (*words(number, before, memory, do), "--env=BIOJOBS_TERMINATION_LOG=/data/termination-log")
    done = docker.docker("exec", *options, f"{NAME}-all", *command(space), check=False)
    return Outcome(done.returncode, done.stdout, done.stderr, log.read_text())


def command(space: Workspace) -> list[str]:
    _, _, *arguments = space.step_words("probe", (), "/data/steps/probe.json", "key-1", 512, 1, "NA12878")
    return ["bash", "/data/probe.sh", *arguments]


def put_log(space: Workspace) -> Path:
    log = space.path / "termination-log"
    log.write_text("")
    log.chmod(0o666)
    return log


def tries(space: Workspace) -> list[dict[str, Any]]:
    return json.loads(space.read(LIST))["tries"]


def put_tries(space: Workspace, *causes: str, memory: int = 512, run: str = "na12878-0123456789") -> None:
    listed = [{"try": number, "before": cause, "memory": memory} for number, cause in enumerate(causes, start=1)]
    space.put(LIST, json.dumps({"run": run, "tries": listed}).encode())
    (space.path / LIST).chmod(0o666)


def test_a_first_try_leaves_no_list(space: Workspace) -> None:
    assert run(space, 0, do="false").code == 1
    assert not (space.path / LIST).exists()


def test_a_try_writes_down_why_the_one_before_it_ended(space: Workspace) -> None:
    put_tries(space, "interruption")
    assert run(space, 2, "memory", memory=1024, do="false").code == 1
    assert tries(space) == [
        {"try": 1, "before": "interruption", "memory": 512},
        {"try": 2, "before": "memory", "memory": 1024},
    ]


def test_the_record_has_the_tries_and_the_list_is_gone(space: Workspace) -> None:
    assert run(space, 1, "memory", memory=1024).code == 0
    record = json.loads(space.read("steps/probe.json"))
    assert record["tries"] == [{"try": 1, "before": "memory", "memory": 1024}]
    assert record["memory_mib"] == 1024
    assert not (space.path / LIST).exists()


def test_a_try_with_less_memory_than_an_earlier_one_asks_for_as_much(space: Workspace) -> None:
    put_tries(space, "memory", memory=1024)
    outcome = run(space, 2, "interruption")
    assert (outcome.code, outcome.message) == (75, "tool: again, with 1024 MiB: an earlier try had that much")
    assert run(space, 3, "again", memory=1024).code == 0


def test_five_interruptions_are_borne_and_the_sixth_is_the_last(space: Workspace) -> None:
    put_tries(space, *["interruption"] * 4)
    assert run(space, 5, "interruption", do="false").code == 1
    outcome = run(space, 6, "interruption")
    assert outcome.code == 76
    assert (
        outcome.message
        == "interruption: probe was interrupted 6 times, and is not tried again by itself: run `up` again"
    )


def test_other_causes_do_not_count_as_interruptions(space: Workspace) -> None:
    put_tries(space, "memory", "store", "again", "interruption", "executor", "interruption", "store", memory=512)
    assert run(space, 8, "interruption").code == 0


def test_tries_that_never_came_to_the_list_were_interrupted(space: Workspace) -> None:
    put_tries(space, "memory")
    outcome = run(space, 7, "interruption")
    assert outcome.message.startswith("interruption: probe was interrupted 6 times")


def test_memory_is_not_raised_for_ever(space: Workspace) -> None:
    put_tries(space, "memory", "memory")
    outcome = run(space, 3, "memory")
    assert outcome.code == 76
    assert outcome.message == (
        "tool: probe ran out of memory (with 512 MiB, and it may have 2048): raise biojobs:classes.small.memory"
    )


def test_a_done_step_is_done_whatever_its_tries_were(space: Workspace) -> None:
    assert run(space, 0).code == 0
    put_tries(space, *["interruption"] * 9)
    assert run(space, 10, "interruption").stdout == "probe: already done\n"


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[]", b'{"run": "na12878-0123456789", "tries": [7, {"try": "x"}]}', b"\0"]
)
def test_a_list_that_cannot_be_read_is_begun_anew(space: Workspace, content: bytes) -> None:
    space.put(LIST, content)
    (space.path / LIST).chmod(0o666)
    assert run(space, 1, "interruption", do="false").code == 1
    assert tries(space) == [{"try": 1, "before": "interruption", "memory": 512}]


def test_tries_of_another_run_do_not_count(space: Workspace) -> None:
    put_tries(space, *["interruption"] * 5, run="na12878-other")
    assert run(space, 1, "interruption").code == 0


def test_a_step_that_is_told_to_stop_says_with_how_much_memory(space: Workspace) -> None:
    code, said = told_to_stop(space, 1)
    assert code == 143
    assert said.startswith("tool: step probe was told to stop (SIGTERM) in try 2 with 512 MiB; nothing unfinished")


def test_the_last_interruption_is_final_without_another_try(space: Workspace) -> None:
    put_tries(space, *["interruption"] * 4)
    code, said = told_to_stop(space, 5)
    assert code == 76
    assert said.startswith("interruption: probe was interrupted 6 times")


def told_to_stop(space: Workspace, number: int) -> tuple[int, str]:
    """Runs a step until it works, stops it; its exit code and last word."""
    log = put_log(space)
    options = [*words(number, "interruption", 512, "touch /data/steps/working; sleep 300"), *space.mounts()]
    options += ["--env=BIOJOBS_TERMINATION_LOG=/data/termination-log", "--network=none", *docker.HARDENED]
    docker.docker("run", "--detach", "--name", NAME, *options, docker.tag("bwa-mem2"), *command(space))
    try:
        wait_for(space.path / "steps" / "working")
        docker.docker("kill", "--signal=TERM", NAME)
        code = int(docker.docker("wait", NAME).stdout)
    finally:
        docker.docker("rm", "--force", NAME)
    return code, log.read_text()


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not appear"
        time.sleep(0.05)


def test_store_trouble_is_final_after_three_more_tries(space: Workspace) -> None:
    put_tries(space, "store", "store")
    outcome = run(space, 3, "store", do="fail 74 store 's3://reads does not answer'")
    assert (outcome.code, outcome.message) == (76, "store: s3://reads does not answer (after 4 tries)")
    put_tries(space, "store")
    assert run(space, 2, "store", do="fail 74 store 's3://reads does not answer'").code == 74


def test_a_killed_step_leaves_how_much_memory_it_had(space: Workspace) -> None:
    run(space, 0, memory=1024, do="cat /data/termination-log >&2; exit 1")
    outcome = run(space, 0, memory=1024, do="cat /data/termination-log >&2")
    assert "running with 1024 MiB" in outcome.stderr
    assert outcome.message == ""
