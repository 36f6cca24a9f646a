"""What follows the alignment, and single jobs, on a real Kubernetes.

Variants against the truth, one page of all samples, the `biojobs` command, an aligner of the user's own, a group of
samples in one Workflow, as stubs.

The tests share the stack of test_pipeline.py, and run before it.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from images.multiqc.nodes import nodes, sample_of, step_of
from tests.cluster.stack import (
    CLASSES,
    DATA,
    LEAN,
    R1,
    Stack,
    await_true,
    changed,
    docker,
    environment,
    interrupt,
    workflows,
)
from tests.program import ROOT

BASES = 12_356
"""Of the reference."""
Variant = tuple[str, int, str, str]
Ran = subprocess.CompletedProcess[str]
GROUP = ("NA12878", "B", "C")
AT_ONCE = 2
STUB = {"cpu": "100m", "memory": "512Mi", "scratch": "1Gi"}
QUOTA = {"cpu": "350m"}
"""Room for three steps of a stub: two samples want four of FastQC at once."""
NA12878 = {"NA12878": ("reads/NA12878_1.fastq.gz", "reads/NA12878_2.fastq.gz")}


def records(file: Path) -> list[list[str]]:
    """The records of a VCF, packed or not."""
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def variants(file: Path) -> set[Variant]:
    """Places and alleles of a VCF's records."""
    return {(found[0], int(found[1]), found[3], found[4]) for found in records(file)}


def called(stack: Stack, sample: str) -> set[Variant]:
    """Places and alleles of a sample's good calls; a record of several changes, such as GCCC>ACCT, is taken apart."""
    good = f"bcftools view -i 'QUAL>=20' /data/{sample}.vcf.gz"
    atomize = f"cp /ref/reference.fa /scratch/; {good} | bcftools norm --atomize -f /scratch/reference.fa - 2>/dev/null"
    mounts = [(stack.results(sample), "/data"), (DATA, "/ref")]
    text = docker(image(stack, "gather"), f"{atomize} | bcftools view -H", mounts=mounts)
    return {(found[0], int(found[1]), found[3], found[4]) for found in map(str.split, text.splitlines())}


def snps(found: set[Variant]) -> set[Variant]:
    return {variant for variant in found if len(variant[2]) == len(variant[3]) == 1}


def biojobs(stack: Stack, *words: str) -> Ran:
    """`biojobs WORDS` in the stack's project, which must have its stack file."""
    program = [sys.executable, "-P", "-m", "cli", *words]
    full = {**environment(stack.folder), "COLUMNS": "200", "PYTHONPATH": f"{stack.project}:{ROOT}"}
    return subprocess.run(
        program, cwd=stack.project, env=full, capture_output=True, text=True, timeout=600, check=False
    )


def job_folder(ran: Ran) -> Path:
    """Where a job says that its results are."""
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = re.findall(r"(/\S*/_jobs/[a-z0-9-]+)", ran.stdout + ran.stderr)
    assert found, ran.stdout + ran.stderr
    return Path(found[-1])


def image(stack: Stack, step: str) -> str:
    return str(stack.record("NA12878")["images"][step])


def view(stack: Stack, folder: Path, bam: str) -> list[list[str]]:
    """The records of a BAM; in which order tags stand is of no matter."""
    images = stack.record("NA12878")["images"]
    text = docker(images.get("align") or images["sort"], f"samtools view /data/{bam}", mounts=[(folder, "/data")])
    return [[*fields[:11], *sorted(fields[11:])] for fields in (line.split("\t") for line in text.splitlines())]


def test_all_snps_of_the_truth_are_found_and_no_other(stack: Stack) -> None:
    found = snps(called(stack, "NA12878"))
    truth = snps(variants(DATA / "truth.vcf"))
    assert len(truth) == 14
    assert found == truth


def test_the_page_of_the_sheet_has_every_sample(stack: Stack) -> None:
    page = stack.workspace / "results" / "_sheets" / "sheet" / "multiqc.html"
    text = page.read_text()
    assert text.rstrip().endswith("</html>")
    assert {"NA12878_L001_R1", "NA12878_L001_R2"} <= set(re.findall(r"NA12878_L001_R[12]", text))
    assert not re.search(r'<(script|link)[^>]+(src|href)="https?:', text)


