"""What is not the reads' fault: store, disk, memory, signals. Nothing unfinished is ever published."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.images import docker, reads
from tests.images.conftest import Server
from tests.images.docker import Outcome, Workspace
from tests.images.faulty import Faulty

BATCH = ("--batch-bases", "1000000", "--duplicates", "mark", "--reads", "stream")
NO_SUMS = ("none", "none")


def lanes(space: Workspace, times: int) -> list[str]:
    """One lane with the real pairs so many times: long enough to be disturbed."""
    files = [space.put(f"reads/big{mate}.fastq.gz", reads.gzipped(mate) * times) for mate in (1, 2)]
    return ["--lane", "L001", "lib", "ILLUMINA", *files, *NO_SUMS]


def align(space: Workspace, lane: list[str], base: str = "/data", **more: object) -> Outcome:
    words = ["--reference", f"{base}/reference/", *lane, "--out", f"{base}/results/bam/", *BATCH]
    return space.run("align", *words, **more)  # type: ignore[arg-type]


def wait_for_tool(container: str, tool: str) -> int:
    """The process id of a tool in a container, when it is under way."""
    for _ in range(300):
        top = docker.docker("top", container, "-o", "pid,args", check=False)
        for line in top.stdout.splitlines():
            if f" {tool} " in line:
                return int(line.split()[0])
        time.sleep(0.1)
    raise AssertionError(f"{tool} did not start")


def start(space: Workspace, name: str, scratch: str = "") -> None:
    words = ["--reference", "/data/reference/", *lanes(space, 60), "--out", "/data/results/bam/", *BATCH]
    options = ["run", "--detach", f"--name={name}", "--network=none", *docker.HARDENED, *space.mounts(scratch)]
    docker.docker("rm", "--force", name, check=False)
    docker.docker(*options, *space.step_words("align", tuple(words), "/data/steps/align.json", "key-1", 2048, 2, "S"))


def finish(name: str) -> tuple[int, str]:
    """Exit code and last line of a container, which is taken away."""
    code = int(docker.docker("wait", name).stdout)
    said = docker.docker("logs", name).stderr.strip().splitlines()
    docker.docker("rm", name)
    return code, said[-1] if said else ""


def nothing_published(space: Workspace) -> bool:
    return not space.files("results/bam") and not space.files("steps")


def test_a_step_that_is_told_to_stop_stops_at_once_and_can_be_done_again(indexed: Workspace) -> None:
    start(indexed, "biojobs-test-term")
    wait_for_tool("biojobs-test-term", "bwa-mem2 mem")
    began = time.monotonic()
    docker.docker("kill", "--signal=TERM", "biojobs-test-term")
    code, said = finish("biojobs-test-term")
    assert time.monotonic() - began < 10
    assert (code, said) == (143, "tool: step align was told to stop (SIGTERM); nothing unfinished was published")
    assert nothing_published(indexed)
    assert align(indexed, lanes(indexed, 1)).code == 0


@pytest.mark.parametrize("tool", ["bwa-mem2 mem", "samtools fixmate", "samtools sort", "samtools markdup"])
def test_a_killed_tool_is_an_error_and_no_short_bam(indexed: Workspace, tool: str) -> None:
    start(indexed, "biojobs-test-kill")
    wait_for_tool("biojobs-test-kill", "samtools markdup")
    os.kill(wait_for_tool("biojobs-test-kill", tool), signal.SIGKILL)
    code, said = finish("biojobs-test-kill")
    assert (code, said) == (137, f"tool: {tool} was killed (SIGKILL), and not for want of memory")
    assert nothing_published(indexed)


def test_a_tool_that_breaks_off_is_told_and_not_what_it_cuts_off(indexed: Workspace) -> None:
    start(indexed, "biojobs-test-abort")
    os.kill(wait_for_tool("biojobs-test-abort", "samtools markdup"), signal.SIGABRT)
    code, said = finish("biojobs-test-abort")
    assert code == 134
    assert said.startswith("tool: samtools markdup ended with exit code 134")
    assert nothing_published(indexed)


def test_a_killed_container_leaves_nothing_and_can_be_done_again(indexed: Workspace) -> None:
    start(indexed, "biojobs-test-gone")
    wait_for_tool("biojobs-test-gone", "samtools sort")
    docker.docker("kill", "biojobs-test-gone")
    assert finish("biojobs-test-gone")[0] == 137
    assert nothing_published(indexed)
    assert align(indexed, lanes(indexed, 1)).code == 0


def test_out_of_memory_is_told_as_such(indexed: Workspace) -> None:
    outcome = align(indexed, lanes(indexed, 60), options=("--memory=72m", "--memory-swap=72m"))
    assert outcome.code == 137, outcome.stderr
    assert outcome.message.endswith("ran out of memory (with 2048 MiB): raise biojobs:classes.large.memory")
    assert nothing_published(indexed)


def test_a_class_with_too_little_memory_is_refused_before_the_work(indexed: Workspace) -> None:
    outcome = align(indexed, lanes(indexed, 1), memory=32)
    assert outcome.code == 73
    assert outcome.message.startswith("tool: step align with 2 threads needs ")
    assert outcome.message.endswith("raise biojobs:classes.large.memory")


def test_scratch_that_is_too_small_is_refused_before_the_work(indexed: Workspace) -> None:
    outcome = align(indexed, lanes(indexed, 60), scratch=",size=16m")
    assert outcome.code == 73
    assert outcome.message.startswith("tool: the scratch volume has 0.0 GiB free, sorting NA12878 needs 0.0 GiB")
    assert outcome.message.endswith("raise biojobs:classes.large.scratch")


def test_scratch_that_fills_up_while_sorting_is_told_as_such(indexed: Workspace) -> None:
    start(indexed, "biojobs-test-full", ",size=96m")
    wait_for_tool("biojobs-test-full", "samtools sort")
    docker.docker("exec", "biojobs-test-full", "sh", "-c", "cat /dev/zero > /scratch/fill", check=False)
    code, said = finish("biojobs-test-full")
    assert (code, said) == (73, "tool: the scratch volume is full (0.1 GiB): raise biojobs:classes.large.scratch")
    assert nothing_published(indexed)


def test_scratch_too_small_for_the_reads_is_told_by_fastqc(workspace: Workspace) -> None:
    uri = workspace.put("reads/R1.fastq.gz", reads.gzipped(1))
    outcome = workspace.run(
        "fastqc", "--name", "S_R1", "--reads", uri, "--checksum", "none", "--out", "/data/results", scratch=",size=32m"
    )
    assert outcome.code == 73
    assert outcome.message.startswith(f"tool: the scratch volume has 0.0 GiB free, a copy of {uri} needs 0.1 GiB")


# ---- the store ----------------------------------------------------------------------------------------------------

S3_LANE = ["--lane", "L001", "lib", "ILLUMINA", "s3://reads/R1.fastq.gz", "s3://reads/R2.fastq.gz", *NO_SUMS]


def test_over_s3_the_result_is_the_same_as_over_paths(server: Server) -> None:
    outcome = align(server.space, S3_LANE, "s3:/", record="s3://results/align.json")
    assert outcome.code == 0, outcome.stderr
    plain = Workspace(server.space.path)
    lane = [*S3_LANE[:4], "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz", *NO_SUMS]
    words = ["--reference", "/data/reference/", *lane, "--out", "/data/plain", *BATCH]
    assert plain.run("align", *words).code == 0
    views = [
        plain.shell("bwa-mem2", f"samtools view /data/{folder}/NA12878.bam") for folder in ("results/bam", "plain")
    ]
    assert views[0] == views[1]
    again = align(server.space, S3_LANE, "s3:/", record="s3://results/align.json")
    assert (again.code, again.stdout) == (0, "align: already done\n")


def test_a_missing_object_is_told_with_its_name(server: Server) -> None:
    lane = [*S3_LANE[:5], "s3://reads/nowhere.fastq.gz", *NO_SUMS]
    outcome = align(server.space, lane, "s3:/", record="s3://results/align.json")
    assert (outcome.code, outcome.message) == (66, "missing input: s3://reads/nowhere.fastq.gz is not there")


def test_a_wrong_secret_is_told_as_trouble_of_the_store(server: Server) -> None:
    pairs = tuple(pair for pair in server.space.environment if "SECRET" not in pair)
    space = Workspace(server.space.path, (*pairs, "AWS_SECRET_ACCESS_KEY=wrong-secret"))
    outcome = align(space, S3_LANE, "s3:/", record="s3://results/align.json")
    assert outcome.code == 74
    assert outcome.message.startswith("store: access to s3://results/align.json was refused: ")
    assert "SignatureDoesNotMatch" in outcome.message


def test_a_store_that_is_away_is_told_within_two_minutes(server: Server) -> None:
    server.stop()
    began = time.monotonic()
    outcome = align(server.space, S3_LANE, "s3:/", record="s3://results/align.json")
    assert time.monotonic() - began < 120
    assert outcome.code == 74
    assert outcome.message.startswith("store: s3://results/align.json: ")
    assert "connection refused" in outcome.message


def test_a_store_that_vanishes_in_the_middle_gives_no_short_bam(server: Server) -> None:
    lanes(server.space, 400)
    lane = [*S3_LANE[:4], "s3://reads/big1.fastq.gz", "s3://reads/big2.fastq.gz", *NO_SUMS]
    stopper = threading.Thread(target=stop_when_streaming, args=(server,))
    stopper.start()
    outcome = align(server.space, lane, "s3:/", record="s3://results/align.json", sample="VANISHING")
    stopper.join()
    assert outcome.code == 74, outcome.stderr
    assert outcome.message.startswith("store: s3://reads/big")
    assert not server.space.files("results/bam")


def stop_when_streaming(server: Server) -> None:
    """Waits until bwa-mem2 runs anywhere with these reads' read group, and kills the store."""
    for _ in range(600):
        if any(b"SM:VANISHING" in command_line(entry) for entry in Path("/proc").glob("[0-9]*")):
            break
        time.sleep(0.1)
    time.sleep(1)
    server.stop()


