"""What a step takes, from its size class and the size of its input. docs/pipelines/sizes.md shows the measurements.

Memory is what a container cannot give back, in MiB: not the page cache, which fills any limit and makes room when
needed. The steps plan with the same formulas (images/bwa-mem2/sizing.sh), hence whole numbers. Measured on random and
repetitive genomes of 1 to 40 million bases with reads of 150; what reaches beyond is said where it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workflows.types import LaneReads, Source

MIB: Final = 2**20
HEADROOM_PERCENT: Final = 15
"""How far a step may be from its formula: it asks for that much more."""
MOST_SORT_MIB: Final = 2048
"""Most memory of a thread of samtools sort; more makes nothing faster."""
LEAST_SORT_MIB: Final = 32
_DEEP_MIB: Final = 192
"""What markdup takes of reads in one place, at some 10,000-fold depth: nobody knows beforehand where they pile up."""
_LEAST_MIB: Final = 160
"""What a step's copies to the store may take, and its shell."""
_TILES, _READ_LENGTH = 2500, 151
"""The most tiles that FastQC tells apart, and the longest reads of machines that have so many."""


@dataclass(frozen=True)
class Need:
    """What a step asks for, for inputs of a known size: memory and scratch, with headroom; 0 is not known."""

    memory_mib: int
    scratch_bytes: int


# ---- formulas -------------------------------------------------------------------------------------------------


def index_memory_mib(bases: int) -> int:
    """`bwa-mem2 index` of a genome of `bases`: 25.25 bytes a base, for both strands and their suffix array.

    Measured, formula: 4 Mb 98, 98; 10 Mb 243, 242; 20 Mb 484, 483; 40 Mb 965, 965; 10 Mb with repeats 242, 242.
    """
    return bases * 101 // (4 * MIB) + 2


def index_bytes(bases: int) -> int:
    """What `bwa-mem2 mem` reads into memory, of a genome of `bases`: 5.5 bytes a base, on 4 and 40 Mb exactly."""
    return bases * 11 // 2


def bwa_memory_mib(index: int, threads: int, batch_bases: int, bases: int) -> int:
    """`bwa-mem2 mem` with an index of `index` bytes on `bases` of reads, `batch_bases` of them at a time.

    Index + 7.6 bytes a base of the batch that is aligned + 3.9 of the one that is read or written meanwhile + 4 a
    thread. Measured, formula: 4 Mb, 2 threads, batches of 1, 10, 30 million bases: 44, 43; 128, 142; 316, 362; with 1
    and 4 threads and 1 million: 38, 39; 51, 51; 40 Mb, 10 million: 330, 331; 10 Mb with repeats, 10 million: 194, 174.
    """
    first = min(batch_bases, bases)
    second = min(batch_bases, max(0, bases - batch_bases))
    return index // MIB + 1 + (76 * first + 39 * second) // (10 * MIB) + 4 + threads * _thread_mib(index)


