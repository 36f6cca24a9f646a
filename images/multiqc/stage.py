"""stage.py FETCHED STAGED FOUND SAMPLES TITLE: puts what was fetched under the names that the page shows.

Prints facts as JSON: how many samples and files, which samples lack something, and the staged names.
"""

import html
import json
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

KINDS = {
    "reads (FastQC)": ("fastqc_data.txt",),
    "alignment": ("flagstat.txt", "stats.txt", "coverage.txt"),
    "duplicates": ("markdup.txt",),
    "variants": ("vcf.stats.txt",),
}
CONTIGS = 50
"""Rows of a sample's coverage: hg38 has 3,366 contigs with all its alternatives, and every one is a row of a plot."""


class ResultError(Exception):
    """A result that is not what its name says."""


class Stage:
    """The folder that MultiQC reads."""

    def __init__(self, fetched: Path, folder: Path, samples: list[str]) -> None:
        self.fetched, self.folder, self.samples = fetched, folder, samples
        self.kinds: dict[str, set[str]] = {sample: set() for sample in samples}
        self.staged: list[str] = []

    def add(self, path: str) -> None:
        """One fetched file, by its path under the results."""
        file = self.fetched / path
        if not file.is_file():
            raise ResultError(f"{path} went away while the page was made")
        sample, _, rest = path.partition("/")
        if sample not in self.kinds:
            self.put(f"{file.name.removesuffix('.vcf.stats.txt')} (joint)", "vcf.stats.txt", file.read_bytes())
        elif rest.startswith("fastqc/"):
            self.kinds[sample].add("fastqc_data.txt")
            name = file.name.removesuffix("_fastqc.zip")
            # Sample a, lane b_c and sample a_b, lane c give the same name
            taken = name in self.kinds or self.path(name, "fastqc_data.txt").exists()
            self.put(f"{name} (of {sample})" if taken else name, "fastqc_data.txt", report_of(file, path))
        else:
            what = rest.removeprefix(f"{sample}.")
            self.kinds[sample].add(what)
            content = file.read_bytes()
            self.put(sample, what, main_contigs(content) if what == "coverage.txt" else content)
        file.unlink()

    def path(self, name: str, what: str) -> Path:
        """Where a file is staged."""
        return self.folder / f"{name}~{what}"

    def put(self, name: str, what: str, content: bytes) -> None:
        """Stage a file; an empty one is no result."""
        if not content.strip():
            raise ResultError(f"the {what} of {name} is empty")
        self.path(name, what).write_bytes(content)
        self.staged.append(f"{name}~{what}")

    def incomplete(self) -> dict[str, list[str]]:
        """What a sample lacks of what others have."""
        made = {what for kinds in self.kinds.values() for what in kinds}
        wanted = {kind: files for kind, files in KINDS.items() if made.intersection(files)}
        lacks = {
            sample: [kind for kind, files in wanted.items() if not kinds.intersection(files)]
            for sample, kinds in self.kinds.items()
        }
        return {sample: kinds for sample, kinds in lacks.items() if kinds}


def report_of(file: Path, path: str) -> bytes:
    """The figures in a FastQC archive, without its pictures."""
    try:
        with zipfile.ZipFile(file) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/fastqc_data.txt"))
            return archive.read(name)
    except (zipfile.BadZipFile, StopIteration, EOFError, OSError, zlib.error) as error:
        reason = str(error) or "it has no fastqc_data.txt"
        raise ResultError(f"{path} is no whole FastQC archive ({reason})") from None


def main_contigs(content: bytes) -> bytes:
    """The longest contigs of `samtools coverage`, in their order."""
    head, rows = content[: content.find(b"\n") + 1], content.splitlines(keepends=True)[1:]
    longest = sorted(range(len(rows)), key=lambda at: -length(rows[at]))[:CONTIGS]
    return head + b"".join(rows[at] for at in sorted(longest))


def length(row: bytes) -> int:
    """The contig's last base."""
    fields = row.split(b"\t")
    return int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0


def section(incomplete: dict[str, list[str]], kinds: dict[str, set[str]]) -> str:
    """The part of the page that names every sample which lacks something."""
    head = "<!--\nid: 'incomplete'\nsection_name: 'Incomplete samples'\n-->\n"
    text = "<p>These have not all that others have: they failed, were stopped by the QC gate, or are not done.</p>"
    return f"{head}{text}<ul>{''.join(lines(incomplete, kinds))}</ul>\n"


def lines(incomplete: dict[str, list[str]], kinds: dict[str, set[str]]) -> Iterable[str]:
    """A line a sample."""
    for sample, lacks in incomplete.items():
        words = f"no {', no '.join(lacks)}" if kinds[sample] else "nothing at all"
        yield f"<li><b>{html.escape(sample)}</b>: {words}</li>\n"


def main(fetched: Path, folder: Path, found: Path, samples: Path, title: str) -> None:
    """Stages everything and prints the facts."""
    stage = Stage(fetched, folder, samples.read_text().split())
    for line in found.read_text().splitlines():
        stage.add(line.split("\t", 2)[2])
    incomplete = stage.incomplete()
    if incomplete:
        (folder / "incomplete_mqc.html").write_text(section(incomplete, stage.kinds))
    # JSON is YAML
    (folder / "title.yaml").write_text(json.dumps({"title": html.escape(title)}))
    facts = {"samples": len(stage.samples), "files": len(stage.staged), "incomplete": sorted(incomplete)}
    print(json.dumps(facts | {"staged": stage.staged}))


if __name__ == "__main__":
    try:
        fetched, folder, found, samples = (Path(word) for word in sys.argv[1:5])
        main(fetched, folder, found, samples, title=sys.argv[5])
    except ResultError as spoilt:
        print(spoilt, file=sys.stderr)
        sys.exit(70)
