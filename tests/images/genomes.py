"""Simulated genomes with known variants, and whole runs of the steps shards, call and gather over them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.images import docker
from tests.images.docker import Workspace

EDGE = 150
"""Bases at a contig's ends that few pairs of reads reach."""

ALIGN = """
cd /data/{folder}
wgsim -S {seed} -N {pairs} -1 150 -2 150 -d 400 -s 50 -e 0.002 -r 0.002 {more} reference.fa 1.fq 2.fq > truth.txt 2> log
[[ -e reference.fa.0123 ]] || bwa-mem2 index reference.fa > log 2>&1
bwa-mem2 mem -t 2 -R '@RG\\tID:L001\\tSM:{name}\\tLB:l\\tPL:ILLUMINA' reference.fa 1.fq 2.fq 2> log \
  | samtools sort --write-index -o {name}.bam##idx##{name}.bam.bai - 2> log
rm 1.fq 2.fq; samtools faidx reference.fa
"""

WHOLE = """
common=(--sample {sample} --run r --image i --threads {threads} --memory 2048)
bams=({bams})
names=({names})
here=/data/{out}
/biojobs/shards.sh "${{bams[@]}}" --reference {reference} --seconds {seconds} --most {most} --out $here/shards --key k \
  --record $here/shards.json "${{common[@]}}"
todo=$(jq -c '.[]' /scratch/outputs/shards)
while [[ -n $todo ]]; do
  more=
  while read -r item; do
    shard=$(jq -r .shard <<< "$item")
    deadline={deadline}
    if [[ $shard == *.* ]]; then deadline=600; fi
    /biojobs/call.sh "${{bams[@]}}" --reference {reference} --shards $here/shards --shard "$shard" \
      --deadline "$deadline" --ploidy {ploidy} --out $here/calls --key "$(jq -r .key <<< "$item")" \
      --record "$here/calls/$shard.json" "${{common[@]}}"
    more+=$(jq -c '.[]' /scratch/outputs/rest)$'\\n'
  done <<< "$todo"
  todo=$(sed '/^$/d' <<< "$more")
done
/biojobs/gather.sh "${{names[@]}}" --shards $here/shards --calls $here/calls --reference {reference} --ploidy {ploidy} \
  --out $here/{sample} --key k --record $here/gather.json "${{common[@]}}"
"""

BY_HAND = """
cd /scratch
{prepare}
freebayes -f {reference}/reference.fa --ploidy {ploidy} {bams} > raw.vcf
bcftools norm -f {reference}/reference.fa -m -any raw.vcf 2> log | bcftools sort 2> log \
  | bcftools norm -d exact 2> log | {atoms} | bcftools view -H -s {samples}
"""

# freebayes wants read groups of different samples to have different names
OWN_GROUP = """
samtools view -h {uri} | sed -E 's/\\t(ID|RG:Z):L001/\\t\\1:{name}/' | samtools view -b -o {name}.bam -
samtools index {name}.bam
"""


def fasta(seed: int, contigs: Iterable[tuple[str, int]]) -> bytes:
    """Random bases; the same for the same seed."""
    rng = random.Random(seed)
    lines: list[str] = []
    for name, length in contigs:
        bases = "".join(rng.choices("ACGT", k=length))
        lines += [f">{name}", *(bases[at : at + 60] for at in range(0, length, 60))]
    return "\n".join([*lines, ""]).encode()


def simulate(space: Workspace, name: str, pairs: int, more: str, folder: str = "genome", seed: int = 11) -> None:
    """`genome/NAME.bam` with its index, of reads from `genome/reference.fa`; the variants are in `genome/truth.txt`."""
    space.shell("bwa-mem2", ALIGN.format(folder=folder, name=name, pairs=pairs, more=more, seed=seed))


