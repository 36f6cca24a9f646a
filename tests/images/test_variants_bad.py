"""Calling by region with files that are not what they should be: each is told with sample, step and file."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.images import docker, genomes
from tests.images.docker import Outcome, Workspace
from tests.images.genomes import Calling

GENOME = [("one", 20_000), ("two", 5_000)]


@pytest.fixture(scope="module")
def simulated(folder: Path) -> Workspace:
    """genome/A.bam and its reference, not to be changed."""
    space = Workspace(folder)
    space.put("genome/reference.fa", genomes.fasta(3, GENOME))
    genomes.simulate(space, "A", 2000, "-R 0")
    return space


@pytest.fixture
def sample(simulated: Workspace, workspace: Workspace) -> Generator[Workspace]:
    """The same in a workspace of the test's own."""
    for name in ("A.bam", "A.bam.bai", "reference.fa", "reference.fa.fai"):
        workspace.put(f"genome/{name}", simulated.read(f"genome/{name}"))
    yield workspace


def shards(space: Workspace, name: str = "A", bam: str = "/data/genome/A.bam", **more: str) -> Outcome:
    options = {"reference": "/data/genome", "seconds": "0.05", "most": "2", "out": "/data/shards"} | more
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    return space.run("shards", "--bam", name, bam, *words, sample="A")


def call(space: Workspace, shard: str = "0001", key: str = "", **more: str) -> Outcome:
    options = {"reference": "/data/genome", "shards": "/data/shards", "out": "/data/calls"}
    options |= {"shard": shard, "deadline": "60", "ploidy": "2"} | more
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    if not key:
        listed = json.loads(space.read("shards/shards.json"))["shards"]
        key = next((item["key"] for item in listed if item["shard"] == shard), "k")
    record = f"/data/calls/{shard.replace('/', '_')[:20]}.json"
    return space.run("call", "--bam", "A", "/data/genome/A.bam", *words, sample="A", key=key, record=record)


def gather(space: Workspace, *names: str) -> Outcome:
    words = [word for name in names or ("A",) for word in ("--bam", name)]
    words += ["--shards", "/data/shards", "--calls", "/data/calls", "--reference", "/data/genome", "--ploidy", "2"]
    return space.run("gather", *words, "--out", "/data/out/A", sample="A")


def refused(outcome: Outcome, code: int, message: str) -> None:
    assert (outcome.code, outcome.message) == (code, message), outcome.stderr


def replaced(space: Workspace, name: str, content: bytes) -> None:
    (space.path / name).unlink()
    space.put(name, content)


# ---- the BAM --------------------------------------------------------------------------------------------------------


def test_a_bam_without_index_is_told_with_the_remedy(sample: Workspace) -> None:
    (sample.path / "genome" / "A.bam.bai").unlink()
    message = "missing input: sample A: /data/genome/A.bam.bai is not there: index the BAM with samtools index"
    refused(shards(sample), 66, message)
    assert sample.files("steps") == []


def test_a_cut_bam_is_refused(sample: Workspace) -> None:
    replaced(sample, "genome/A.bam", sample.read("genome/A.bam")[:-500])
    refused(shards(sample), 65, "bad input: sample A: /data/genome/A.bam is cut: its end is missing")


def test_a_bam_that_is_none_is_refused(sample: Workspace) -> None:
    replaced(sample, "genome/A.bam", sample.read("genome/reference.fa"))
    refused(shards(sample), 65, "bad input: sample A: /data/genome/A.bam is no BAM")


def test_a_damaged_bam_never_gives_fewer_reads(sample: Workspace) -> None:
    whole = sample.read("genome/A.bam")
    middle = len(whole) // 2
    replaced(sample, "genome/A.bam", whole[:middle] + bytes(2000) + whole[middle + 2000 :])
    outcome = shards(sample)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith("bad input: sample A: /data/genome/A.bam cannot be read, or ")


@pytest.mark.parametrize("cut", [3, 20, 60])
def test_a_cut_index_is_refused(sample: Workspace, cut: int) -> None:
    replaced(sample, "genome/A.bam.bai", sample.read("genome/A.bam.bai")[:cut])
    outcome = shards(sample)
    assert outcome.code == 65, outcome.stderr
    assert outcome.message.startswith("bad input: sample A: /data/genome/A.bam.bai is no index of this BAM: ")
    assert outcome.message.endswith("make it anew with samtools index")


def test_the_index_of_another_bam_is_refused(sample: Workspace) -> None:
    script = (
        "cd /data/genome; samtools view -h A.bam | grep -v SN:two | samtools view -b -o o.bam -e 'rname==\"one\"' -"
    )
    sample.shell("bwa-mem2", f"{script}; samtools index o.bam; mv o.bam.bai /data/steps/x; rm o.bam")
    replaced(sample, "genome/A.bam.bai", sample.read("steps/x"))
    outcome = shards(sample)
    assert outcome.code == 65, outcome.stderr
    assert "is no index of this BAM: it has 1 contigs, the BAM 2" in outcome.message


def test_a_contig_that_the_reference_lacks_is_told(sample: Workspace) -> None:
    replaced(sample, "genome/reference.fa.fai", sample.read("genome/reference.fa.fai").splitlines(keepends=True)[0])
    refused(
        shards(sample),
        65,
        "bad input: sample A: /data/genome/A.bam has contig two, which the reference lacks "
        "(/data/genome/reference.fa.fai): align it to this reference",
    )


