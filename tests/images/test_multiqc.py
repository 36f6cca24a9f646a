"""The page shows what every sample has, under its own name, and opens without a network."""

import base64
import gzip
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.images import reads
from tests.images.conftest import Server
from tests.images.docker import Outcome, Workspace

ALIGNMENT = ("flagstat.txt", "stats.txt", "markdup.txt", "coverage.txt")
ALL = ("fastqc", *ALIGNMENT, "vcf.stats.txt")
MODULES = [
    *("Bcftools stats", "FastQC all_sections"),
    *("Samtools coverage", "Samtools flagstat", "Samtools markdup", "Samtools stats"),
]
LOADED = re.compile(
    r"""<(?:script|link|iframe|img)\b[^<>]*\s(?:src|href)=["']?(?!data:)([^"'\s>]+)|@import\s+([^;]+)"""
)
ALIGN = """
cd /data/made
bwa-mem2 mem -R '@RG\\tID:L001\\tSM:NA12878' /data/reference/reference.fa /data/reads/R[12].fastq.gz \
  | samtools fixmate -m -u - - | samtools sort -u - | samtools markdup -s -f markdup.txt - made.bam
samtools index made.bam
for kind in flagstat stats coverage; do samtools $kind made.bam > $kind.txt; done
"""
CALL = """
cd /data/made
bcftools mpileup -f /data/reference/reference.fa made.bam | bcftools call -mv -o made.vcf -
bcftools stats -s - made.vcf > vcf.stats.txt
"""


@pytest.fixture(scope="module")
def made(folder: Path, index: Path) -> Path:
    """What the tools say of the real reads."""
    space = Workspace(folder)
    shutil.copytree(index, folder / "reference")
    for mate in (1, 2):
        uri = space.put(f"reads/R{mate}.fastq.gz", reads.gzipped(mate))
        words = ("--name", f"R{mate}", "--reads", uri, "--checksum", "none", "--out", "/data/made")
        outcome = space.run("fastqc", *words, record=f"/data/steps/R{mate}.json", memory=1024)
        assert outcome.code == 0, outcome.stderr
    (folder / "made").chmod(0o777)
    space.shell("bwa-mem2", ALIGN)
    space.shell("variants", CALL)
    return folder / "made"


class Sheet:
    """Results of samples, and their page."""

    def __init__(self, space: Workspace, made: Path) -> None:
        self.space, self.made = space, made
        self.samples: list[str] = []
        self.put("_sheets/cohort/none", b"")

    def add(self, sample: str, *kinds: str, lane: str = "L001") -> None:
        """A sample that has these results."""
        self.samples.append(sample)
        for kind in kinds:
            if kind == "fastqc":
                for mate in ("R1", "R2"):
                    name = f"{sample}/fastqc/{sample}_{lane}_{mate}_fastqc.zip"
                    self.put(name, (self.made / f"{mate}_fastqc.zip").read_bytes())
            else:
                self.put(f"{sample}/{sample}.{kind}", (self.made / kind).read_bytes())

    def put(self, name: str, content: bytes) -> None:
        """One file of the results."""
        self.space.put(f"results/{name}", content)

    def make(self, title: str = "cohort", key: str = "key-1", prefix: str = "/data", **more: Any) -> Outcome:
        """Run the step."""
        words = [word for sample in self.samples for word in ("--samples", sample)]
        words += ["--results", f"{prefix}/results/", "--title", title]
        out = f"{prefix}/results/_sheets/cohort/multiqc.html"
        return self.space.run("multiqc", *words, "--out", out, key=key, memory=1024, **more)

    def page(self) -> str:
        """The page that is published."""
        return self.space.read("results/_sheets/cohort/multiqc.html").decode()

    def record(self) -> dict[str, Any]:
        """The step's record."""
        return json.loads(self.space.read("steps/multiqc.json"))


@pytest.fixture
def sheet(workspace: Workspace, made: Path) -> Sheet:
    return Sheet(workspace, made)


def rows(page: str) -> set[str]:
    """The names in the table at the top."""
    return set(
        re.findall(r'data-table-id="general_stats_table"[^>]*><th class="rowheader" data-sorting-val="([^"]*)"', page)
    )


def plots(page: str) -> dict[str, Any]:
    """The data of the plots, which a browser unpacks."""
    packed = re.search(r'id="mqc_compressed_plotdata">([^<]+)<', page)
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def value(page: str, sample: str, column: str) -> float:
    """A number of the table at the top."""
    row = re.search(rf'<tr data-sample-group="{sample}" data-table-id="general_stats_table".*?</tr>', page, re.DOTALL)
    assert row
    cell = re.search(rf'<td data-sorting-val="([^"]*)" class="[^"]*\b{column}\b[^"]*"', row[0])
    assert cell, row[0]
    return float(cell[1])


