"""The page: one HTML file that needs nothing besides itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from components.hourly import PriceList
from reports import charts, evidence, sections, timeline
from reports.advice import advice
from reports.charts import Chart
from reports.costs import costs, shared_cost, step_costs
from reports.facts import SheetFacts
from reports.markup import Html, joined, prose, script_json, tag
from reports.usage import step_uses

_ASSETS: Final = Path(__file__).with_name("assets")
_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
"""The browser itself refuses whatever would be fetched from elsewhere."""


def page(facts: SheetFacts, prices: PriceList) -> str:
    """The HTML of a sheet's page."""
    drawn: list[Chart] = []
    body = joined(_body(facts, prices, drawn))
    title = f"{facts.sheet} on {facts.stack}"
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        tag("style", _asset("style.css")),
    )
    figures = {chart.name: chart.figure for chart in drawn}
    scripts = [
        tag("script", script_json(figures), type="application/json", id="charts"),
        tag("script", _plotly()) if figures else Html(),
        tag("script", _asset("page.js")),
    ]
    document = tag("html", head, tag("body", tag("main", body), *scripts), lang="en")
    return f"<!DOCTYPE html>\n{document}\n"


def _body(facts: SheetFacts, prices: PriceList, drawn: list[Chart]) -> Iterator[Html]:
    uses, by_sample = step_uses(facts), costs(facts, prices)
    shared = shared_cost(facts, prices)
    total = sum(by_sample.values(), shared)
    yield sections.headline(facts, total)
    yield from sections.failures(facts)
    if told := advice(facts, prices):
        yield tag("h2", "What would help")
        yield tag("ul", *(tag("li", prose(sentence)) for sentence in told), class_="advice")
    yield from _chart(timeline.timeline(facts), "Timeline", timeline.explained(facts), drawn)
    yield from _chart(
        charts.shares(uses),
        "Where the time went",
        "Pod time of all tries together. Waiting is for a node, for the image and for Argo; moving data is time in "
        "which a step did nothing else, so reads that are aligned while they come do not count.",
        drawn,
    )
    yield from _pair(charts.memory(uses), charts.cpu(uses), drawn)
    yield from sections.tries(facts)
    alone = len(facts.samples) == 1
    chart = charts.cost(step_costs(facts, prices) if alone else by_sample)
    heading = "Cost by step" if alone else "Cost by sample"
    yield from _chart(chart, heading, sections.priced(total, shared, prices), drawn)
    yield from sections.samples(facts, by_sample)
    yield from evidence.verdicts(facts)
    yield from evidence.provenance(facts, prices)


def _chart(chart: Chart | None, heading: str, words: str, drawn: list[Chart]) -> Iterator[Html]:
    if chart is not None:
        yield joined([tag("h2", heading), tag("p", prose(words), class_="muted"), _placed(chart, drawn)])


def _pair(left: Chart | None, right: Chart | None, drawn: list[Chart]) -> Iterator[Html]:
    there = [(name, chart) for name, chart in (("Memory", left), ("CPU", right)) if chart]
    if not there:
        return
    yield tag("h2", "Used, of what was asked for")
    yield tag(
        "p",
        "The most that any pod of a step used, with a tick at the median. Memory is the container's peak as the kernel "
        "tells it, files that it kept in memory included; CPU is the mean over the pod's time.",
        class_="muted",
    )
    yield tag("div", *(tag("div", tag("h3", name), _placed(chart, drawn)) for name, chart in there), class_="pair")


def _placed(chart: Chart, drawn: list[Chart]) -> Html:
    drawn.append(chart)
    style = f"height:{chart.height}px"
    return tag("div", class_="chart", id=f"chart-{chart.name}", style=style, role="img", aria_label=chart.words)


def _asset(name: str) -> Html:
    return Html((_ASSETS / name).read_text())


def _plotly() -> Html:
    # Imported here: five megabytes that nobody needs before a page is made.
    from plotly.offline import get_plotlyjs  # pyright: ignore[reportMissingTypeStubs,reportUnknownVariableType]

    text = str(get_plotlyjs())
    return Html(text.replace("</script", "<\\/script"))


def written(file: Path, text: str) -> int:
    """Writes a page whole or not at all; returns its size in bytes. Raises OSError."""
    beside = file.with_name(f".{file.name}.new")
    data = text.encode("utf-8", "replace")
    try:
        beside.write_bytes(data)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return len(data)
