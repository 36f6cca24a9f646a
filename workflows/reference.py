"""A reference genome and its bwa-mem2 index, built once for every content and kept for ever."""

from __future__ import annotations

from workflows.runs import workflow
from workflows.steps import Item, Step
from workflows.types import Manifest, Platform, Source, content_hash


def reference_uri(fasta: Source, platform: Platform) -> str:
    """Folder of the indexed reference: named by the FASTA's identity and the image that indexes it."""
    return f"{platform.store.reference}/{_stem(fasta.uri)}-{_key(fasta, platform)}"


def reference(fasta: Source, platform: Platform) -> Manifest:
    """The Workflow that builds the index; where it is built already, it ends at once."""
    uri = reference_uri(fasta, platform)
    item = Item(_key(fasta, platform), f"{uri}/index.json", {})
    args = ("--fasta", fasta.uri, "--out", f"{uri}/")
    return workflow("reference", _stem(fasta.uri), [Step("index", "bwa-mem2", "huge", args, (item,))], platform)


def _key(fasta: Source, platform: Platform) -> str:
    return content_hash("index", platform.images["bwa-mem2"], fasta.uri, fasta.identity)


def _stem(uri: str) -> str:
    """`.../hg38.fa.gz` -> `hg38`, with only characters that a label and a path may hold."""
    name = uri.rsplit("/", 1)[-1].split(".", 1)[0]
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in name).strip("-")[:40] or "reference"
