"""The align step against its alternatives, in one image, on the same simulated reads, alternately.

Against the same pipe typed by hand; with duplicates marked in the stream and without; with reads streamed from a store
and staged, from a store that is fast and from one that is not. CPU seconds tell more than the clock on a busy machine.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.shell import seconds

ROOT = Path(__file__).resolve().parent.parent
GENOME_BASES = 4_000_000
PAIRS = 150_000
DUPLICATES = 15_000
TRIES = 3
THREADS = "2"
SLOW = "6Mi"
IMAGE = "biojobs-bench/bwa-mem2"
SECRET = "not-a-secret"
BY_HAND = (
    "set -euo pipefail; bwa-mem2 mem -t {threads} -K 100000000 -R '@RG\\tID:L1\\tSM:S\\tLB:lib\\tPL:ILLUMINA' "
    "/data/reference/reference.fa /data/1.fq.gz /data/2.fq.gz 2> /dev/null "
    "| samtools sort -@ {threads} -m 512M -T /scratch/sort -o /scratch/S.bam --write-index - 2> /dev/null "
    "&& samtools quickcheck /scratch/S.bam && samtools flagstat /scratch/S.bam > /scratch/f "
    "&& samtools stats /scratch/S.bam > /scratch/s && samtools coverage /scratch/S.bam > /scratch/c"
)


@dataclass
class Way:
    """One way to the BAM, and what its tries took."""

    label: str
    command: list[str]
    wall: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    peak: list[int] = field(default_factory=list[int])

    def row(self, other: Way) -> str:
        """Medians, and their ratio to another way's."""
        cpu = f"{statistics.median(self.cpu):.1f}" if self.cpu else ""
        by_cpu = f"{statistics.median(self.cpu) / statistics.median(other.cpu):.2f}" if self.cpu and other.cpu else ""
        by_wall = f"{statistics.median(self.wall) / statistics.median(other.wall):.2f}"
        peak = f"{max(self.peak) / 2**20:.0f}" if self.peak else ""
        return f"| {self.label} | {statistics.median(self.wall):.1f} | {by_wall} | {cpu} | {by_cpu} | {peak} |"


def measure() -> Iterator[str]:
    """A table each of marking duplicates and of streaming; the ratios are to the first row."""
    with tempfile.TemporaryDirectory(prefix="biojobs-bench-") as name:
        data = Path(name) / "data"
        data.mkdir()
        _build()
        _make_reads(data)
        hand = Way(
            "by hand: bwa-mem2, sort; flagstat, stats, coverage",
            _docker(data, "/bin/bash", "-c", BY_HAND.format(threads=THREADS)),
        )
        keep, mark = (Way(f"step, duplicates: {what}", _step(data, "/data", what)) for what in ("keep", "mark"))
        yield f"{PAIRS:,} pairs of 150 bp, {DUPLICATES:,} of them copies, {GENOME_BASES:,} random bases,"
        yield f"{THREADS} threads, median of {TRIES} alternate tries; ratios are to the first row:"
        yield ""
        yield from _table(data, [keep, mark, hand])
        yield ""
        with _store(data, "off") as fast, _store(data, SLOW) as slow:
            ways = [
                Way(f"step, {how} from a {speed} store", _step(data, f"s3://{data.name}", "mark", how, port))
                for speed, port in (("local", fast), (f"{SLOW}B/s", slow))
                for how in ("stream", "stage")
            ]
            yield from _table(data, ways[:2])
            yield ""
            yield from _table(data, ways[2:])


def _table(data: Path, ways: list[Way]) -> Iterator[str]:
    for _ in range(TRIES):
        for way in ways:
            way.wall.append(seconds(way.command))
            record = data / "out" / "record.json"
            if record.exists():
                content = json.loads(record.read_text())
                way.cpu.append(content["cpu_seconds"])
                way.peak.append(content["peak_memory_bytes"] or 0)
                record.unlink()
    yield "| way | seconds | ratio | CPU seconds | ratio | peak MiB |"
    yield "|---|---|---|---|---|---|"
    for way in ways:
        yield way.row(ways[0])


