"""What steps ask for: formulas against what was measured, and the same numbers in the steps' own scripts."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

from quantities import parse_bytes
from settings_profiles import PROFILES
from workflows import sizing
from workflows.types import LaneReads, Source

SCRIPT = Path(__file__).parents[2] / "images" / "bwa-mem2" / "sizing.sh"
M = 1_000_000


def index(million_bases: int) -> int:
    return sizing.index_bytes(million_bases * M)


# Measured peaks in MiB. What the containers' own processes held, page cache apart; see docs/pipelines/sizes.md.
INDEX = {4: 98, 10: 243, 20: 484, 40: 965}
"""By million bases."""
BWA = {
    **{(4, 1, 1, 30): 38, (4, 2, 1, 30): 44, (4, 4, 1, 30): 51, (4, 2, 3, 30): 68},
    **{(4, 1, 10, 30): 124, (4, 2, 10, 30): 128, (4, 4, 10, 30): 148, (4, 2, 30, 120): 316, (4, 2, 100, 120): 722},
    **{(20, 2, 1, 30): 125, (20, 2, 10, 30): 207, (20, 2, 50, 90): 546},
    **{(40, 2, 1, 30): 232, (40, 2, 10, 30): 330, (40, 2, 50, 90): 651},
    # a genome with repeats
    **{(10, 2, 1, 30): 84, (10, 4, 1, 30): 93, (10, 1, 10, 30): 194, (10, 2, 10, 30): 194, (10, 4, 10, 30): 198},
}
"""By million bases of the genome, threads, million bases of a batch and of all reads."""
SORT = {
    **{(1, 32, 60): 49, (2, 32, 60): 81, (4, 32, 60): 149, (1, 64, 60): 80, (2, 64, 60): 147, (2, 2048, 60): 170},
    **{
        (1, 400, 300): 453,
        (2, 200, 300): 455,
        (4, 100, 300): 457,
        (2, 2000, 300): 843,
        (2, 500, 6): 22,
        (2, 500, 18): 55,
    },
}
"""By threads, -m and million bases."""
ALIGN = {
    **{(40, 2, 1, 6, 6, 64): 280, (40, 2, 100, 6, 6, 64): 280, (4, 2, 1, 60, 120, 64): 275},
    **{(4, 4, 10, 15, 30, 600): 234, (4, 1, 10, 15, 30, 300): 208, (8, 4, 100, 3, 6, 64): 105},
}
"""As of BWA, with million bytes of the packed reads before their bases, and -m."""
FASTQC = {(1, 150): 212, (100, 150): 214, (700, 150): 337, (1400, 150): 522, (2400, 150): 763, (700, 300): 577}
"""By tiles and length of the reads."""

CASES = [
    *((f"index {size}", peak, sizing.index_memory_mib(size * M)) for size, peak in INDEX.items()),
    *(
        (f"bwa {of}", peak, sizing.bwa_memory_mib(index(of[0]), of[1], of[2] * M, of[3] * M))
        for of, peak in BWA.items()
    ),
    *((f"sort {of}", peak, sizing.sort_memory_mib(of[0], of[1], of[2] * M)) for of, peak in SORT.items()),
    *(
        (f"align {of}", peak, sizing.align_memory_mib(index(of[0]), of[1], of[2] * M, of[3] * M, of[4] * M, of[5]))
        for of, peak in ALIGN.items()
    ),
    *((f"fastqc {of}", peak, sizing.fastqc_memory_mib(*of)) for of, peak in FASTQC.items()),
]


@pytest.mark.parametrize(("measured", "formula"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_formula_is_within_15_percent_of_what_was_measured(measured: int, formula: int) -> None:
    assert abs(measured / formula - 1) <= 0.15, f"measured {measured} MiB, the formula says {formula}"


def by_script(calls: list[str]) -> list[int]:
    """What functions of the script print."""
    lines = "; ".join(f"{call}; echo" for call in calls)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"source {SCRIPT}; {lines}"], capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


SIZES = (0, 1, 40 * M, 3_100 * M, 150_000 * M)


def test_the_steps_plan_with_the_same_formulas() -> None:
    calls: dict[str, int] = {}
    for bases in SIZES:
        calls[f"index_memory_mib {bases}"] = sizing.index_memory_mib(bases)
        calls[f"index_scratch_bytes {bases}"] = sizing.index_scratch_bytes(bases)
        calls[f"usual_bases {bases}"] = sizing.usual_bases(bases)
        for mode, staged in (("stream", False), ("stage", True)):
            calls[f"align_scratch_bytes 7 {bases} {mode}"] = sizing.align_scratch_bytes(7, bases, staged)
        for threads, mib in itertools.product((1, 2, 84), (32, 333, 2048)):
            calls[f"sort_memory_mib {threads} {mib} {bases}"] = sizing.sort_memory_mib(threads, mib, bases)
    for size, threads, batch, total in itertools.product(SIZES, (1, 2, 84), (M, 100 * M), SIZES):
        words = f"{sizing.index_bytes(size)} {threads} {batch} {total}"
        numbers = sizing.index_bytes(size), threads, batch, total
        calls[f"bwa_memory_mib {words}"] = sizing.bwa_memory_mib(*numbers)
        calls[f"align_others_mib {words}"] = sizing.align_others_mib(*numbers)
    for memory, threads, others in itertools.product((160, 4096, 168_960), (1, 2, 84), (40, 300, 5000)):
        calls[f"sort_mib {memory} {threads} {others}"] = sizing.sort_mib(memory, threads, others)
    assert dict(zip(calls, by_script(list(calls)), strict=True)) == calls


def lanes(size: int, count: int = 1) -> tuple[LaneReads, ...]:
    return (LaneReads("L1", "lib", "ILLUMINA", (Source("s3://a", size=size), Source("s3://b", size=size))),) * count


@pytest.mark.parametrize("bases", [12_356, 5 * M, 3_100 * M])
@pytest.mark.parametrize("size", [100_000, 50 * M, 35_000 * M])
@pytest.mark.parametrize("threads", [1, 2, 84])
def test_what_align_asks_for_is_enough_for_its_plan_and_lets_the_sort_stay_in_memory(
    bases: int, size: int, threads: int
) -> None:
    asked = sizing.align_need(lanes(size), bases, 100 * M, threads)
    assert asked
    others = sizing.align_others_mib(sizing.index_bytes(bases), threads, 100 * M, 2 * size)
    wanted = sizing.usual_bases(2 * size)
    planned = sizing.sort_mib(asked.memory_mib, threads, others)
    assert others + sizing.sort_memory_mib(threads, planned, wanted) <= asked.memory_mib
    assert sizing.sort_memory_mib(threads, planned, wanted) == sizing.sort_memory_mib(threads, 2048, wanted)


def test_what_is_not_known_is_not_guessed() -> None:
    assert sizing.index_need(Source("s3://r/hg38.fa.gz", size=900 * M)) is None
    assert sizing.index_need(Source("https://r/hg38.fa")) is None
    assert sizing.align_need(lanes(0), 5 * M, M, 2) is None
    assert sizing.align_need(lanes(7), 0, M, 2) is None
    assert sizing.merge_need(lanes(0), 2) is None
    one_unknown = (LaneReads("L1", "lib", "ILLUMINA", (Source("s3://a", size=9), Source("s3://b"))),)
    assert sizing.align_need(one_unknown, 5 * M, M, 2) is None


def test_more_of_anything_never_takes_less() -> None:
    needs = [sizing.align_need(lanes(size), 5 * M, M, 2) for size in (10, M, 10 * M, 1000 * M)]
    assert [need.memory_mib for need in needs if need] == sorted(need.memory_mib for need in needs if need)
    assert [need.scratch_bytes for need in needs if need] == sorted(need.scratch_bytes for need in needs if need)
    assert sizing.align_scratch_bytes(0, 10, True) > sizing.align_scratch_bytes(0, 10, False)


def test_a_human_genome_fits_the_classes_of_a_cloud() -> None:
    classes = PROFILES["cloud"]["classes"]
    reference = Source("s3://broad/Homo_sapiens_assembly38.fasta", size=3_249_912_778)
    index, reads = sizing.index_need(reference), lanes(35_000 * M)
    align = sizing.align_need(reads, reference.size, 100 * M, int(classes["large"]["cpu"]))
    assert index
    assert align
    assert index.memory_mib <= parse_bytes(classes["huge"]["memory"]) // sizing.MIB
    assert index.scratch_bytes <= parse_bytes(classes["huge"]["scratch"])
    assert align.scratch_bytes <= parse_bytes(classes["large"]["scratch"])
    # It would take more to sort in memory, and makes do with its class by way of the disk.
    least = sizing.align_others_mib(sizing.index_bytes(reference.size), 84, 100 * M, 70_000 * M)
    assert least + sizing.sort_memory_mib(84, 32, 90_000 * M) < parse_bytes(classes["large"]["memory"]) // sizing.MIB
    assert align.memory_mib > parse_bytes(classes["large"]["memory"]) // sizing.MIB


def test_fastqc_fits_the_small_class_of_every_profile_whatever_the_flow_cell() -> None:
    asked = sizing.fastqc_need([Source("s3://a", size=5)])
    assert asked.scratch_bytes > 2**30
    assert sizing.fastqc_need([Source("s3://a", size=5), Source("s3://b")]).scratch_bytes == 0
    assert asked.memory_mib <= parse_bytes(PROFILES["local"]["classes"]["small"]["memory"]) // sizing.MIB
