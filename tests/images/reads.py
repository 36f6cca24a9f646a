"""The real reads, and ways to spoil them."""

from __future__ import annotations

import gzip
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent.parent / "samples" / "na12878-chr22"
PAIRS = 1633
REFERENCE_BASES = 12356


def gzipped(mate: int) -> bytes:
    """One file of the pair, as it is."""
    return (DATA / f"NA12878_{mate}.fastq.gz").read_bytes()


def plain(mate: int) -> bytes:
    """One file of the pair, unpacked."""
    return gzip.decompress(gzipped(mate))


def records(mate: int) -> list[bytes]:
    """The reads of one file, four lines each."""
    lines = plain(mate).splitlines(keepends=True)
    return [b"".join(lines[at : at + 4]) for at in range(0, len(lines), 4)]


def packed(content: bytes) -> bytes:
    """gzip, the same bytes every time."""
    return gzip.compress(content, compresslevel=1, mtime=0)


def reference() -> bytes:
    """The slice of chromosome 22."""
    return (DATA / "reference.fa").read_bytes()
