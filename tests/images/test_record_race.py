"""Two runs that make the same thing at once, one of which is killed, leave one whole result; clocks do not matter."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images import docker, reads
from tests.images.docker import Outcome, Workspace

LANE = ("L001", "lib", "ILLUMINA", "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz", "none", "none")
ALIGN = (
    *("--reference", "/data/reference", "--lane", *LANE, "--batch-bases", "1000000", "--reads", "stream"),
    *("--duplicates", "mark", "--out", "/data/bam"),
)
RECORD = "/data/steps/align.json"


def align(space: Workspace) -> Outcome:
    return space.run("align", *ALIGN, record=RECORD)


def sums(space: Workspace) -> dict[str, str]:
    folder = space.path / "bam"
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in space.files("bam")}


def recorded(space: Workspace) -> dict[str, str]:
    """The sums that the record tells of, by name."""
    outputs = json.loads(space.read("steps/align.json"))["outputs"]
    return {Path(output["uri"]).name: output["sha256"] for output in outputs}


def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def finished(space: Workspace) -> Outcome:
    """The step as the workflow runs it: tried again where another run came in between."""
    for _ in range(3):
        outcome = align(space)
        if outcome.code != 74:
            return outcome
    raise AssertionError("it came to no end")


@pytest.mark.parametrize("published", [1, 6])
def test_of_two_at_once_the_killed_one_leaves_nothing_of_its_own(indexed: Workspace, published: int) -> None:
    """One is killed when so many results are there, whichever of both made them."""
    assert align(indexed).code == 0
    alone = sums(indexed)
    for folder in ("bam", "steps"):
        for file in (indexed.path / folder).iterdir():
            file.unlink()
    name = f"biojobs-test-race-{published}"
    docker.docker("rm", "--force", name, check=False)
    options = ["run", "--detach", f"--name={name}", *docker.HARDENED, *indexed.mounts()]
    docker.docker(*options, *indexed.step_words("align", ALIGN, RECORD, "key-1", 2048, 2, "NA12878"))
    try:
        outcome: list[Outcome] = []
        other = threading.Thread(target=lambda: outcome.append(finished(indexed)))
        other.start()
        until(lambda: len(indexed.files("bam")) >= published)
        docker.docker("kill", name, check=False)
        other.join()
    finally:
        docker.docker("rm", "--force", name, check=False)
    assert outcome[0].code == 0, outcome[0].stderr
    assert sums(indexed) == alone == recorded(indexed)
    assert align(indexed).stdout == "align: already done\n"


def test_builders_whose_clocks_are_days_apart_build_once(workspace: Workspace) -> None:
    """Claims on a folder are told to live or be dead by what the store and the machine's uptime say."""
    workspace.put("reads/a.fa", reads.reference())
    outcomes: list[Outcome] = []

    def build(days: int) -> None:
        real = 'for word; do case $word in -d*) exec /bin/date "$@" ;; esac; done; '
        workspace.put(f"stub{days}/date", f'#!/bin/bash\n{real}exec /bin/date -d "{days} days" "$@"\n'.encode())
        (workspace.path / f"stub{days}" / "date").chmod(0o755)
        options = ("--env=BIOJOBS_LEASE_STALE=6", f"--env=PATH=/data/stub{days}:/usr/local/bin:/usr/bin:/bin")
        words = ("--fasta", "/data/reads/a.fa", "--checksum", "none", "--out", "/data/index/")
        outcomes.append(workspace.run("index", *words, record="/data/index/index.json", options=options))

    builders = [threading.Thread(target=build, args=(days,)) for days in (1, -1)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert [one.code for one in outcomes] == [0, 0], [one.stderr for one in outcomes]
    last = sorted(one.stdout.splitlines()[-1] for one in outcomes)
    assert last == ["index: 1 contigs, 12356 bases", "index: already done"]
    assert abs(json.loads(workspace.read("index/index.json"))["clock_ahead_seconds"]) > 80_000
    assert workspace.files("index/.building") == []
