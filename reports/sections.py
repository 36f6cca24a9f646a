"""The parts of the page that are words and tables: headline, failures, tries, samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from components.hourly import PriceList
from reports.costs import Cost
from reports.facts import STATES, SampleFacts, SheetFacts
from reports.markup import Html, joined, tag
from reports.tables import Cell, Column, number, table
from reports.text import cleaned, duration, money
from reports.usage import causes
from workflows.failures import Cause

_MOST_FAILURES: Final = 30
CAUSES: Final[Mapping[Cause, str]] = {
    "again": "ended at once to be given more memory",
    "budget": "the budget is used up",
    "deadline": "took longer than it may",
    "executor": "trouble of Argo's executor",
    "input": "bad input",
    "interruption": "interrupted",
    "memory": "out of memory",
    "qc": "stopped by QC",
    "size": "its class is too small",
    "store": "store or network trouble",
    "tool": "a tool's own error",
    "verification": "a result failed its verification",
}


# ---- headline --------------------------------------------------------------------------------------------------


def headline(facts: SheetFacts, total: Cost) -> Html:
    """Title and tiles: how many samples there are in which state, how long it took, what it cost."""
    made = f"stack {facts.stack}, made {facts.now:%Y-%m-%d %H:%M} UTC"
    records = (
        "" if facts.live else " from the records in the store alone: the cluster has no runs of this sheet any more"
    )
    tiles = [_samples_tile(facts), _time_tile(facts), _cost_tile(total), _tries_tile(facts)]
    return joined(
        [
            tag("h1", facts.sheet),
            tag("p", made + records, class_="muted"),
            tag("div", *tiles, class_="tiles"),
        ]
    )


def _tile(what: str, figure: str, also: str = "", *, bad: bool = False) -> Html:
    parts = [tag("div", what, class_="what"), tag("div", figure, class_="number"), tag("div", also, class_="also")]
    return tag("div", *parts, class_="tile bad" if bad else "tile")


def _samples_tile(facts: SheetFacts) -> Html:
    others = [f"{facts.count(state):,} {state}" for state in STATES if state != "done" and facts.count(state)]
    whole = f"{facts.count('done'):,} of {len(facts.samples):,} done"
    return _tile("Samples", whole, ", ".join(others) or "none failed", bad=facts.count("failed") > 0)


def _time_tile(facts: SheetFacts) -> Html:
    if facts.span is None:
        return _tile("Wall time", "none", "nothing has run yet")
    first, last = facts.span
    ended = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return _tile("Wall time", duration((last - first).total_seconds()), f"{first:%Y-%m-%d %H:%M} to {ended} UTC")


def _cost_tile(total: Cost) -> Html:
    hours = f"{total.hours:,.1f} pod hours" if total.hours >= 1 else f"{total.hours * 60:,.0f} pod minutes"
    if not total.known and not total.usd:
        return _tile("Cost", "no price", hours)
    at_least = "" if total.known else "at least "
    lost = f", {money(total.lost_usd)} came to nothing" if total.lost_usd else ""
    return _tile("Cost, modelled", at_least + money(total.usd), hours + lost)


def _tries_tile(facts: SheetFacts) -> Html:
    again = [found for found in facts.tries if found.failed and not found.final]
    by_cause: Counter[Cause] = Counter(found.cause for found in again if found.cause)
    said = ", ".join(f"{count} {CAUSES[cause]}" for cause, count in by_cause.most_common(2))
    return _tile("Tries that were repeated", f"{len(again):,}", said or "none")


def priced(total: Cost, shared: Cost, prices: PriceList) -> str:
    """Where prices are from and what they stand for."""
    if not total.usd:
        return "No price is known: hours of pods instead. `biojobs:prices` takes prices of your own."
    together = f", and {money(shared.usd)} for what is made of all samples together" if shared.usd else ""
    lost = f" Of it {money(total.lost_usd)} came to nothing" if total.lost_usd else ""
    interrupted = f", {money(total.interrupted_usd)} by interruptions" if total.interrupted_usd else ""
    unknown = "" if total.known else f" {total.unpriced_hours:.1f} pod hours have no price and are not in it."
    return (
        f"{money(total.usd)} in all{together}.{lost}{interrupted}{'.' if lost else ''}{unknown} A step costs its share "
        "of a node for as long as it works; nodes that idle are not counted. "
        f"Prices: {prices.source}."
    )


# ---- failures and tries ----------------------------------------------------------------------------------------


def failures(facts: SheetFacts) -> Iterator[Html]:
    """What failed, first of all; the same message of many samples is said once."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for sample in (*facts.samples, *facts.shared):
        for step, cause, message in _reasons(sample):
            groups.setdefault((step, cause, message), []).append(sample.name)
    if not groups:
        return
    yield tag("h2", "Failures")
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    items = [_failure(step, cause, message, names) for (step, cause, message), names in ranked[:_MOST_FAILURES]]
    yield tag("ul", *items, class_="failures")
    if len(ranked) > _MOST_FAILURES:
        yield tag("p", f"{len(ranked) - _MOST_FAILURES} more stand in the table of samples.", class_="muted small")


