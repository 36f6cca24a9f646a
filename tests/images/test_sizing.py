"""The formulas of workflows/sizing.py against what the steps really take, on genomes and reads of two sizes."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.images.docker import Workspace
from tests.images.peaks import measured
from workflows import sizing
from workflows.types import LaneReads, Source

LENGTH = 150
GENOMES = {"small": 3_000_000, "large": 8_000_000}
# Scratch as in a pod: a disk. The containers' /scratch is memory here.
ON_DISK = "--env=TMPDIR=/data/scratch"


@dataclass(frozen=True)
class Run:
    """A step that was run: its peak in MiB, and its record."""

    peak: float
    record: dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """A workspace with an indexed genome of each size, and the runs that indexed them."""

    space: Workspace
    indexed: dict[str, Run]

    def reads(self, genome: str, pairs: int) -> tuple[str, str]:
        """The two packed files of pairs that wgsim makes of a genome."""
        files = [f"/data/reads/{genome}_{pairs}_{mate}.fq" for mate in (1, 2)]
        lengths = f"-1 {LENGTH} -2 {LENGTH} -d 400 -s 50"
        made = f"wgsim -S 11 -N {pairs} {lengths} /data/reads/{genome}.fa {' '.join(files)} > /dev/null 2>&1"
        self.space.shell("bwa-mem2", f"{made}; gzip -1f {' '.join(files)}")
        return f"{files[0]}.gz", f"{files[1]}.gz"


def run(space: Workspace, step: str, *words: str, name: str, need: sizing.Need | None, threads: int = 1) -> Run:
    """Run a step with its scratch on a disk and no more memory than it asks for."""
    assert need
    record, memory = f"steps/{name}.json", need.memory_mib
    limits = (f"--memory={memory}m", f"--memory-swap={memory}m", ON_DISK)
    outcome, peak = measured(
        lambda options: space.run(
            step, *words, record=f"/data/{record}", threads=threads, memory=memory, options=(*options, *limits)
        )
    )
    assert outcome.code == 0, outcome.stderr
    assert peak > 0, "nothing was measured: is the Docker daemon on this machine?"
    return Run(peak, json.loads(space.read(record)))


@pytest.fixture(scope="module")
def space(folder: Path) -> Workspace:
    """A workspace with room for the steps' scratch."""
    (folder / "scratch").mkdir()
    (folder / "scratch").chmod(0o777)
    return Workspace(folder)


@pytest.fixture(scope="module")
def lab(space: Workspace) -> Lab:
    """Random genomes, the same every time."""
    indexed = dict[str, Run]()
    letters = bytes(b"ACGT"[value & 3] for value in range(256))
    for name, bases in GENOMES.items():
        fasta = space.put(
            f"reads/{name}.fa", b">c\n" + random.Random(bases).randbytes(bases).translate(letters) + b"\n"
        )
        words = ("--fasta", fasta, "--checksum", "none", "--out", f"/data/{name}/")
        need = sizing.index_need(Source(fasta, size=bases + 4))
        indexed[name] = run(space, "index", *words, name=f"index-{name}", need=need)
    return Lab(space, indexed)


def assert_near(peak: float, formula: int) -> None:
    """Within 15 %."""
    assert abs(peak / formula - 1) <= 0.15, f"measured {peak:.0f} MiB, the formula says {formula}"


@pytest.mark.parametrize("genome", GENOMES)
def test_index_takes_the_memory_and_the_scratch_that_the_formulas_say(lab: Lab, genome: str) -> None:
    bases = GENOMES[genome]
    assert_near(lab.indexed[genome].peak, sizing.index_memory_mib(bases))
    files = [lab.space.path / genome / f"reference.fa.{kind}" for kind in ("0123", "bwt.2bit.64", "pac")]
    made = sum(file.stat().st_size for file in files)
    assert abs(made / sizing.index_bytes(bases) - 1) < 0.01
    assert made + bases < sizing.index_scratch_bytes(bases)


@pytest.mark.parametrize(
    ("genome", "pairs", "batch", "threads", "duplicates"),
    [
        ("small", 20_000, 1_000_000, 1, "mark"),
        ("large", 20_000, 1_000_000, 2, "mark"),
        ("large", 20_000, 100_000_000, 2, "keep"),
    ],
)
def test_align_takes_the_memory_that_the_formula_says(
    lab: Lab, genome: str, pairs: int, batch: int, threads: int, duplicates: str
) -> None:
    files = lab.reads(genome, pairs)
    words = ["--reference", f"/data/{genome}/", "--lane", "L001", "lib1", "ILLUMINA", *files, "none", "none"]
    words += ["--batch-bases", str(batch), "--reads", "stream", "--duplicates", duplicates, "--out", "/data/bam/"]
    first, second = (Source(file, size=len(lab.space.read(file.removeprefix("/data/")))) for file in files)
    lanes = [LaneReads("L001", "lib1", "ILLUMINA", (first, second))]
    need = sizing.align_need(lanes, GENOMES[genome], batch, threads)
    found = run(lab.space, "align", *words, name=f"align-{genome}-{batch}", need=need, threads=threads)
    (sort_mib,) = {match[1] for line in found.record["commands"] if (match := re.search(r"sort .*-m (\d+)M", line))}
    formula = sizing.align_memory_mib(
        sizing.index_bytes(GENOMES[genome]),
        threads,
        batch,
        first.size + second.size,
        2 * pairs * LENGTH,
        int(sort_mib),
    )
    assert_near(found.peak, formula)


@pytest.mark.parametrize(("tiles", "length"), [(1000, 150), (500, 300)])
def test_fastqc_takes_the_memory_that_the_formula_says(space: Workspace, tiles: int, length: int) -> None:
    rng = random.Random(tiles)
    lines: list[str] = []
    for number in range(20_000):
        name = f"@A00123:45:HXXXXDSXX:1:{1000 + number % tiles}:{number}:{number} 1:N:0:ACGT"
        lines += [name, "".join(rng.choices("ACGT", k=length)), "+", "F" * length]
    reads = space.put(f"reads/tiles-{tiles}.fq", ("\n".join(lines) + "\n").encode())
    words = ("--name", f"tiles-{tiles}", "--reads", reads, "--checksum", "none", "--out", "/data/fastqc/")
    found = run(space, "fastqc", *words, name=f"fastqc-{tiles}", need=sizing.fastqc_need([Source(reads, size=1)]))
    assert_near(found.peak, sizing.fastqc_memory_mib(tiles, length))