def test_a_page_shows_all_that_there_is(sheet: Sheet) -> None:
    sheet.add("NA12878", *ALL)
    sheet.add("P2", "fastqc")
    sheet.add("P3")
    outcome = sheet.make(title="A cohort <of> three", options=("--network=none",))
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout == "multiqc: 3 samples, 9 files; incomplete: 2\n"
    page = sheet.page()
    lanes = {f"{sample}_L001_R{mate}" for sample in ("NA12878", "P2") for mate in (1, 2)}
    assert rows(page) == {"NA12878", *lanes}
    assert "<b>P2</b>: no alignment, no duplicates, no variants</li>" in page
    assert "<b>P3</b>: nothing at all</li>" in page
    assert "A cohort &lt;of&gt; three" in page
    facts = sheet.record()["facts"]
    assert facts == {"samples": 3, "files": 9, "incomplete": ["P2", "P3"], "modules": MODULES}
    assert set(sheet.record()["tools"]) == {"multiqc", "numpy", "python", "rclone"}
    shows_the_tools_figures(page)
    opens_without_a_network(page)


def shows_the_tools_figures(page: str) -> None:
    """What the tools said of the real reads."""
    assert value(page, "NA12878", "samtools_flagstat-mapped_passed_pct") == 99.79
    assert value(page, "NA12878_L001_R1", "fastqc-total_sequences") == reads.PAIRS / 1e6
    wanted = ("fastqc_per_base_sequence_quality_plot", "samtools-stats-dp", "samtools-coverage-table")
    wanted += ("samtools-markdup-fraction", "bcftools-stats-subtypes", "general_stats_table")
    assert set(wanted) <= set(plots(page))


def opens_without_a_network(page: str) -> None:
    """Nothing is loaded. The emoji is in the source of a text formatter, which no page of ours asks for it."""
    loaded = {first or second for first, second in LOADED.findall(page)}
    assert {address for address in loaded if "octocat" not in address and not address.startswith("'+")} == set()
    assert "plotly.js v2.27.0" in page


def test_names_that_differ_by_a_suffix_do_not_merge(sheet: Sheet) -> None:
    names = ("P1", "P1.sorted", "P1_R1", "P1.stats", "P1.vcf", "P1_val_1", "P1.fastq.gz", "P1-", "p1")
    for name in names:
        sheet.add(name, "stats.txt", "vcf.stats.txt")
    sheet.add("a", "fastqc", lane="b_c")
    sheet.add("a_b", "fastqc", lane="c")
    sheet.add("a_b_c_R2")
    outcome = sheet.make()
    assert outcome.code == 0, outcome.stderr
    both = {"a_b_c_R1", "a_b_c_R2 (of a)", "a_b_c_R1 (of a_b)", "a_b_c_R2 (of a_b)"}
    assert rows(sheet.page()) == {*names, *both}


def test_variants_called_jointly_are_shown(sheet: Sheet) -> None:
    sheet.add("P1", *ALIGNMENT)
    sheet.put("_sheets/cohort/cohort.vcf.stats.txt", (sheet.made / "vcf.stats.txt").read_bytes())
    sheet.put("_sheets/other/other.vcf.stats.txt", b"of another sheet")
    sheet.put("P9/P9.stats.txt", b"of another sheet")
    outcome = sheet.make()
    assert outcome.code == 0, outcome.stderr
    assert rows(sheet.page()) == {"P1", "cohort (joint)"}


def test_a_page_is_made_again_when_the_results_are_others(sheet: Sheet) -> None:
    sheet.add("P1", "fastqc", *ALIGNMENT)
    sheet.add("P2", "fastqc")
    assert sheet.make().code == 0
    first = sheet.record()["key"]
    assert first.startswith("key-1-")
    assert sheet.make().stdout == "multiqc: already done\n"
    sheet.add("P2", *ALIGNMENT)
    sheet.samples.pop()
    assert "incomplete: 0" in sheet.make().stdout
    assert sheet.record()["key"] not in (first, "key-1")


def test_only_the_longest_contigs_are_shown(sheet: Sheet) -> None:
    sheet.add("P1")
    head = b"#rname\tstartpos\tendpos\tnumreads\tcovbases\tcoverage\tmeandepth\tmeanbaseq\tmeanmapq\n"
    contigs = [b"c%d\t1\t%d\t9\t9\t90.0\t9.9\t36\t59\n" % (at, 1000 + at) for at in range(80)]
    sheet.put("P1/P1.coverage.txt", head + b"".join(contigs))
    assert sheet.make().code == 0
    text = json.dumps(plots(sheet.page())["samtools-coverage"])
    assert ('"c30"' in text, '"c79"' in text, '"c29"' in text) == (True, True, False)