def _reasons(sample: SampleFacts) -> Iterator[tuple[str, str, str]]:
    for found in sample.failures:
        yield found.step, CAUSES[found.cause] if found.cause else "failed", found.message or "no message"
    if sample.state == "failed" and not sample.failures:
        yield "workflow", "failed", sample.message or "no message"


def _failure(step: str, cause: str, message: str, names: Sequence[str]) -> Html:
    unique = list(dict.fromkeys(names))
    rest = f" and {len(unique) - 8} more" if len(unique) > 8 else ""
    who = tag("strong", ", ".join(unique[:8]) + rest)
    said = tag("span", message, class_="said")
    return tag("li", who, f" {step}: ", tag("span", cause, class_="muted"), said)


def tries(facts: SheetFacts) -> Iterator[Html]:
    """Tries that came to nothing, by cause."""
    told = causes(facts)
    if not told:
        return
    yield tag("h2", "Tries that came to nothing")
    columns = [Column("cause"), Column("step"), Column("tries", "n"), Column("given up", "n"), Column("pod time", "n")]
    rows = [
        [
            Cell(CAUSES[one.cause]),
            Cell(one.step),
            number(f"{one.tries:,}", one.tries),
            number(f"{one.given_up:,}" if one.given_up else "", one.given_up),
            number(duration(one.seconds), one.seconds),
        ]
        for one in told
    ]
    yield table("tries", columns, rows)


# ---- samples ---------------------------------------------------------------------------------------------------


def samples(facts: SheetFacts, costs: Mapping[str, Cost]) -> Iterator[Html]:
    """Every sample, those that failed first."""
    if not facts.samples:
        yield tag("p", "The sheet has no samples.", class_="muted")
        return
    yield tag("h2", "Samples")
    columns = [
        *(Column("sample"), Column("state"), Column("time", "n"), Column("tries again", "n"), Column("cost", "n")),
        *(Column("pairs", "n"), Column("mapped", "n"), Column("what it said")),
    ]
    ranked = sorted(facts.samples, key=lambda sample: STATES.index(sample.state))
    yield table("samples", columns, [_row(facts, sample, costs[sample.name]) for sample in ranked])


def _row(facts: SheetFacts, sample: SampleFacts, cost: Cost) -> list[Cell]:
    pairs, mapped = _fact(sample, "align", "pairs"), _fact(sample, "align", "mapped_percent")
    seconds = _wall(facts, sample)
    return [
        Cell(sample.name, kind="name"),
        Cell(sample.state, kind=f"state {sample.state}"),
        number(duration(seconds) if seconds else "", seconds),
        number(str(len(sample.retries) or ""), len(sample.retries)),
        _cost(cost),
        number(f"{pairs:,.0f}" if pairs is not None else "", pairs),
        number(f"{mapped:.2f} %" if mapped is not None else "", mapped),
        Cell("; ".join(f"{step}: {cleaned(message, 300)}" for step, _, message in _reasons(sample)), kind="wide"),
    ]


def _cost(cost: Cost) -> Cell:
    if cost.known:
        return number(money(cost.usd) if cost.hours else "", cost.usd)
    if cost.usd:
        return number(f"at least {money(cost.usd)}", cost.usd)
    return number(f"{cost.hours * 60:.1f} pod min", cost.hours)


def _wall(facts: SheetFacts, sample: SampleFacts) -> float | None:
    begins = [found.created for found in sample.tries if found.created]
    ends = [found.ended or facts.now for found in sample.tries if found.created]
    return (max(ends) - min(begins)).total_seconds() if begins else None


def _fact(sample: SampleFacts, step: str, name: str) -> float | None:
    values = [record.facts.get(name) for record in sample.records if record.step == step]
    found = next((value for value in values if isinstance(value, int | float)), None)
    return None if found is None or not 0 <= found < 1e15 else float(found)
