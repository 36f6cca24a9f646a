"""Two runs on one store build an index once; a builder that died holds nobody up for long."""

from __future__ import annotations

import contextlib
import json
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.images import docker, reads
from tests.images.conftest import Server
from tests.images.docker import Outcome, Workspace

STALE = 6
DONE = b'{"key": "key-1", "outputs": []}'
"""A record as of another builder."""
Start = Callable[[], Outcome]
QUICK = ("--env=BIOJOBS_LEASE_STALE=" + str(STALE), "--env=TMPDIR=/scratch")


def index(space: Workspace) -> Outcome:
    words = ["--fasta", "/data/reads/a.fa", "--checksum", "none", "--out", "/data/index/"]
    return space.run("index", *words, record="/data/index/index.json", options=QUICK)


def lookup(space: Workspace, wait: int, key: str = "key-1") -> tuple[Outcome, str]:
    """The step's end, and its output parameter."""
    (space.path / "tmp").mkdir(exist_ok=True)
    (space.path / "tmp").chmod(0o777)
    words = ["--out", "/data/index/", "--wait", str(wait)]
    options = (QUICK[0], "--env=TMPDIR=/data/tmp")
    outcome = space.run("lookup", *words, record="/data/index/index.json", key=key, options=options)
    return outcome, (space.path / "tmp" / "outputs" / "needed").read_text()


def claims(space: Workspace) -> list[str]:
    return space.files("index/.building")


def genome(bases: int) -> bytes:
    return b">big\n" + bytes(random.Random(5).choices(b"ACGT", k=bases)) + b"\n"