@pytest.fixture(scope="module")
def jobs(stack: Stack) -> Mapping[str, Ran]:
    """Single jobs, all at once, as of several people."""
    cut = stack.reads("cut.fastq.gz", R1.read_bytes()[:5000])
    reads = [word for file in NA12878["NA12878"] for word in ("--reads", file)]
    jobs: Mapping[str, tuple[str, ...]] = {
        "fastqc": ("fastqc", "--reads", "reads/NA12878_1.fastq.gz", "--sample", "one"),
        "align": ("align", "--sample", "NA12878", *reads),
        "variants": ("variants", "--sample", "NA12878", "--bam", "s3://results/NA12878/NA12878.bam"),
        "index": ("index", "--fasta", "samples/na12878-chr22/reference.fa"),
        "bad": ("fastqc", "--reads", cut, "--sample", "CUT"),
    }

    def start(words: tuple[str, ...]) -> Ran:
        return biojobs(stack, "run", *words)

    stack.command("version")  # writes the stack file
    with ThreadPoolExecutor(len(jobs)) as pool:
        return dict(zip(jobs, pool.map(start, jobs.values()), strict=True))


def test_fastqc_alone(jobs: Mapping[str, Ran]) -> None:
    folder = job_folder(jobs["fastqc"])
    assert len(list((folder / "fastqc").glob("*_fastqc.html"))) == 1


def test_alignment_alone_makes_the_same_records_as_the_pipeline(stack: Stack, jobs: Mapping[str, Ran]) -> None:
    folder = job_folder(jobs["align"])
    assert view(stack, folder, "NA12878.bam") == view(stack, stack.results("NA12878"), "NA12878.bam")


def test_variants_alone_are_those_of_the_pipeline(stack: Stack, jobs: Mapping[str, Ran]) -> None:
    folder = job_folder(jobs["variants"])
    assert records(folder / "NA12878.vcf.gz") == records(stack.results("NA12878") / "NA12878.vcf.gz")


def test_an_index_alone_is_that_of_the_pipeline(stack: Stack, jobs: Mapping[str, Ran]) -> None:
    folder = job_folder(jobs["index"])
    (own,) = (stack.workspace / "reference").glob("reference-*")
    assert (folder / "reference.fa.0123").read_bytes() == (own / "reference.fa.0123").read_bytes()


def test_a_job_that_fails_says_why_as_up_does(jobs: Mapping[str, Ran]) -> None:
    ran = jobs["bad"]
    assert ran.returncode == 1
    assert re.search(r"CUT: fastqc: bad input: .*cut\.fastq\.gz.*gzip", ran.stdout + ran.stderr), ran
    assert "Traceback" not in ran.stdout + ran.stderr


def within(at: int) -> bool:
    """Whether reads of both strands can lie over a place: no aligner has enough of them at a contig's ends."""
    return 150 < at <= BASES - 150


@pytest.fixture(scope="module")
def simulated(stack: Stack) -> set[Variant]:
    """A sample whose reads are simulated from the reference with known variants; the truth."""
    simulate = (
        "cp /data/reference.fa /scratch/r.fa; cd /scratch; "
        "wgsim -S 11 -N 3000 -1 150 -2 150 -d 400 -s 50 -e 0.002 -r 0.003 -R 0.15 r.fa 1.fq 2.fq > truth 2>/dev/null; "
    )
    tool = image(stack, "align")
    for read in (1, 2):
        content = docker(tool, f"{simulate} cat {read}.fq", mounts=[(DATA, "/data")])
        stack.reads(f"sim_{read}.fastq.gz", gzip.compress(content.encode()))
    lines = docker(tool, f"{simulate} cat truth", mounts=[(DATA, "/data")]).splitlines()
    return {("q", int(at), ref, alt) for _, at, ref, alt, *_ in (line.split("\t") for line in lines)}


def test_the_variants_of_a_simulated_sample_are_found_from_its_reads(stack: Stack, simulated: set[Variant]) -> None:
    """Places are compared: wgsim has an ambiguity code for a heterozygous SNP, and `-` for an indel's missing bases."""
    stack.sheet({**NA12878, "SIM": ("reads/sim_1.fastq.gz", "reads/sim_2.fastq.gz")})
    stack.succeed()
    found = called(stack, "SIM")
    true_snps = {at for _, at, ref, alt in simulated if "-" not in (ref, alt) and within(at)}
    found_snps = {at for _, at, _, _ in snps(found) if within(at)}
    indels = len([1 for _, at, ref, alt in simulated if "-" in (ref, alt) and within(at)])
    found_indels = len([1 for _, at, ref, alt in found if len(ref) != len(alt) and within(at)])
    recall = len(found_snps & true_snps) / len(true_snps)
    precision = len(found_snps & true_snps) / len(found_snps)
    print(f"SNPs {len(true_snps)}: recall {recall:.3f}, precision {precision:.3f}; indels {found_indels} of {indels}")
    assert len(true_snps) >= 20
    assert recall >= 0.97
    assert precision >= 0.97
    assert indels > 0
    assert abs(found_indels - indels) <= 1


