"""The align step against the same pipe typed by hand, in the same image, on the same simulated reads, alternately."""

from __future__ import annotations

import random
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import versions
from bench.shell import REGISTRY, seconds

GENOME_BASES = 4_000_000
PAIRS = 150_000
TRIES = 3
THREADS = "2"
IMAGE = f"{REGISTRY}/bwa-mem2:{versions.IMAGES['bwa-mem2']}"
BY_HAND = (
    "set -euo pipefail; bwa-mem2 mem -t {threads} -K 100000000 -R '@RG\\tID:L1\\tSM:S\\tLB:lib\\tPL:ILLUMINA' "
    "/data/reference/reference.fa /data/1.fq.gz /data/2.fq.gz "
    "| samtools sort -@ {threads} -m 512M -T /scratch/sort -o /scratch/S.bam --write-index - "
    "&& samtools quickcheck /scratch/S.bam"
)


def measure() -> Iterator[str]:
    """Seconds of both ways, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="biojobs-bench-") as name:
        data = Path(name)
        _make_reads(data)
        steps: list[float] = []
        hands: list[float] = []
        for _ in range(TRIES):
            steps.append(seconds(_docker(data, "/biojobs/align.sh", *_align_arguments())))
            hands.append(seconds(_docker(data, "/bin/bash", "-c", BY_HAND.format(threads=THREADS))))
            (data / "out" / "record.json").unlink(missing_ok=True)
        ratio = statistics.median(steps) / statistics.median(hands)
        yield f"{PAIRS:,} pairs of 150 bp, {GENOME_BASES:,} random bases, {THREADS} threads, median of {TRIES}:"
        yield ""
        yield "| way | seconds |"
        yield "|---|---|"
        yield f"| by hand | {statistics.median(hands):.1f} |"
        yield f"| align step | {statistics.median(steps):.1f} |"
        yield f"| ratio | {ratio:.2f} |"


def _docker(data: Path, entry: str, *arguments: str) -> list[str]:
    mounts = ["-v", f"{data}:/data", "--tmpfs", "/scratch:exec,size=4g,mode=1777"]
    run = ["docker", "run", "--rm", "--network=none", "--user=0", *mounts, "-e", "TMPDIR=/scratch"]
    return [*run, "-e", "BIOJOBS_TERMINATION_LOG=/dev/null", "--entrypoint", entry, IMAGE, *arguments]


def _align_arguments() -> list[str]:
    return [
        *("--reference", "/data/reference/", "--lane", "L1", "lib", "ILLUMINA", "/data/1.fq.gz", "/data/2.fq.gz"),
        *("--out", "/data/out/", "--batch-bases", "100000000", "--key", "bench", "--record", "/data/out/record.json"),
        *("--sample", "S", "--run", "bench", "--image", IMAGE, "--threads", THREADS, "--memory", "4096"),
    ]


def _make_reads(data: Path) -> None:
    rng = random.Random(11)
    bases = "".join(rng.choices("ACGT", k=GENOME_BASES))
    (data / "genome.fa").write_text(">g\n" + "\n".join(bases[i : i + 60] for i in range(0, len(bases), 60)) + "\n")
    simulate = (
        f"set -e; cd /data; wgsim -S 11 -N {PAIRS} -1 150 -2 150 -d 400 -s 50 -e 0.002 -r 0.001 -h genome.fa 1.fq 2.fq "
        "> truth.txt; gzip -1 1.fq 2.fq"
    )
    subprocess.run(_docker(data, "/bin/bash", "-c", simulate), check=True, stdout=subprocess.DEVNULL)
    index = [
        "--fasta",
        "/data/genome.fa",
        "--out",
        "/data/reference/",
        "--key",
        "x",
        "--record",
        "/data/reference/i.json",
    ]
    common = ["--sample", "g", "--run", "bench", "--image", IMAGE, "--threads", THREADS, "--memory", "4096"]
    subprocess.run(_docker(data, "/biojobs/index.sh", *index, *common), check=True, stdout=subprocess.DEVNULL)