def _thread_mib(index: int) -> int:
    """4 MiB a thread up to 100 Mb (measured to 40), and up to a gibibyte a thread with a genome of 3 Gb: not measured
    but what users of bwa-mem2 report (1 to 2); it sets 0.3 aside for each and grows with repeats."""
    return 4 + min(1020, max(0, index * 2 // 11 - 100_000_000) // 2_900_000)


def sort_memory_mib(threads: int, sort_mib: int, bases: int) -> int:
    """`samtools sort -@ threads -m sort_mib` of records of `bases` of reads: 9/8 of what it may take, or all records,
    3 bytes a base, where they are less.

    Measured, formula: 60 million bases with 1 x 32, 2 x 32, 4 x 32, 2 x 64 MiB: 49, 44; 81, 80; 149, 152; 147, 152; in
    memory 170, 179; 300 million with 2 x 200: 455, 458, in memory 843, 866; 6 and 18 million: 22, 25; 55, 59.
    """
    return 8 + min(9 * threads * sort_mib // 8, 3 * bases // MIB)


def align_memory_mib(index: int, threads: int, batch_bases: int, read_bytes: int, bases: int, sort_mib: int) -> int:
    """The step `align`: bwa-mem2, and behind it the sort of what bwa-mem2 has let go.

    fixmate (5 MiB), markdup (4 to 8) and the shell make 8 at a time, the two streams from the store 14 and a buffer of
    up to 16 each; they have ended when all reads are in one batch. What bwa-mem2 still holds is not with the sort yet.

    Measured, formula, with 2 threads and `mark`: 40 Mb, 20,000 pairs by 1 million bases 280, 292; 4 Mb, 400,000 pairs
    by 1 million, 2 x 64 MiB for the sort 275, 263; 4 threads, 100,000 pairs by 10 million 234, 236; `keep` on 40 Mb,
    20,000 pairs in one batch 280, 281.
    """
    sorted_bases = max(0, bases - 2 * batch_bases)
    sorting = sort_memory_mib(threads, sort_mib, sorted_bases)
    streams = _streams_mib(2 if bases > batch_bases else 0, read_bytes)
    return streams + bwa_memory_mib(index, threads, batch_bases, bases) + sorting


def merge_memory_mib(threads: int, read_bytes: int, bases: int, sort_mib: int) -> int:
    """The step `sort`, which makes the BAM of an aligner of the user's own: `align` without bwa-mem2."""
    return _streams_mib(1, read_bytes) + sort_memory_mib(threads, sort_mib, bases)


def _streams_mib(count: int, size: int) -> int:
    return 8 + 14 * count + min(16 * count, size // MIB)


def sort_mib(memory_mib: int, threads: int, others_mib: int) -> int:
    """`-m` of samtools sort in a step with `memory_mib`, whose other parts take `others_mib`: what they leave of it
    without the headroom, for each thread."""
    left = memory_mib * 100 // (100 + HEADROOM_PERCENT) - others_mib
    return min(MOST_SORT_MIB, max(LEAST_SORT_MIB, left * 8 // 9 // threads))


def fastqc_memory_mib(tiles: int, read_length: int) -> int:
    """FastQC on reads of `read_length` from `tiles` tiles of a flow cell; how many reads there are does not count.

    It counts qualities for every position of every tile (1216 bytes), and Java's heap is 1.4 times as big as what is
    in it. Measured, formula, with heaps of 768 MiB and 3 GiB: 1 tile 212, 211; 700 x 150: 337, 334; 1400 x 150: 522,
    504; 2400 x 150: 763, 748; 700 x 300: 577, 504.
    """
    return max(211, 164 + tiles * read_length * 1216 * 7 // 5 // MIB)


def index_scratch_bytes(bases: int) -> int:
    """Scratch of the step `index`: FASTA and index, 6.5 bytes a base. Measured: 4 and 40 Mb, 6.51."""
    return 7 * bases


def align_scratch_bytes(index: int, read_bytes: int, staged: bool) -> int:
    """Scratch of the step `align`: the index, copies of the reads where they are staged, and the records twice: those
    that the sort has put aside, and the BAM, each about as big as the reads (packed)."""
    return index + (3 if staged else 2) * read_bytes


def most_bases(read_bytes: int) -> int:
    """Bases that `read_bytes` of FASTQ may hold: 8 a byte is more than any kit's reads pack to, plain or with gzip."""
    return 8 * read_bytes


def usual_bases(read_bytes: int) -> int:
    """As most_bases, but 4 a byte: new machines' reads pack to 3. A sort that gets more goes by way of the disk."""
    return 4 * read_bytes


# ---- what steps ask for ---------------------------------------------------------------------------------------


def need(memory_mib: int, scratch_bytes: int) -> Need:
    """With headroom, and a gibibyte of scratch for logs, reports and small surprises: what outgrows it is evicted."""
    more = 100 + HEADROOM_PERCENT
    scratch = -(-scratch_bytes * more // 100) + 1024 * MIB if scratch_bytes else 0
    return Need(-(-memory_mib * more // 100), scratch)


def index_need(fasta: Source) -> Need | None:
    """The step `index`. A packed FASTA may hold any number of bases; a plain one has at most one a byte."""
    if not fasta.size or fasta.uri.endswith(".gz"):
        return None
    return need(max(_LEAST_MIB, index_memory_mib(fasta.size)), index_scratch_bytes(fasta.size))


def fastqc_need(reads: Sequence[Source]) -> Need:
    """The step `fastqc`, for the largest of its files. Memory does not depend on their sizes."""
    memory = fastqc_memory_mib(_TILES, _READ_LENGTH)
    largest = max((source.size for source in reads), default=0) if all(source.size for source in reads) else 0
    return need(memory, largest)


def align_need(
    lanes: Sequence[LaneReads], bases: int, batch_bases: int, threads: int, staged: bool = False
) -> Need | None:
    """The step `align` with a reference of `bases` (0 if not known): all in memory, where the class has it."""
    size = _bytes_of(lanes)
    if not bases or not size:
        return None
    index = index_bytes(bases)
    memory = align_best_mib(index, threads, batch_bases, size)
    return need(memory + _DEEP_MIB, align_scratch_bytes(index, size, staged))


def align_best_mib(index: int, threads: int, batch_bases: int, read_bytes: int) -> int:
    """Memory of `align` when nothing has to go by way of the disk."""
    others = align_others_mib(index, threads, batch_bases, read_bytes)
    return others + sort_memory_mib(threads, MOST_SORT_MIB, usual_bases(read_bytes))


def align_others_mib(index: int, threads: int, batch_bases: int, read_bytes: int) -> int:
    """Memory of `align` without its sort."""
    return _streams_mib(2, read_bytes) + bwa_memory_mib(index, threads, batch_bases, most_bases(read_bytes))


def merge_need(lanes: Sequence[LaneReads], threads: int) -> Need | None:
    """The step `sort`."""
    size = _bytes_of(lanes)
    if not size:
        return None
    # The BAMs of an aligner of the user's own may be bigger than the reads.
    memory = merge_memory_mib(threads, size, most_bases(size), MOST_SORT_MIB)
    return need(memory + _DEEP_MIB, align_scratch_bytes(0, size, staged=False))


def _bytes_of(lanes: Sequence[LaneReads]) -> int:
    """Bytes of all reads, 0 if those of one are not known."""
    sizes = [source.size for lane in lanes for source in lane.reads]
    return sum(sizes) if all(sizes) else 0