def test_an_aligner_of_ones_own_makes_the_same_bam(stack: Stack) -> None:
    """The user's image is an ordinary one: that it has bwa-mem2 is all that is used of it."""
    command = (
        "bwa-mem2 mem -t 1 -K 100000000 $BIOJOBS_IN/reference/reference.fa $BIOJOBS_IN/R1.fastq.gz "
        "$BIOJOBS_IN/R2.fastq.gz > $BIOJOBS_OUT/aligned.sam"
    )
    before = view(stack, stack.results("NA12878"), "NA12878.bam")
    aligner = image(stack, "align")
    own = {"image": aligner, "command": ["/bin/bash", "-c", command], "class": "gpu"}
    with changed(stack, {"aligner": own, **LEAN}):
        stack.sheet(NA12878)
        stack.succeed()
    assert "sort" in stack.record("NA12878")["images"]
    assert view(stack, stack.results("NA12878"), "NA12878.bam") == before


def written(stack: Stack) -> dict[Path, int]:
    """Results of the real run, and when they were written."""
    files = (stack.results("NA12878") / name for name in ("NA12878.bam", "NA12878.vcf.gz"))
    return {file: file.stat().st_mtime_ns for file in files}


def pods(workflow: dict[str, Any]) -> list[Any]:
    return [node for node in nodes(workflow) if node["type"] == "Pod"]


def quota_told() -> bool:
    said = (str(node.get("message")) for run in workflows() for node in pods(run))
    return any("exceeded quota" in message for message in said)


@pytest.fixture(scope="module")
def real(stack: Stack) -> dict[Path, int]:
    return written(stack)


@pytest.fixture(scope="module")
def grouped(stack: Stack, real: dict[Path, int]) -> dict[str, Any]:
    """The Workflow of three samples as stubs, two at once, with less room than those want."""
    classes = dict.fromkeys(CLASSES, STUB)
    stub = {"profile": "stub", "classes": classes, "quota": QUOTA, "groupSize": 50, "samplesAtOnce": AT_ONCE}
    with changed(stack, stub):
        stack.sheet({**NA12878, "B": stack.good("B"), "C": stack.good("C")})
        running = stack.begin()
        try:
            await_true("a step that says that the quota is used up", quota_told, 300)
            output = running.communicate(timeout=600)[0]
        except BaseException:
            interrupt(running)
            raise
    assert running.returncode == 0, output[-4000:]
    (found,) = workflows()
    return found


def test_a_quota_that_is_used_up_is_told_and_waited_for(grouped: dict[str, Any]) -> None:
    """That it was told the fixture has seen."""
    assert grouped["status"]["phase"] == "Succeeded"


def test_a_stub_tries_a_sheet_without_computing(stack: Stack, real: dict[Path, int], grouped: dict[str, Any]) -> None:
    stubs = stack.workspace / "results" / "_stub" / "NA12878"
    assert (stubs / "NA12878.bam").read_text() == (stubs / "NA12878.vcf.gz").read_text() == "stub\n"
    assert (stubs / "run.json").is_file()
    assert written(stack) == real


def test_samples_of_a_group_are_done_each_in_its_own_place(stack: Stack, grouped: dict[str, Any]) -> None:
    results = stack.workspace / "results" / "_stub"
    assert all((results / sample / "run.json").exists() for sample in GROUP)
    steps = {(sample_of(node, grouped), step_of(node["templateName"])) for node in pods(grouped)}
    assert {sample for sample, step in steps if step == "record"} == {*GROUP}


def test_so_many_samples_run_at_once(grouped: dict[str, Any]) -> None:
    spans = [
        (min(node["startedAt"] for node in own), max(node["finishedAt"] for node in own))
        for own in ([node for node in pods(grouped) if sample_of(node, grouped) == sample] for sample in GROUP)
    ]
    assert all(sum(first <= start < last for first, last in spans) <= AT_ONCE for start, _ in spans)


@pytest.fixture(scope="module")
def joint(stack: Stack, simulated: set[Variant]) -> Iterator[None]:
    with changed(stack, {"variants": {"joint": True, "shardMinutes": 0.1}}):
        yield


def test_all_samples_are_called_together_where_that_is_wished(stack: Stack, joint: None) -> None:
    stack.sheet({**NA12878, "SIM": ("reads/sim_1.fastq.gz", "reads/sim_2.fastq.gz")})
    stack.succeed()
    vcf = stack.workspace / "results" / "_sheets" / "sheet" / "sheet.vcf.gz"
    header = [line for line in gzip.decompress(vcf.read_bytes()).decode().splitlines() if line.startswith("#CHROM")]
    assert header[0].split("\t")[9:] == ["NA12878", "SIM"]
    assert len(records(vcf)) >= len(records(stack.results("SIM") / "SIM.vcf.gz"))
    assert len(workflows("sheet")) == 1