@contextmanager
def _store(data: Path, limit: str) -> Generator[int]:
    """The folder as bucket `data` of an S3 server, as the image `store` serves it; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [str(ROOT / ".venv" / "bin" / "rclone"), "serve", "s3", str(data.parent), f"--addr=127.0.0.1:{port}"]
    words += [f"--auth-key=bench,{SECRET}", "--dir-cache-time=2s", f"--bwlimit={limit}"]
    server = subprocess.Popen(words, env=os.environ | {"RCLONE_CONFIG": "/dev/null"}, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        yield port
    finally:
        server.terminate()
        server.wait()


def _build() -> None:
    words = [
        "docker",
        "buildx",
        "build",
        "--quiet",
        "--network=host",
        f"--build-context=tools={ROOT / '.venv' / 'bin'}",
    ]
    words += [f"--file={ROOT / 'images' / 'bwa-mem2' / 'Dockerfile'}", f"--tag={IMAGE}", str(ROOT / "images")]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _docker(data: Path, entry: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    mounts = ["-v", f"{data}:/data", "--tmpfs", "/scratch:exec,size=4g,mode=1777"]
    run = ["docker", "run", "--rm", "--network=host", "--user=0", *mounts, "-e", "TMPDIR=/scratch", *options]
    return [*run, "-e", "BIOJOBS_TERMINATION_LOG=/dev/null", "--entrypoint", entry, IMAGE, *arguments]


def _step(data: Path, base: str, duplicates: str, how: str = "stream", port: int = 0) -> list[str]:
    pairs = {
        "BIOJOBS_S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    options = tuple(f"--env={name}={value}" for name, value in pairs.items()) if port else ()
    words = [
        *("--reference", "/data/reference/", "--out", "/data/out/", "--batch-bases", "100000000"),
        *("--lane", "L1", "lib", "ILLUMINA", f"{base}/1.fq.gz", f"{base}/2.fq.gz", "none", "none"),
        *("--reads", how, "--duplicates", duplicates, "--key", "bench", "--record", "/data/out/record.json"),
    ]
    return _docker(data, "/biojobs/align.sh", *words, *_common("S"), options=options)


def _common(sample: str) -> list[str]:
    return ["--sample", sample, "--run", "bench", "--image", IMAGE, "--threads", THREADS, "--memory", "4096"]


def _make_reads(data: Path) -> None:
    """Reads of a random genome; the copies differ from their originals by name and by the errors of reading."""
    rng = random.Random(11)
    bases = "".join(rng.choices("ACGT", k=GENOME_BASES))
    (data / "genome.fa").write_text(">g\n" + "\n".join(bases[i : i + 60] for i in range(0, len(bases), 60)) + "\n")
    simulate = (
        f"set -e; cd /data; wgsim -S 11 -N {PAIRS - DUPLICATES} -1 150 -2 150 -d 400 -s 50 -e 0.002 -r 0.001 -h "
        "genome.fa 1.fq 2.fq > truth.txt; for m in 1 2; do "
        f"head -n {4 * DUPLICATES} $m.fq | sed '1~4s/@/@copy_/' > c.fq; cat c.fq >> $m.fq; done; "
        "rm c.fq; gzip -1 1.fq 2.fq"
    )
    subprocess.run(_docker(data, "/bin/bash", "-c", simulate), check=True, capture_output=True)
    words = ["--fasta", "/data/genome.fa", "--checksum", "none", "--out", "/data/reference/", "--key", "x"]
    words += ["--record", "/data/reference/i.json", *_common("g")]
    subprocess.run(_docker(data, "/biojobs/index.sh", *words), check=True, stdout=subprocess.DEVNULL)
