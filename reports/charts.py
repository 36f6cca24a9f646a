"""The page's charts, as plotly.js takes them. Labels are escaped: plotly reads some HTML in them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reports.costs import Cost
from reports.text import counted, data, duration
from reports.usage import StepUse, Used

ACCENT: Final = "#2f6496"
LOST: Final = "#c8502b"
WAITING: Final = "#d5d9de"
MOVING: Final = "#9cbcd9"
INK: Final = "#1f2933"
MUTED: Final = "#66707b"
_LIGHT: Final = (178, 205, 229)
_DARK: Final = (24, 58, 94)
_LEAST_CORES: Final = 0.2
FEW: Final = 40
"""Most samples that have a row each."""
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Chart:
    """A chart with its heading; `height` in pixels; `words` say what is seen, for those who do not see it."""

    name: str
    figure: Mapping[str, Any]
    height: int
    words: str


def shares(uses: Sequence[StepUse]) -> Chart | None:
    """Of each step's pod time: waiting, running, moving data, lost."""
    totals = [(use, sum((use.spent.waiting, use.spent.running, use.spent.moving, use.spent.lost))) for use in uses]
    known = [(use, total) for use, total in totals if total > 0]
    if not known:
        return None
    rows = [f"{shown(use.step)}  <span style='color:{MUTED}'>{duration(total)}</span>" for use, total in known]
    kinds = (("running", ACCENT), ("moving", MOVING), ("lost", LOST), ("waiting", WAITING))
    names = {"moving": "moving data", "lost": "came to nothing"}
    traces: list[dict[str, Any]] = []
    for kind, colour in kinds:
        seconds = [float(getattr(use.spent, kind)) for use, _ in known]
        if any(seconds):
            parts = [100 * value / total for value, (_, total) in zip(seconds, known, strict=True)]
            said = [f"{duration(value)} {names.get(kind, kind)}" for value in seconds]
            traces.append(_share(names.get(kind, kind), rows, parts, said, colour))
    layout = base_layout(margin_top=36, left=label_room(rows))
    layout |= {"barmode": "stack", "bargap": 0.36}
    layout["xaxis"] |= {"range": [0, 100.6], "ticksuffix": " %", "dtick": 25}
    layout["yaxis"] |= {"autorange": "reversed"}
    words = "Shares of waiting, running and moving data, by step."
    return Chart("shares", {"data": traces, "layout": layout}, 92 + 28 * len(rows), words)


def _share(name: str, rows: Sequence[str], parts: Sequence[float], said: Sequence[str], colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(rows),
        "x": [round(part, 2) for part in parts],
        "hovertext": list(said),
        "hoverinfo": "text",
        "marker": {"color": colour, "line": {"width": 0.5, "color": "#ffffff"}},
    }


def memory(uses: Sequence[StepUse]) -> Chart | None:
    """The most memory that a pod of each step used, of what it asked for."""
    rows = [(use.step, use.memory, data) for use in uses if use.memory]
    return _used("memory", "Memory", [(step, used, _of_bytes(used)) for step, used, _ in rows])


def cpu(uses: Sequence[StepUse]) -> Chart | None:
    """The most cores that a pod of each step kept busy, of those that it asked for."""
    # Steps that only look ask for next to nothing, and may have whatever is free.
    rows = [(use.step, use.cpu) for use in uses if use.cpu and use.cpu.asked >= _LEAST_CORES]
    return _used("cpu", "CPU", [(step, used, f"{used.most:.2g} of {used.asked:g} cores") for step, used in rows])


def _of_bytes(used: Used) -> str:
    return f"{data(used.most)} of {data(used.asked)}"


def _used(name: str, what: str, rows: Sequence[tuple[str, Used, str]]) -> Chart | None:
    if not rows:
        return None
    steps = [shown(step) for step, _, _ in rows]
    parts = [100 * used.share for _, used, _ in rows]
    typical = [100 * used.typical / used.asked for _, used, _ in rows]
    top = max(100.0, *parts)
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "y": steps, "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [
        {**bar, "x": [100] * len(rows), "marker": {"color": "#eceff2"}, "name": "asked for", "width": 0.62},
        {
            **bar,
            "x": [round(part, 1) for part in parts],
            "marker": {"color": ACCENT},
            "name": "most",
            "width": 0.34,
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "median",
            "y": steps,
            "x": [round(part, 1) for part in typical],
            "marker": {"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": INK}},
            "hovertemplate": "median %{x:.0f} %<extra></extra>",
        },
    ]
    layout = base_layout(margin_top=36, left=label_room(steps), right=132)
    layout |= {"barmode": "overlay", "bargap": 0.3}
    layout["xaxis"] |= {"range": [0, top * 1.02], "ticksuffix": " %", "nticks": 5}
    layout["annotations"] = [_beside(step, words) for step, (_, _, words) in zip(steps, rows, strict=True)]
    layout["yaxis"] |= {"autorange": "reversed"}
    words = f"{what} used of what was asked for, by step: {'; '.join(f'{step} {w}' for step, _, w in rows)}."
    return Chart(name, {"data": traces, "layout": layout}, 92 + 28 * len(rows), words)


