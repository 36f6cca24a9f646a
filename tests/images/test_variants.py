"""Variants by region: what is found is true, and is the same from one shard, from many, and from freebayes by hand."""

import itertools
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.images import docker, genomes, reads
from tests.images.conftest import Server
from tests.images.docker import Workspace
from tests.images.genomes import Calling

LEAST = 20


@pytest.fixture(scope="module")
def diploid(folder: Path) -> Generator[Calling]:
    """Two contigs and three samples: heterozygous and homozygous SNPs, and indels."""
    space = Workspace(folder)
    space.put("genome/reference.fa", genomes.fasta(5, [("one", 40_000), ("two", 12_000)]))
    # The seed of wgsim decides on the variants too: two samples, each with its own
    genomes.simulate(space, "B", 3000, "-R 0.15", seed=13)
    genomes.simulate(space, "A", 6000, "-R 0.15", seed=12)
    yield Calling(space, (("A", "/data/genome/A.bam"),))


@pytest.fixture(scope="module")
def serial(diploid: Calling) -> list[str]:
    return diploid.by_hand()


def test_a_diploid_genome_with_indels_is_called_truly(diploid: Calling) -> None:
    sets = genomes.truth(diploid.space), genomes.variants(diploid.by_hand(atoms=True), LEAST)
    known, found = (genomes.inside(diploid.space, one) for one in sets)
    snps = {one for one in known if len(one[2]) == len(one[3]) == 1}
    precision, recall = len(known & found) / len(found), len(known & found) / len(known)
    print(f"precision {precision:.3f}, recall {recall:.3f}, {len(snps)} SNPs, {len(known) - len(snps)} indels")
    assert len(known) - len(snps) >= 8
    assert precision >= 0.95
    assert recall >= 0.95
    assert len(snps & found) >= 0.98 * len(snps), snps - found


@pytest.mark.parametrize(("seconds", "most", "threads"), [("1000", 200, 1), ("0.001", 6, 4)])
def test_any_number_of_shards_and_threads_gives_what_freebayes_gives_by_hand(
    diploid: Calling, serial: list[str], seconds: str, most: int, threads: int
) -> None:
    ours = diploid.whole(f"cut{most}", seconds=seconds, most=most, threads=threads)
    assert ours == serial
    facts = diploid.facts(f"cut{most}/gather.json")
    assert facts["shards"] == (1 if most == 200 else most)
    files = {file.name for file in (diploid.space.path / f"cut{most}").glob("A.*")}
    assert files == {"A.vcf.gz", "A.vcf.gz.tbi", "A.vcf.stats.txt"}


def test_the_files_are_the_same_to_the_byte(diploid: Calling) -> None:
    """After the test above: header and packing too do not tell how it was cut."""
    one, many = (diploid.space.read(f"cut{most}/A.vcf.gz") for most in (200, 6))
    assert one == many
    header = diploid.space.shell("variants", "bcftools view -h /data/cut6/A.vcf.gz")
    assert "##contig=<ID=one,length=40000>" in header
    assert "/scratch" not in header


def test_shards_cover_every_base_with_reads_once(diploid: Calling) -> None:
    regions: list[tuple[str, int, int]] = []
    for file in sorted((diploid.space.path / "cut6" / "shards").glob("*.bed")):
        for line in file.read_text().splitlines():
            contig, start, end = line.split("\t")
            regions.append((contig, int(start), int(end)))
    for contig, length in (("one", 40_000), ("two", 12_000)):
        own = [region for region in regions if region[0] == contig]
        assert own[0][1] == 0
        assert own[-1][2] == length
        assert all(before[2] == after[1] for before, after in itertools.pairwise(own))


def test_a_shard_that_runs_away_is_cut_in_halves_and_nothing_changes(diploid: Calling, serial: list[str]) -> None:
    ours = diploid.whole("late", deadline="0.05", most=2, seconds="0.001")
    assert ours == serial
    record = json.loads(diploid.space.read("late/calls/0001.json"))
    assert [half["shard"] for half in record["facts"]["rest"]] == ["0001.1", "0001.2"]
    assert diploid.facts("late/gather.json")["shards"] == 4


def test_a_region_that_cannot_be_cut_again_is_told_with_the_remedy(diploid: Calling) -> None:
    with pytest.raises(AssertionError, match="which is too short to be cut again") as raised:
        diploid.whole("never", deadline="0.001", most=140, seconds="0.001")
    assert "exit code 124" in str(raised.value)
    assert "biojobs:variants.shardMinutes" in str(raised.value)


def test_a_haploid_genome_is_called_without_an_error(folder: Path) -> None:
    space = Workspace(folder)
    space.put("haploid/reference.fa", genomes.fasta(7, [("phage", 48_502)]))
    genomes.simulate(space, "H", 10_000, "-R 0 -h", folder="haploid")
    calling = Calling(space, (("H", "/data/haploid/H.bam"),), "/data/haploid", 1)
    assert calling.whole("h", most=2, seconds="0.001")
    atoms = calling.atoms("h/H.vcf.gz")
    sets = genomes.truth(space, "haploid"), genomes.variants(atoms, LEAST)
    known, found = (genomes.inside(space, one, "haploid") for one in sets)
    print(f"{len(known & found)} of {len(known)} SNPs, {len(found - known)} false")
    assert len(known) > 60
    assert found == known


