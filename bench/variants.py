"""Calling by region on a BAM with a 1000x spike: balance, scatter, bytes; each beside its alternative in the same run.

The balance is told in seconds of the processor, which the machine's other work changes least.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.shell import image, output

CONTIGS = {"one": 2_500_000, "two": 1_500_000}
DEPTH = 20
SPIKE = (1_200_000, 1_206_000)
SPIKE_DEPTH = 1000
SHARDS = 20
CORES = 2
IMAGE = image("variants")
ALIGNER = image("bwa-mem2")
ALIGN = """
set -euo pipefail; cd /data
wgsim -S 1 -N {pairs} -1 150 -2 150 -d 400 -s 50 -e 0.005 -r 0.001 reference.fa 1.fq 2.fq > truth.txt
wgsim -S 2 -N {spike} -1 150 -2 150 -d 400 -s 50 -e 0.005 -r 0 spike.fa 3.fq 4.fq > spike.txt
sed -i 's/^@/@spike/' 3.fq 4.fq; cat 3.fq >> 1.fq; cat 4.fq >> 2.fq
bwa-mem2 index reference.fa; samtools faidx reference.fa
bwa-mem2 mem -t {cores} -R '@RG\\tID:S\\tSM:S\\tLB:l\\tPL:ILLUMINA' reference.fa 1.fq 2.fq \
  | samtools sort -@ {cores} -m 500M --write-index -o S.bam##idx##S.bam.bai -
