"""A BAM that was lost and made again: the shards are cut anew for it, so that what is left to call can be called."""

from __future__ import annotations

import json
import os

from tests.images.docker import Outcome, Workspace
from tests.images.test_record_race import align

BAM = ("--bam", "NA12878", "/data/bam/NA12878.bam", "--reference", "/data/reference")


def shards(space: Workspace) -> Outcome:
    words = (*BAM, "--seconds", "600", "--most", "10", "--out", "/data/shards/")
    return space.run("shards", *words, record="/data/shards.json")


def call(space: Workspace, key: str) -> Outcome:
    words = (*BAM, "--shards", "/data/shards/", "--shard", "0001", "--deadline", "1800", "--ploidy", "2")
    return space.run("call", *words, "--out", "/data/calls/", record="/data/calls/0001.json", key=key)


def test_a_bam_that_was_made_again_does_not_bar_its_calls(indexed: Workspace) -> None:
    assert align(indexed).code == 0
    assert shards(indexed).code == 0
    assert shards(indexed).stdout == "shards: already done\n"
    bam = indexed.path / "bam" / "NA12878.bam"
    content = bam.read_bytes()
    bam.unlink()
    bam.write_bytes(content)
    os.utime(bam, (1_800_000_000, 1_800_000_000))
    again = shards(indexed)
    assert again.code == 0, again.stderr
    assert "shards: /data/bam/NA12878.bam was written since, doing the step again\n" in again.stderr
    (shard,) = json.loads(indexed.read("shards.json"))["facts"]["shards"]
    called = call(indexed, shard["key"])
    assert called.code == 0, called.stderr