def test_a_contig_of_another_length_is_told(sample: Workspace) -> None:
    index = sample.read("genome/reference.fa.fai").replace(b"two\t5000", b"two\t5001")
    replaced(sample, "genome/reference.fa.fai", index)
    outcome = shards(sample)
    assert outcome.code == 65
    assert "/data/genome/A.bam has contig two with 5000 bases, in the reference it has 5001" in outcome.message


def test_reads_of_another_sample_are_told(sample: Workspace) -> None:
    refused(shards(sample, name="B"), 65, "bad input: sample B: /data/genome/A.bam holds reads of sample A, not of B")


def test_a_bam_without_a_single_read_gives_a_valid_empty_vcf(sample: Workspace) -> None:
    script = "cd /data/genome; samtools view -H A.bam > /scratch/h; rm A.bam A.bam.bai"
    sample.shell("bwa-mem2", f"{script}; samtools view -b --write-index -o A.bam##idx##A.bam.bai /scratch/h")
    calling = Calling(sample, (("A", "/data/genome/A.bam"),))
    assert calling.whole("empty") == []
    header = sample.shell("variants", "bcftools view -h /data/empty/A.vcf.gz").splitlines()
    assert header[-1].split("\t")[-1] == "A"
    assert "##contig=<ID=two,length=5000>" in header


@pytest.mark.parametrize("code", [b"R", b"n", b"a"])
def test_lower_case_ambiguous_and_unknown_bases_of_the_reference_do_no_harm(sample: Workspace, code: bytes) -> None:
    fasta = bytearray(sample.read("genome/reference.fa"))
    for at in range(2000, 4000, 7):
        if chr(fasta[at]) != "\n":
            fasta[at : at + 1] = code
    replaced(sample, "genome/reference.fa", bytes(fasta))
    records = Calling(sample, (("A", "/data/genome/A.bam"),)).whole("odd", most=3, seconds="0.001")
    assert len(records) > 20


# ---- what changes under way -----------------------------------------------------------------------------------------


def test_a_bam_that_was_changed_since_it_was_cut_is_not_called(sample: Workspace) -> None:
    assert shards(sample).code == 0
    replaced(sample, "genome/A.bam", sample.read("genome/A.bam"))
    message = "verification: sample A: /data/genome/A.bam was changed while the run was going: start the run again"
    refused(call(sample), 70, message)
    assert sample.files("calls") == []


def test_a_missing_shard_is_told(sample: Workspace) -> None:
    assert shards(sample).code == 0
    (sample.path / "shards" / "0002.bed").unlink()
    refused(call(sample, "0002"), 66, "missing input: /data/shards/0002.bed is not there")


def test_regions_that_are_not_those_of_the_key_are_not_called(sample: Workspace) -> None:
    assert shards(sample).code == 0
    replaced(sample, "shards/0001.bed", b"one\t0\t100\n")
    outcome = call(sample)
    assert outcome.code == 70
    assert outcome.message.startswith("verification: /data/shards/0001.bed does not hold the regions of key ")


@pytest.mark.parametrize("shard", ["../x", "1", "0001.3", "0001.1.", "0001/..", "$(id)", "0001 0002", "a" * 300])
def test_a_hostile_shard_name_is_refused(workspace: Workspace, shard: str) -> None:
    outcome = call(workspace, shard, "k")
    assert outcome.code == 65
    assert outcome.message.startswith("bad input: --shard '")
    assert len(outcome.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("seconds", "0", "--seconds '0' is no number above 0"),
        ("seconds", "-1", "--seconds '-1' is no number above 0"),
        ("seconds", "1e3", "--seconds '1e3' is no number above 0"),
        ("most", "0", "--most '0' is no whole number of at least 1"),
    ],
)
def test_wrong_numbers_are_refused(sample: Workspace, option: str, value: str, message: str) -> None:
    refused(shards(sample, **{option: value}), 65, f"bad input: {message}")


def test_gathering_wants_every_shard_once_as_it_was_called(sample: Workspace) -> None:
    assert shards(sample).code == 0
    assert call(sample).code == 0
    missing = "missing input: shard 0002 was not called: /data/calls/0002.json is not there"
    refused(gather(sample), 66, missing)
    assert call(sample, "0002").code == 0
    good = sample.read("calls/0002.vcf.gz")
    replaced(sample, "calls/0002.vcf.gz", sample.read("calls/0001.vcf.gz"))
    outcome = gather(sample)
    assert (outcome.code, "shard 0002: /data/calls/0002.vcf.gz is not what its record tells of" in outcome.message) == (
        70,
        True,
    )
    replaced(sample, "calls/0002.vcf.gz", good)
    assert gather(sample, "B").message.startswith(
        "bad input: --bam names other samples than /data/shards/shards.json: A"
    )
    record = json.loads(sample.read("calls/0002.json")) | {"key": "0123456789abcdef"}
    replaced(sample, "calls/0002.json", json.dumps(record).encode())
    refused(gather(sample), 70, "verification: /data/calls/0002.json is of another run: start the run again")
    assert sample.files("out") == []


def test_the_scripts_need_no_rights_and_no_network(sample: Workspace) -> None:
    words = ["run", "--rm", "--network=none", *docker.HARDENED, *sample.mounts()]
    options = ["--bam", "A", "/data/genome/A.bam", "--reference", "/data/genome", "--seconds", "5", "--most", "5"]
    step = sample.step_words("shards", (*options, "--out", "/data/shards"), "/data/r.json", "k", 512, 1, "A")
    assert "shards: 1 shards" in docker.docker(*words, *step).stdout
