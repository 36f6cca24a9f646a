"""What shows that results are good, and how they came to be: QC verdicts, images, tools, inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from components.hourly import PriceList
from reports.facts import SheetFacts
from reports.markup import Html, tag
from reports.records import Record
from reports.tables import Cell, Column, number, table
from reports.text import cleaned, counted, data
from reports.usage import ordered

_MOST_INPUTS: Final = 2000
_VERDICTS: Final = {"PASS": ("v pass", "✓"), "WARN": ("v warn", "!"), "FAIL": ("v fail", "✕")}
_SEVERITY: Final = {"FAIL": 2, "WARN": 1}


# ---- QC --------------------------------------------------------------------------------------------------------


def verdicts(facts: SheetFacts) -> Iterator[Html]:
    """FastQC's verdicts on every file, the worst first."""
    found = [(record, told) for record in _records(facts) if (told := _told(record))]
    if not found:
        return
    modules = list(dict.fromkeys(module for _, told in found for module in told))[:20]
    counts = Counter(verdict for _, told in found for verdict in told.values())
    yield tag("h2", "QC verdicts")
    words = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in _VERDICTS if counts[verdict])
    yield tag("p", f"FastQC on {counted(len(found), 'file')}: {words}.", class_="muted")
    columns = [
        *(Column("file"), Column("reads", "n"), Column("mean quality", "n")),
        *(Column(module, "turn") for module in modules),
    ]
    ranked = sorted(found, key=lambda pair: -sum(_SEVERITY.get(verdict, 0) ** 4 for verdict in pair[1].values()))
    yield table("verdicts", columns, [_verdict_row(record, told, modules) for record, told in ranked], "qc")


def _told(record: Record) -> dict[str, str]:
    value = record.facts.get("verdicts")
    given: Mapping[str, Any] = cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
    return {cleaned(module, 60): str(verdict) for module, verdict in given.items() if str(verdict)[:9] in _VERDICTS}


def _verdict_row(record: Record, told: Mapping[str, str], modules: Sequence[str]) -> list[Cell]:
    name = record.facts.get("name")
    reads, quality = (_of(record, key) for key in ("reads", "mean_quality"))
    return [
        Cell(cleaned(name, 160) if isinstance(name, str) else record.sample, kind="name"),
        number(f"{reads:,.0f}" if reads is not None else "", reads),
        number(f"{quality:.1f}" if quality is not None else "", quality),
        *(_verdict(told.get(module, "")) for module in modules),
    ]


def _of(record: Record, name: str) -> float | None:
    value = record.facts.get(name)
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e15 else None


def _verdict(verdict: str) -> Cell:
    kind, mark = _VERDICTS.get(verdict, ("v", ""))
    return Cell(mark, _SEVERITY.get(verdict, 0), kind)


# ---- provenance ------------------------------------------------------------------------------------------------


def provenance(facts: SheetFacts, prices: PriceList) -> Iterator[Html]:
    """What everything was made with and from."""
    records = _records(facts)
    if records:
        yield tag("h2", "Provenance")
        yield _images(records)
        yield from _inputs(records)
    notes = [tag("li", note) for note in facts.notes]
    if notes:
        yield tag("h2", "What could not be read")
        yield tag("ul", *notes[:100], class_="advice")
    yield _footer(facts, records, prices)


def _records(facts: SheetFacts) -> list[Record]:
    return [record for sample in (*facts.samples, *facts.shared) for record in sample.records]


def _images(records: Sequence[Record]) -> Html:
    images: dict[str, Counter[str]] = {}
    tools: dict[str, set[str]] = {}
    for record in records:
        images.setdefault(record.step, Counter())[record.image] += 1
        tools.setdefault(record.step, set()).update(f"{name} {version}" for name, version in record.tools.items())
    rows = [
        [
            Cell(step, kind="name"),
            Cell(image, kind="hash"),
            Cell(", ".join(sorted(tools[step]))),
            number(f"{count:,}", count),
        ]
        for step in ordered(images)
        for image, count in images[step].most_common(20)
    ]
    return table("images", [Column("step"), Column("image"), Column("tools"), Column("records", "n")], rows)


def _inputs(records: Sequence[Record]) -> Iterator[Html]:
    made = {record.uri for record in records}
    reads = {
        file.uri: file for record in records if record.step in ("fastqc", "align", "lane") for file in record.inputs
    }
    files = [file for uri, file in sorted(reads.items()) if uri not in made]
    if not files:
        return
    rows = [
        [Cell(file.uri), number(data(file.size), file.size), Cell(file.sha256, kind="hash")]
        for file in files[:_MOST_INPUTS]
    ]
    whole = data(sum(file.size for file in files))
    summary = tag("summary", f"{counted(len(files), 'input file')}, {whole}, with their SHA-256")
    columns = [Column("file"), Column("size", "n"), Column("SHA-256")]
    rest = len(files) - len(rows)
    more = tag("p", f"{rest:,} more files are not shown.", class_="muted small") if rest else Html()
    yield tag("details", summary, table("inputs", columns, rows), more)


def _footer(facts: SheetFacts, records: Sequence[Record], prices: PriceList) -> Html:
    folders = {value for record in records if isinstance(value := record.facts.get("reference"), str)}
    parts = [
        f"Reference {', '.join(cleaned(folder, 200) for folder in sorted(folders)[:5])}" if folders else "",
        f"commit {facts.commit}" if facts.commit else "",
        f"prices: {prices.source}" if prices.source else "no price list",
        counted(len(records), "step record"),
        "made by biojobs report",
    ]
    return tag("footer", " · ".join(part for part in parts if part))