@dataclass(frozen=True)
class Calling:
    """Samples and their reference, all in one workspace."""

    space: Workspace
    bams: tuple[tuple[str, str], ...]
    reference: str = "/data/genome"
    ploidy: int = 2

    @property
    def bam_words(self) -> list[str]:
        """The steps' --bam."""
        return [word for name, uri in self.bams for word in ("--bam", name, uri)]

    def whole(
        self,
        out: str,
        *,
        seconds: str = "1000",
        most: int = 200,
        deadline: str = "600",
        threads: int = 2,
        network: str = "none",
    ) -> list[str]:
        """Shards, call and gather; the records of `OUT/SAMPLE.vcf.gz` (several samples: `OUT/all.vcf.gz`).

        `deadline` is that of whole shards; their halves have time enough on any machine.
        """
        sample = self.bams[0][0] if len(self.bams) == 1 else "all"
        script = WHOLE.format(
            sample=sample,
            threads=threads,
            bams=" ".join(self.bam_words),
            names=" ".join(f"--bam {name}" for name, _ in self.bams),
            out=out,
            reference=self.reference,
            seconds=seconds,
            most=most,
            deadline=deadline,
            ploidy=self.ploidy,
        )
        (self.space.path / out).mkdir(mode=0o777)
        (self.space.path / out).chmod(0o777)
        words = ["run", "--rm", f"--network={network}", *docker.HARDENED, *self.space.mounts(), docker.QUICK]
        docker.docker(*words, docker.tag("variants"), "bash", "-euo", "pipefail", "-c", script)
        return self.space.shell("variants", f"bcftools view -H /data/{out}/{sample}.vcf.gz").splitlines()

    def atoms(self, file: str) -> list[str]:
        """The records of a VCF, with neighbours that freebayes tells of as one taken apart."""
        script = f"bcftools norm -a /data/{file} 2> /scratch/log | bcftools view -H"
        return self.space.shell("variants", script).splitlines()

    def by_hand(self, *, atoms: bool = False) -> list[str]:
        """What one freebayes over everything and the same normalisation give; `atoms`: with neighbours taken apart."""
        script = BY_HAND.format(
            reference=self.reference,
            ploidy=self.ploidy,
            prepare="\n".join(OWN_GROUP.format(name=name, uri=uri) for name, uri in self.bams),
            bams=" ".join(f"{name}.bam" for name, _ in self.bams),
            samples=",".join(name for name, _ in self.bams),
            atoms="bcftools norm -a 2> log" if atoms else "cat",
        )
        return self.space.shell("variants", script).splitlines()

    def facts(self, record: str) -> dict[str, Any]:
        """The facts of a step's record."""
        return json.loads(self.space.read(record))["facts"]


def truth(space: Workspace, folder: str = "genome") -> set[tuple[str, str, str, str]]:
    """wgsim's variants as (contig, place, ref, alt), normalised as ours are."""
    contigs = _bases(space.read(f"{folder}/reference.fa").decode())
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name}>" for name in contigs)]
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for row in space.read(f"{folder}/truth.txt").decode().splitlines():
        contig, place, ref, alt, _ = row.split("\t")
        for one in [alt] if ref == "-" else _alleles(alt, ref):
            lines.append("\t".join(_record(contigs[contig], contig, int(place), ref, one)))
    space.put(f"{folder}/truth.vcf", "\n".join([*lines, ""]).encode())
    script = f"bcftools norm -f /data/{folder}/reference.fa /data/{folder}/truth.vcf 2> /scratch/log | bcftools view -H"
    return variants(space.shell("variants", script).splitlines(), 0)


def inside(
    space: Workspace, found: set[tuple[str, str, str, str]], folder: str = "genome"
) -> set[tuple[str, str, str, str]]:
    """Without those at the very ends of contigs."""
    contigs = _bases(space.read(f"{folder}/reference.fa").decode())
    return {one for one in found if EDGE < int(one[1]) <= len(contigs[one[0]]) - EDGE}


def variants(records: Iterable[str], least: float) -> set[tuple[str, str, str, str]]:
    """Contig, place, ref and alt of the records with at least this quality."""
    rows = [record.split("\t") for record in records]
    return {(row[0], row[1], row[3], row[4]) for row in rows if row[5] == "." or float(row[5]) >= least}


def _bases(text: str) -> dict[str, str]:
    parts = [part.split("\n", 1) for part in text.split(">")[1:]]
    return {name: bases.replace("\n", "") for name, bases in parts}


def _alleles(code: str, ref: str) -> list[str]:
    """wgsim writes a SNP as the IUPAC code of both alleles."""
    codes = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
    return [base for base in codes.get(code, code) if base != ref]


def _record(bases: str, contig: str, place: int, ref: str, alt: str) -> list[str]:
    if ref == "-":  # an insertion behind the base
        ref = bases[place - 1]
        alt = ref + alt
    elif alt == "-":
        place -= 1
        ref, alt = bases[place - 1] + ref, bases[place - 1]
    return [contig, str(place), ".", ref, alt, ".", ".", "."]