def command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_connection_that_is_cut_goes_on_or_fails_and_never_shortens_the_reads(indexed: Workspace) -> None:
    """Members of a gzip file end on their own: only the length shows that some are missing."""
    times = 8
    one = indexed.put("reads/long1.fastq.gz", reads.gzipped(1) * times)
    web = Faulty(reads.gzipped(2) * times)
    try:
        for fault, code in (("cut", 0), ("norange", 74)):
            lane = ["--lane", "L001", "lib", "ILLUMINA", one, f"{web.base}/{fault}/R2.fastq.gz", *NO_SUMS]
            outcome = align(indexed, lane, key=fault)
            assert outcome.code == code, outcome.stderr
            if code == 0:
                facts = json.loads(indexed.read("steps/align.json"))["facts"]
                assert facts["pairs"] == times * reads.PAIRS
                assert web.asked["cut"] > 4
        assert outcome.message.startswith(f"store: {web.base}/norange/R2.fastq.gz: ")
    finally:
        web.shutdown()


@pytest.mark.parametrize("uri", ["ftp://host/a", "https://user@host/a", "https://host/a?b=c", "s3://bucket"])
def test_an_address_that_is_none_of_ours_is_refused(workspace: Workspace, uri: str) -> None:
    outcome = workspace.run("fastqc", "--name", "S_R1", "--reads", uri, "--checksum", "none", "--out", "/data/results")
    assert outcome.code == 65
    assert outcome.message.startswith(f"bad input: '{uri}' must be")
