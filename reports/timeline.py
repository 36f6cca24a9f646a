"""When what ran: rows of pods for one sample, rows of samples for a few, pods at work by step for many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from reports.charts import FEW, LOST, MUTED, WAITING, Chart, base_layout, label_room, ramp, short, shown
from reports.facts import SampleFacts, SheetFacts, Try
from reports.text import counted, duration
from reports.usage import Spent, ordered, spent, usual_waits

_BINS: Final = 240
_MOST_POINTS: Final = 4000
"""Bars of a timeline with rows; more than that nobody can tell apart."""


def timeline(facts: SheetFacts) -> Chart | None:
    """Rows of steps for one sample, rows of samples for a few, pods at work by step for many; None if nothing ran."""
    if facts.span is None:
        return None
    if _many(facts):
        return _pods_at_work(facts)
    return _rows(facts)


def explained(facts: SheetFacts) -> str:
    """What the chart shows, for people."""
    if _many(facts):
        return "Pods at work, from the first step (light) to the last (dark), and those that waited. Times are UTC."
    rows = "Each pod has a row" if len(facts.samples) == 1 else "Each sample has a row"
    return f"{rows}. Steps go from light to dark; thin grey is time spent waiting. Times are UTC."


def _many(facts: SheetFacts) -> bool:
    return len(facts.samples) > FEW or len(facts.tries) > _MOST_POINTS


def _rows(facts: SheetFacts) -> Chart:
    waits, alone = usual_waits(facts.tries, facts.now), len(facts.samples) == 1
    rows: list[str] = []
    parts: dict[tuple[str, str], list[tuple[str, datetime, float, str]]] = {}
    for sample in (*facts.samples, *facts.shared):
        for found in _by_time(sample):
            row = shown(_pod(found) if alone else sample.name)
            rows += [] if row in rows else [row]
            time = spent(found, facts.now, waits.get(found.step, 0.0))
            for kind, start, seconds in _segments(found, time):
                parts.setdefault(kind, []).append((row, start, seconds, _hover(found, time)))
    colours = ramp(ordered(found.step for found in facts.tries))
    order = [("waiting", ""), *(("step", step) for step in colours), ("lost", "")]
    traces = [
        _bars(_legend(kind), parts[kind], colours.get(kind[1], LOST if kind[0] == "lost" else WAITING), kind[0])
        for kind in order
        if kind in parts
    ]
    layout = base_layout(margin_top=36, left=label_room(rows))
    layout |= {"barmode": "overlay", "bargap": 0.34, "hovermode": "closest"}
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": rows, "autorange": "reversed"}
    layout["xaxis"] |= _clock(facts)
    what = "each pod of the sample" if alone else "each sample"
    words = f"Time line with a row for {what}: {counted(len(rows), 'row')}."
    return Chart("timeline", {"data": traces, "layout": layout}, 96 + 24 * len(rows), words)


def _by_time(sample: SampleFacts) -> list[Try]:
    return sorted((found for found in sample.tries if found.created), key=lambda found: str(found.created))


def _pod(found: Try) -> str:
    return f"{found.step} {short(found.item)}".strip()


def _segments(found: Try, time: Spent) -> list[tuple[tuple[str, str], datetime, float]]:
    """A try as it is drawn: the time until it began, then its work or what was lost."""
    if found.created is None:
        return []
    begin = found.record.started if found.record and found.record.started else None
    before = max(0.0, (begin - found.created).total_seconds()) if begin else time.waiting
    work = time.running + time.moving
    kind = ("lost", "") if found.failed else ("step", found.step)
    parts = [(("waiting", ""), found.created, before)]
    parts.append((kind, found.created + timedelta(seconds=before), time.lost if found.failed else work))
    return [part for part in parts if part[2] > 0]


def _bars(name: str, parts: Sequence[tuple[str, datetime, float, str]], colour: str, kind: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [row for row, *_ in parts],
        "base": [start.strftime("%Y-%m-%d %H:%M:%S") for _, start, *_ in parts],
        "x": [round(seconds * 1000) for _, _, seconds, _ in parts],
        "hovertext": [words for *_, words in parts],
        "hoverinfo": "text",
        "marker": {"color": colour, "line": {"width": 0.5, "color": "#ffffff"}},
        **({"width": 0.3} if kind == "waiting" else {}),
    }


def _legend(kind: tuple[str, str]) -> str:
    return {"waiting": "waiting", "lost": "came to nothing"}.get(kind[0], shown(kind[1]))


def _hover(found: Try, time: Spent) -> str:
    lines = [f"<b>{shown(found.sample)}</b> {shown(_pod(found))}", f"waited {duration(time.waiting)}"]
    if found.failed:
        lines += [f"came to nothing after {duration(time.lost)}: {found.cause}", shown(short(found.message, 90))]
    else:
        lines.append(f"worked {duration(time.running + time.moving)}")
    return "<br>".join(lines)


def _pods_at_work(facts: SheetFacts) -> Chart:
    assert facts.span
    first, last = facts.span
    width = max(1.0, (last - first).total_seconds()) / _BINS
    waits = usual_waits(facts.tries, facts.now)
    at_work: dict[tuple[str, str], list[float]] = {}
    for found in facts.tries:
        time = spent(found, facts.now, waits.get(found.step, 0.0))
        for kind, start, seconds in _segments(found, time):
            bins = at_work.setdefault(kind, [0.0] * (_BINS + 1))
            _spread(bins, (start - first).total_seconds() / width, seconds / width)
    colours = ramp(ordered(found.step for found in facts.tries))
    times = [(first + timedelta(seconds=width * at)).strftime("%Y-%m-%d %H:%M:%S") for at in range(_BINS + 1)]
    order = [*(("step", step) for step in colours), ("lost", ""), ("waiting", "")]
    traces = [
        _area(_legend(kind), times, at_work[kind], colours.get(kind[1], LOST if kind[0] == "lost" else WAITING))
        for kind in order
        if kind in at_work
    ]
    layout = base_layout(margin_top=36, left=52)
    layout |= {"hovermode": "x unified"}
    layout["xaxis"] |= _clock(facts)
    layout["yaxis"] |= {"title": {"text": "pods", "font": {"size": 12, "color": MUTED}}, "rangemode": "tozero"}
    layout["yaxis"] |= {"showgrid": True, "automargin": False}
    return Chart("timeline", {"data": traces, "layout": layout}, 380, "Pods at work over time, stacked by step.")


def _spread(bins: list[float], start: float, length: float) -> None:
    """Adds a pod to the bins that it lasted over, each by the part that it was there."""
    at, end = max(0.0, start), min(float(len(bins)), start + length)
    while at < end:
        upto = min(float(int(at) + 1), end)
        bins[int(at)] += upto - at
        at = upto


def _area(name: str, times: Sequence[str], values: Sequence[float], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "stackgroup": "pods",
        "name": name,
        "x": list(times),
        "y": [round(value, 2) for value in values],
        "line": {"width": 0.5, "color": colour, "shape": "hv"},
        "fillcolor": colour,
        "hovertemplate": "%{y:.0f}",
    }


def _clock(facts: SheetFacts) -> dict[str, Any]:
    assert facts.span
    first, last = facts.span
    spare = max(timedelta(seconds=1), (last - first) * 0.01)
    return {
        "type": "date",
        "range": [f"{edge:%Y-%m-%d %H:%M:%S}" for edge in (first - spare, last + spare)],
        "hoverformat": "%H:%M:%S UTC",
        "nticks": 9,
    }