def _beside(row: str, words: str) -> dict[str, Any]:
    """Words at the right of a row."""
    place = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 8, "y": row, "yref": "y", "showarrow": False}
    return {**place, "text": words, "font": {"size": 12, "color": MUTED}}


def cost(costs: Mapping[str, Cost]) -> Chart | None:
    """Cost of every sample or step, dearest first, or of many how they are spread; hours of pods where no price is
    known."""
    priced = any(cost.usd for cost in costs.values())
    ranked = sorted(
        ((name, *_amounts(cost, priced=priced)) for name, cost in costs.items() if cost.hours),
        key=lambda row: -row[1] - row[2],
    )
    if not ranked:
        return None
    unit = "USD" if priced else "pod hours"
    return _each(ranked, unit) if len(ranked) <= FEW else _spread_of(ranked, unit)


def _amounts(cost: Cost, *, priced: bool) -> tuple[float, float]:
    return (cost.usd - cost.lost_usd, cost.lost_usd) if priced else (cost.hours, 0.0)


def _each(ranked: Sequence[tuple[str, float, float]], unit: str) -> Chart:
    rows = [shown(name) for name, _, _ in ranked]
    said = [f"{worked + lost:.3g} {unit}" for _, worked, lost in ranked]
    traces = [_share("work", rows, [0.0] * len(rows), said, ACCENT), _share("came to nothing", rows, [], said, LOST)]
    traces[0]["x"] = [worked for _, worked, _ in ranked]
    traces[1]["x"] = [lost for _, _, lost in ranked]
    kept = traces if any(traces[1]["x"]) else traces[:1]
    layout = base_layout(margin_top=36, left=label_room(rows))
    layout |= {"barmode": "stack", "bargap": 0.34, "showlegend": len(kept) > 1}
    layout["xaxis"] |= {"rangemode": "tozero", "title": axis(unit)}
    layout["yaxis"] |= {"autorange": "reversed"}
    total = sum(worked + lost for _, worked, lost in ranked)
    words = f"What each cost: {counted(len(rows), 'row')}, {total:.3g} {unit}."
    return Chart("cost", {"data": kept, "layout": layout}, 110 + 22 * len(rows), words)


def _spread_of(ranked: Sequence[tuple[str, float, float]], unit: str) -> Chart:
    values = [worked + lost for _, worked, lost in ranked]
    trace: dict[str, Any] = {
        "type": "histogram",
        "x": values,
        "nbinsx": 40,
        "marker": {"color": ACCENT, "line": {"width": 1, "color": "#ffffff"}},
        "hovertemplate": f"%{{y}} samples, %{{x}} {unit}<extra></extra>",
    }
    layout = base_layout(margin_top=16, left=52)
    layout |= {"showlegend": False, "bargap": 0.02}
    layout["xaxis"] |= {"title": axis(f"{unit} a sample"), "rangemode": "tozero", "showgrid": False}
    layout["yaxis"] |= {"title": axis("samples"), "showgrid": True, "automargin": False}
    words = f"How cost is spread over {len(values)} samples: from {min(values):.3g} to {max(values):.3g} {unit}."
    return Chart("cost", {"data": [trace], "layout": layout}, 280, words)


def axis(text: str) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": text, "font": {"size": 12, "color": MUTED}}


def base_layout(margin_top: int, left: int, right: int = 16) -> dict[str, Any]:
    """What all charts have in common; margins in pixels."""
    return {
        "font": {"family": _FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": left, "r": right, "t": margin_top, "b": 40},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        "hoverlabel": {"align": "left", "bgcolor": "#ffffff", "bordercolor": "#c4ccd4", "font": {"size": 12}},
        "xaxis": {"gridcolor": "#e6e9ed", "zeroline": False, "fixedrange": True, "tickfont": {"color": MUTED}},
        "yaxis": {"gridcolor": "#e6e9ed", "zeroline": False, "fixedrange": True, "showgrid": False, "automargin": True}
        | {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)"},
    }


def label_room(rows: Sequence[str]) -> int:
    """Room for the longest label; plotly widens it where that is too little."""
    return min(260, 20 + 7 * max((len(row.split("<span")[0]) for row in rows), default=0))


def ramp(steps: Sequence[str]) -> dict[str, str]:
    """One hue from light to dark in the order of the pipeline: it tells steps apart without telling colours apart."""
    last = max(1, len(steps) - 1)
    return {step: _between(at / last) for at, step in enumerate(steps)}


def _between(part: float) -> str:
    mixed = (round(low + (high - low) * part) for low, high in zip(_LIGHT, _DARK, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def short(text: str, most: int = 34) -> str:
    """A text of at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shown(text: str) -> str:
    """A text as a chart's label."""
    return html.escape(text)