def test_samples_are_called_together_in_the_order_that_was_asked_for(diploid: Calling) -> None:
    """freebayes keeps one prior of allele counts for the whole genome, so quality may differ a little where cut."""
    both = Calling(diploid.space, (("B", "/data/genome/B.bam"), ("A", "/data/genome/A.bam")))
    ours, hand = both.whole("joint", most=2, seconds="0.001"), both.by_hand()
    header = both.space.shell("variants", "bcftools query -l /data/joint/all.vcf.gz").split()
    assert header == ["B", "A"]
    assert [_without_quality(line) for line in ours] == [_without_quality(line) for line in hand]


def _without_quality(line: str) -> list[str]:
    fields = line.split("\t")
    info = [part for part in fields[7].split(";") if not part.startswith("ODDS=")]
    return [*fields[:5], *info, *fields[8:]]


def aligned(space: Workspace) -> Calling:
    """The real reads of NA12878 as the step align does it."""
    lane = ("--lane", "L001", "lib1", "ILLUMINA", "/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz", "none", "none")
    words = ("--reads", "stream", "--duplicates", "mark", "--batch-bases", "1000000", "--out", "/data/results/bam")
    outcome = space.run("align", "--reference", "/data/reference", *lane, *words)
    assert outcome.code == 0, outcome.stderr
    return Calling(space, (("NA12878", "/data/results/bam/NA12878.bam"),), "/data/reference")


def giab() -> set[tuple[str, str, str, str]]:
    rows = (reads.DATA / "truth.vcf").read_text().splitlines()
    found = genomes.variants((row for row in rows if not row.startswith("#")), 0)
    return {one for one in found if len(one[2]) == len(one[3]) == 1}


def test_every_known_snp_of_the_real_reads_is_found_whatever_the_shards(indexed: Workspace) -> None:
    calling = aligned(indexed)
    hand = calling.by_hand()
    for most in (1, 5):
        ours = calling.whole(f"cut{most}", most=most, seconds="0.001")
        assert ours == hand
        atoms = genomes.variants(calling.atoms(f"cut{most}/NA12878.vcf.gz"), LEAST)
        found = {one for one in atoms if len(one[2]) == len(one[3]) == 1}
        assert found == giab()
        assert len(found) == 14


def test_from_s3_the_shards_read_their_slices_alone(server: Server) -> None:
    calling = aligned(Workspace(server.space.path))
    hand = calling.by_hand()
    remote = Calling(server.space, (("NA12878", "s3://results/bam/NA12878.bam"),), "s3://reference")
    ours = remote.whole("remote", most=3, seconds="0.001", network="host")
    assert ours == hand
    facts: list[dict[str, Any]] = [remote.facts(f"remote/calls/{n:04d}.json") for n in (1, 2, 3)]
    size = (server.space.path / "results" / "bam" / "NA12878.bam").stat().st_size
    assert all(fact["bam_bytes"] == size for fact in facts)
    assert all(fact["bytes_moved"] < 1.3 * size for fact in facts)


def test_a_step_that_is_done_gives_its_output_again(diploid: Calling) -> None:
    """A workflow that goes on after a stop needs the list of shards all the same."""
    words = [*diploid.bam_words, "--reference", "/data/genome", "--seconds", "1", "--most", "2", "--out", "/data/again"]
    command = diploid.space.step_words("shards", tuple(words), "/data/again/record.json", "k", 2048, 2, "A")
    script = f"{' '.join(command[1:])} > /scratch/said; cat /scratch/said; cat /scratch/outputs/shards"
    first, second = (diploid.space.shell("variants", script).splitlines() for _ in range(2))
    assert second[0] == "shards: already done"
    assert json.loads(first[-1]) == json.loads(second[-1])
    assert all(set(item) == {"shard", "key"} for item in json.loads(second[-1]))


def test_a_stub_leaves_the_files_and_outputs_of_the_real_steps(diploid: Calling) -> None:
    space = Workspace(diploid.space.path, ("BIOJOBS_STUB=1",))
    calling = Calling(space, (("A", "/data/nowhere.bam"),), "/data/nowhere")
    with pytest.raises(AssertionError, match="bcftools view"):
        calling.whole("stub")
    files = {file.name for file in (space.path / "stub").rglob("*") if file.is_file()}
    assert {"0001.bed", "shards.json", "0001.vcf.gz", "A.vcf.gz", "A.vcf.gz.tbi", "A.vcf.stats.txt"} <= files


def test_the_versions_are_the_pinned_ones() -> None:
    words = ["run", "--rm", "--network=none", *docker.HARDENED, docker.tag("variants"), "cat", "/biojobs/versions"]
    lines = docker.docker(*words).stdout.splitlines()
    assert [line.split("-")[0] for line in lines[:3]] == ["freebayes=1.3.9", "bcftools=1.21", "samtools=1.21"]