class Builder(threading.Thread):
    """Somebody who says that he builds, again and again, until `end`."""

    def __init__(self, folder: Path, beats: int = 1000) -> None:
        super().__init__(daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        for made in (folder.parent, folder):
            made.chmod(0o777)
        self.file, self.left, self.over = folder / "another-run.0.json", beats, threading.Event()
        self.file.write_text("{}")

    def run(self) -> None:
        """Beats."""
        while self.left > 0 and not self.over.wait(1):
            self.left -= 1
            with contextlib.suppress(FileNotFoundError):
                self.file.write_text(json.dumps({"left": self.left}))

    def end(self) -> None:
        """Stops, and takes the claim back."""
        self.over.set()
        self.join()
        self.file.unlink(missing_ok=True)


def until(true: Callable[[], bool]) -> None:
    """Waits a minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about")


def ends(starts: Sequence[Start]) -> list[str]:
    """The last words of steps that start at the same time, sorted."""

    def run(start: Start) -> Outcome:
        return start()

    with ThreadPoolExecutor(len(starts)) as pool:
        done = list(pool.map(run, starts))
    assert [one.code for one in done] == [0] * len(starts), [one.stderr for one in done]
    return sorted(one.stdout.splitlines()[-1] for one in done)


def test_builders_at_once_on_a_store_build_once(server: Server) -> None:
    server.space.put("reads/a.fa", reads.reference())
    folder = server.space.path / "index"
    folder.mkdir()
    folder.chmod(0o777)
    words = ["--fasta", "s3://reads/a.fa", "--checksum", "none", "--out", "s3://index/a/"]

    def one() -> Outcome:
        return server.space.run("index", *words, record="s3://index/a/index.json", options=QUICK)

    assert ends([one] * 3) == ["index: 1 contigs, 12356 bases", "index: already done", "index: already done"]
    assert server.space.files("index/a/.building") == []


def test_of_claims_at_the_same_moment_the_first_by_name_holds(server: Server) -> None:
    server.space.put("reads/a.fa", reads.reference())
    folder = server.space.path / "index" / "a" / ".building"
    words = ["--fasta", "s3://reads/a.fa", "--checksum", "none", "--out", "s3://index/a/"]
    for made in (folder, folder.parent, folder.parent.parent):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o777)
    outcome: list[Outcome] = []

    def build() -> None:
        outcome.append(server.space.run("index", *words, record="s3://index/a/index.json", options=QUICK))

    building = threading.Thread(target=build)
    building.start()
    until(lambda: bool(server.space.files("index/a/.building")))
    claim = Builder(folder)
    claim.start()
    until(lambda: server.space.files("index/a/.building") == ["another-run.0.json"])
    time.sleep(10)
    assert building.is_alive(), "it took its claim back, and waits"
    claim.end()
    building.join()
    assert outcome[0].stdout.splitlines()[-1] == "index: 1 contigs, 12356 bases", outcome[0].stderr
    assert "another run builds it (another-run)" in outcome[0].stdout


def test_builders_at_once_in_a_folder_build_once(workspace: Workspace) -> None:
    workspace.put("reads/a.fa", reads.reference())
    assert ends([lambda: index(workspace)] * 2) == ["index: 1 contigs, 12356 bases", "index: already done"]
    assert claims(workspace) == []


def test_a_builder_that_died_is_replaced_and_its_half_is_not_taken_for_a_whole(workspace: Workspace) -> None:
    workspace.put("reads/a.fa", genome(4_000_000))
    name = "biojobs-test-builder"
    docker.docker("rm", "--force", name, check=False)
    words = ("--fasta", "/data/reads/a.fa", "--checksum", "none", "--out", "/data/index/")
    options = ["run", "--detach", f"--name={name}", *docker.HARDENED, *workspace.mounts(), *QUICK]
    docker.docker(*options, *workspace.step_words("index", words, "/data/index/index.json", "key-1", 2048, 2, "S"))
    try:
        until(lambda: "bwa-mem2" in docker.docker("top", name, "-o", "pid,comm", check=False).stdout)
        assert len(claims(workspace)) == 1
        outcome: list[Outcome] = []
        waiting = threading.Thread(target=lambda: outcome.append(index(workspace)))
        waiting.start()
        time.sleep(2)
        docker.docker("kill", name)
        killed = time.monotonic()
        waiting.join()
    finally:
        docker.docker("rm", "--force", name, check=False)
    assert outcome[0].code == 0, outcome[0].stderr
    lines = outcome[0].stdout.splitlines()
    assert re.match(r"index: another run builds it \(na12878-0123456789\), waiting for \d+ s", lines[0])
    assert "its builder is gone" in lines[-2]
    assert lines[-1] == "index: 1 contigs, 4000000 bases"
    assert time.monotonic() - killed > STALE - 1
    assert claims(workspace) == []


def test_a_builder_that_lives_is_waited_for_however_long_it_takes(workspace: Workspace) -> None:
    other = Builder(workspace.path / "index" / ".building")
    other.start()
    outcome: list[Outcome] = []
    waiting = threading.Thread(target=lambda: outcome.append(index(workspace)))
    waiting.start()
    time.sleep(STALE + 3)
    assert waiting.is_alive()
    workspace.put("index/index.json", DONE)
    other.end()
    waiting.join()
    assert (outcome[0].code, outcome[0].stdout.splitlines()[-1]) == (0, "index: already done")


def test_a_builder_that_fails_or_is_stopped_takes_its_claim_back(workspace: Workspace) -> None:
    workspace.put("reads/a.fa", b">")
    assert index(workspace).code == 65
    assert claims(workspace) == []
    workspace.put("reads/a.fa", genome(4_000_000))
    name = "biojobs-test-stopped"
    docker.docker("rm", "--force", name, check=False)
    words = ("--fasta", "/data/reads/a.fa", "--checksum", "none", "--out", "/data/index/")
    options = ["run", "--detach", f"--name={name}", *docker.HARDENED, *workspace.mounts()]
    docker.docker(*options, *workspace.step_words("index", words, "/data/index/index.json", "key-1", 2048, 2, "S"))
    until(lambda: bool(claims(workspace)))
    docker.docker("kill", "--signal=TERM", name)
    assert docker.docker("wait", name).stdout.strip() == "143"
    docker.docker("rm", name)
    assert claims(workspace) == []


def test_lookup_finds_what_is_there_and_nothing_else(workspace: Workspace) -> None:
    workspace.put("reads/a.fa", reads.reference())
    outcome, needed = lookup(workspace, 600)
    assert (outcome.code, outcome.stdout, needed) == (0, "lookup: /data/index/ is still to be made\n", "true")
    assert index(workspace).code == 0
    assert [lookup(workspace, 0, key)[1] for key in ("key-1", "key-2")] == ["false", "true"]
    (workspace.path / "index" / "reference.fa.pac").write_bytes(b"cut")
    outcome, needed = lookup(workspace, 600)
    assert "reference.fa.pac has 3 bytes, its record tells of 3091" in outcome.stdout
    assert needed == "true"
    assert workspace.files("index")[0] == "index.json", "it only looks"


def test_lookup_waits_for_another_builder_as_long_as_it_may(workspace: Workspace) -> None:
    other = Builder(workspace.path / "index" / ".building")
    other.start()
    outcome, needed = lookup(workspace, 3)
    assert (needed, outcome.stdout.splitlines()[1]) == ("true", "lookup: still being built after 3 s")
    threading.Timer(3, lambda: workspace.put("index/index.json", DONE)).start()
    outcome, needed = lookup(workspace, 600)
    assert (needed, outcome.stdout.splitlines()[-1]) == ("false", "lookup: /data/index/ is done")
    other.end()


def test_lookup_does_not_wait_for_a_dead_builder(workspace: Workspace) -> None:
    Builder(workspace.path / "index" / ".building")
    outcome, needed = lookup(workspace, 600)
    assert "its builder is gone" in outcome.stdout
    assert (needed, claims(workspace)) == ("true", [])
