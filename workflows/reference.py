"""A reference genome and its bwa-mem2 index, built once for every content and kept for ever."""

from __future__ import annotations

import versions
from workflows.runs import workflow
from workflows.sizing import index_need
from workflows.steps import Item, Step
from workflows.types import Manifest, Platform, Source, content_hash
from workflows.work import NEEDED, Work

WAIT_SECONDS = 6 * 3600
"""How long a run waits for another one that builds the same index."""


def reference_uri(fasta: Source, platform: Platform) -> str:
    """Folder of the indexed reference: named by the FASTA's content (its checksum, where one is given) and by the
    version of bwa-mem2, whose index it has."""
    return f"{platform.store.reference}/{_stem(fasta.uri)}-{_key(fasta)}"


def reference(fasta: Source, platform: Platform) -> Manifest:
    """The Workflow that builds the index on the class `huge`; a small step finds out before whether it is there."""
    return workflow("reference", _stem(fasta.uri), reference_steps(fasta, platform), platform)


def reference_steps(fasta: Source, platform: Platform) -> list[Step]:
    """The steps that index a stack's reference."""
    work = Work(_stem(fasta.uri), reference_uri(fasta, platform), platform)
    return index_steps(work, fasta, _key(fasta))


def index_steps(work: Work, fasta: Source, key: str) -> list[Step]:
    """The steps that leave an indexed reference in the folder of `work`."""
    item = Item(key, f"{work.results}/index.json", {})
    lookup = work.lookup((item,), wait_seconds=WAIT_SECONDS)
    index = Step(
        "index",
        "bwa-mem2",
        "huge",
        ("--fasta", fasta.uri, "--checksum", fasta.checksum, "--out", f"{work.results}/"),
        (item,),
        after=(lookup.name,),
        when=NEEDED,
        need=index_need(fasta),
    )
    return [lookup, index]


def _key(fasta: Source) -> str:
    content = fasta.checksum if fasta.checksum != "none" else [fasta.uri, fasta.identity]
    return content_hash("index", versions.IMAGES["bwa-mem2"], content)


def _stem(uri: str) -> str:
    """`.../hg38.fa.gz` -> `hg38`, with only characters that a label and a path may hold."""
    name = uri.rsplit("/", 1)[-1].split(".", 1)[0]
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in name).strip("-")[:40] or "reference"