def test_results_are_read_from_the_store(server: Server, made: Path) -> None:
    sheet = Sheet(server.space, made)
    sheet.add("P1", "fastqc", *ALIGNMENT)
    sheet.add("P2")
    outcome = sheet.make(prefix="s3:/")
    assert outcome.code == 0, outcome.stderr
    assert rows(sheet.page()) == {"P1", "P1_L001_R1", "P1_L001_R2"}
    assert sheet.record()["outputs"][0]["uri"] == "s3://results/_sheets/cohort/multiqc.html"
    assert sheet.make(prefix="s3:/").stdout == "multiqc: already done\n"


def test_a_store_that_is_away_is_told(server: Server, made: Path) -> None:
    sheet = Sheet(server.space, made)
    sheet.add("P1", "fastqc")
    server.stop()
    outcome = sheet.make(prefix="s3:/")
    assert (outcome.code, outcome.message.split(":")[0]) == (74, "store")


def test_without_any_result_there_is_no_page(sheet: Sheet) -> None:
    sheet.samples = ["P1", "P2"]
    outcome = sheet.make()
    message = "missing input: none of the 2 samples has anything under /data/results/"
    assert (outcome.code, outcome.message) == (66, message)
    shutil.rmtree(sheet.space.path / "results")
    assert sheet.make().message == message


def cut(sheet: Sheet) -> str:
    name = "P1/fastqc/P1_L001_R1_fastqc.zip"
    sheet.put(name, (sheet.made / "R1_fastqc.zip").read_bytes()[:9000])
    return "P1/fastqc/P1_L001_R1_fastqc.zip is no whole FastQC archive (File is not a zip file)"


def hollow(sheet: Sheet) -> str:
    name = "P1/fastqc/P1_L001_R1_fastqc.zip"
    with zipfile.ZipFile(sheet.space.path / "results" / name, "w") as archive:
        archive.writestr("other", "text")
    return f"{name} is no whole FastQC archive (it has no fastqc_data.txt)"


def empty(sheet: Sheet) -> str:
    sheet.put("P1/P1.coverage.txt", b"")
    return "the coverage.txt of P1 is empty"


def strange(sheet: Sheet) -> str:
    sheet.put("P1/P1.flagstat.txt", b"what is this?\n")
    return "MultiQC left out the flagstat.txt of P1, or could not read it"


@pytest.mark.parametrize("spoil", [cut, hollow, empty, strange])
def test_a_spoilt_result_is_named(sheet: Sheet, spoil: Any) -> None:
    sheet.add("P1", "fastqc", *ALIGNMENT)
    sheet.add("P2", "fastqc", *ALIGNMENT)
    reason = spoil(sheet)
    outcome = sheet.make()
    assert outcome.code == 70, outcome.stderr
    assert outcome.message.startswith(f"verification: {reason}")
    assert not (sheet.space.path / "results/_sheets/cohort/multiqc.html").exists()
    assert not (sheet.space.path / "steps/multiqc.json").exists()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "bad input: --samples is missing"),
        (["P1", "P2", "P1"], "bad input: --samples P1 is given twice"),
        (["../P1"], "bad input: --samples '../P1' must be 1 to 200 letters, digits, '.', '_' or '-'"),
        (["P{1,2}"], "bad input: --samples 'P{1,2}' must be 1 to 200 letters, digits, '.', '_' or '-'"),
    ],
)
def test_samples_that_cannot_be_are_refused(sheet: Sheet, samples: list[str], message: str) -> None:
    sheet.samples = samples
    outcome = sheet.make()
    assert (outcome.code, outcome.message) == (65, message)


def test_too_little_memory_names_the_setting(sheet: Sheet) -> None:
    sheet.add("P1", "fastqc")
    outcome = sheet.make(options=("--memory=60m", "--memory-swap=60m"))
    assert outcome.code == 137
    assert "raise biojobs:classes.small.memory" in outcome.message


def test_a_stub_leaves_a_word(sheet: Sheet) -> None:
    sheet.add("P1")
    stub = ("--env=BIOJOBS_STUB=1",)
    assert sheet.make(options=stub).code == 0
    assert sheet.page() == "stub\n"
    assert sheet.record()["key"] == "key-1"
    assert sheet.make(options=stub).stdout.endswith("multiqc: already done\n")
    sheet.samples.append("P1")
    assert sheet.make(options=stub).code == 65