rm -f ./*.fq reference.fa.0123 reference.fa.bwt*
"""
BY_LENGTH = """
set -euo pipefail; cd /data
awk -v parts={shards} '{{ all += $2; size[NR] = $2; name[NR] = $1 }}
  END {{ each = int(all / parts) + 1; part = 1; room = each
    for (i = 1; i <= NR; i++) for (at = 0; at < size[i]; ) {{
      take = size[i] - at < room ? size[i] - at : room
      printf "%s\\t%d\\t%d\\n", name[i], at, at + take > sprintf("length%04d.bed", part)
      at += take; room -= take; if (!room) {{ part++; room = each }} }} }}' reference.fa.fai
for bed in length*.bed; do
  TIMEFORMAT=%U; time freebayes -f reference.fa -t "$bed" S.bam > /dev/null
done
"""
BY_INDEX = """
set -euo pipefail; cd /scratch
jq -r '.contigs[] | @tsv' /data/out/shards/shards.json > contigs
for bed in /data/out/shards/0*.bed; do
  awk 'BEGIN {{ OFS = "\t" }} {{ print $1, ($2 > 300 ? $2 - 300 : 0), $3 + 300 }}' "$bed" > padded.bed
  perl /biojobs/slice.pl /data/S.bam.bai contigs {size} padded.bed bai
done | awk '{{ sum += $2 }} END {{ print sum }}'
"""


def measure() -> Iterator[str]:
    """Shards by depth and by length; one after another and two at a time; bytes."""
    with tempfile.TemporaryDirectory(prefix="biojobs-bench-") as name:
        data = Path(name)
        data.chmod(0o777)
        _make_bam(data)
        size = (data / "S.bam").stat().st_size
        yield (
            f"{sum(CONTIGS.values()):,} bases at {DEPTH}x, {SPIKE[1] - SPIKE[0]:,} of them at {SPIKE_DEPTH}x; "
            f"BAM of {size / 1e6:.1f} MB; {SHARDS} shards:"
        )
        shards = _cut(data)
        walls = [_wall(data, shards, f"at{number}", number) for number in (1, CORES)]
        yield from _balance(data, shards)
        yield ""
        yield "| containers at a time | wall s | gain |"
        yield "|---|---|---|"
        for number, wall in zip((1, CORES), walls, strict=True):
            yield f"| {number} | {wall:.1f} | {walls[0] / wall:.2f} |"
        yield from _bytes(data, shards, size)


def _balance(data: Path, shards: list[dict[str, str]]) -> Iterator[str]:
    """Of two tries the better, shard by shard: the other one shared its core."""
    ours = [
        min(_facts(data, shard, f"at{number}")["freebayes_cpu_seconds"] for number in (1, CORES)) for shard in shards
    ]
    tries = [_by_length(data) for _ in range(2)]
    length = [min(pair) for pair in zip(*tries, strict=True)]
    yield ""
    yield "| cut | shards | slowest s | mean s | slowest / mean |"
    yield "|---|---|---|---|---|"
    for label, times in (("by depth", ours), ("by length", length)):
        mean = sum(times) / len(times)
        yield f"| {label} | {len(times)} | {max(times):.2f} | {mean:.2f} | {max(times) / mean:.2f} |"


def _by_length(data: Path) -> list[float]:
    command = _docker(data, IMAGE, "/bin/bash", "-c", BY_LENGTH.format(shards=SHARDS))
    done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [float(line) for line in done.stderr.split()]


def _wall(data: Path, shards: list[dict[str, str]], out: str, number: int) -> float:
    def one(shard: dict[str, str]) -> None:
        _run(data, *_call(shard, out))

    started = time.perf_counter()
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, shards))
    return time.perf_counter() - started


def _bytes(data: Path, shards: list[dict[str, str]], size: int) -> Iterator[str]:
    moved = sum(int(_facts(data, shard, "at1")["bytes_moved"]) for shard in shards)
    cutting = int(json.loads((data / "out/shards.json").read_text())["facts"]["bytes_moved"])
    yield ""
    yield "| read from the store | MB | of the BAM |"
    yield "|---|---|---|"
    for label, count in (
        ("all shards", moved),
        ("all shards, by the BAM's index alone", int(_run(data, "/bin/bash", "-c", BY_INDEX.format(size=size)))),
        ("all shards, each with the whole BAM", SHARDS * size),
    ):
        yield f"| {label} | {count / 1e6:.1f} | {count / size:.2f} |"
    yield f"| cutting, once | {cutting / 1e6:.1f} | {cutting / size:.2f} |"


def _cut(data: Path) -> list[dict[str, str]]:
    words = ["--bam", "S", "/data/S.bam", "--reference", "/data", "--seconds", "0.001", "--most", str(SHARDS)]
    _run(data, "/biojobs/shards.sh", *words, "--out", "/data/out/shards", *_common("k", "/data/out/shards.json"))
    return json.loads((data / "out/shards/shards.json").read_text())["shards"]


def _call(shard: dict[str, str], out: str) -> list[str]:
    words = ["--bam", "S", "/data/S.bam", "--reference", "/data", "--shards", "/data/out/shards", "--ploidy", "2"]
    words += ["--shard", shard["shard"], "--deadline", "3600", "--out", f"/data/out/{out}"]
    return ["/biojobs/call.sh", *words, *_common(shard["key"], f"/data/out/{out}/{shard['shard']}.json")]


def _common(key: str, record: str) -> list[str]:
    words = ["--sample", "S", "--run", "bench", "--image", IMAGE, "--threads", "1", "--memory", "2048"]
    return [*words, "--key", key, "--record", record]


def _facts(data: Path, shard: dict[str, str], out: str) -> dict[str, Any]:
    return json.loads((data / "out" / out / f"{shard['shard']}.json").read_text())["facts"]


def _run(data: Path, *words: str) -> str:
    return output(*_docker(data, IMAGE, *words))


def _docker(data: Path, image: str, *words: str) -> list[str]:
    mounts = ["-v", f"{data}:/data", "--tmpfs", "/scratch:exec,size=4g,mode=1777"]
    run = ["docker", "run", "--rm", "--network=none", "--user=0", *mounts, "-e", "TMPDIR=/scratch"]
    return [*run, "-e", "BIOJOBS_TERMINATION_LOG=/dev/null", "--entrypoint", words[0], image, *words[1:]]


def _make_bam(data: Path) -> None:
    rng = random.Random(11)
    bases = {name: "".join(rng.choices("ACGT", k=length)) for name, length in CONTIGS.items()}
    _write_fasta(data / "reference.fa", bases)
    _write_fasta(data / "spike.fa", {"spike": bases["one"][slice(*SPIKE)]})
    pairs = sum(CONTIGS.values()) * DEPTH // 300
    spike = (SPIKE[1] - SPIKE[0]) * SPIKE_DEPTH // 300
    script = ALIGN.format(pairs=pairs, spike=spike, cores=CORES)
    subprocess.run(_docker(data, ALIGNER, "/bin/bash", "-c", script), check=True, capture_output=True)


def _write_fasta(file: Path, contigs: dict[str, str]) -> None:
    with file.open("w") as out:
        for name, bases in contigs.items():
            out.write(f">{name}\n" + "\n".join(bases[at : at + 60] for at in range(0, len(bases), 60)) + "\n")
