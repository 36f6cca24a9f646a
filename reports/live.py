"""What a sheet's runs do just now, in lines for a terminal. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from components.hourly import PriceList
from components.pools import key as pool_key
from components.pools import pool_of
from reports.costs import costs, shared_cost
from reports.facts import STATES, SampleFacts, SheetFacts, State, Try
from reports.sections import CAUSES
from reports.text import cleaned, duration, money
from reports.usage import ordered
from workflows.failures import Cause

TOO_LONG: Final = 300.0
"""Seconds that a pod may wait before it is worth a word."""
_SHOWN: Final[dict[State, int]] = {"running": 0, "waiting": 1, "failed": 2, "unfinished": 3, "done": 4}
_MOST_WORDS: Final = 160


@dataclass(frozen=True)
class Row:
    """A sample: what it does, its tries that came to nothing, and what is wrong."""

    sample: str
    state: State
    doing: str
    tries: str
    trouble: str


def header(facts: SheetFacts, prices: PriceList) -> str:
    """Counts, time and what it cost so far, on one line."""
    counts = ", ".join(f"{facts.count(state):,} {state}" for state in reversed(STATES) if facts.count(state))
    span = facts.span
    spent = duration((span[1] - span[0]).total_seconds()) if span else "not begun"
    total = sum(costs(facts, prices).values(), shared_cost(facts, prices))
    cost = "" if not total.usd else f" · {'about' if total.known else 'at least'} {money(total.usd)}"
    return f"{facts.sheet} on {facts.stack}: {counts or 'no samples'} · {spent}{cost}"


def rows(facts: SheetFacts, most: int) -> tuple[list[Row], int]:
    """The rows that matter, at most so many, and how many samples are left out.

    Those in trouble come first, then the running ones. Where not all have room, those that are done are left out.
    """
    every = [_row(facts, sample) for sample in facts.samples]
    ranked = sorted(every, key=lambda row: (not row.trouble or row.state == "done", _SHOWN[row.state]))
    if len(ranked) > most:
        ranked = [row for row in ranked if row.state != "done"][:most]
    return ranked, len(every) - len(ranked)


def _row(facts: SheetFacts, sample: SampleFacts) -> Row:
    return Row(sample.name, sample.state, _doing(facts, sample), _tries(sample), _trouble(facts, sample))


def _doing(facts: SheetFacts, sample: SampleFacts) -> str:
    active = [found for found in sample.tries if found.going_on]
    parts: list[str] = []
    for step in ordered(found.step for found in active):
        pods = [found for found in active if found.step == step]
        running = any(found.phase == "Running" for found in pods)
        several = f" x{len(pods)}" if len(pods) > 1 else ""
        seconds = max(found.seconds(facts.now) for found in pods)
        parts.append(f"{step}{several} {'' if running else 'waits '}{duration(seconds)}")
    return ", ".join(parts) or {"waiting": "waits to start", "running": "between steps"}.get(sample.state, "")


def _tries(sample: SampleFacts) -> str:
    counted: Counter[Cause] = Counter(found.cause for found in sample.retries if found.cause)
    said = (f"{CAUSES[cause]}{f' {count}x' if count > 1 else ''}" for cause, count in counted.most_common())
    return ", ".join(said)


def _trouble(facts: SheetFacts, sample: SampleFacts) -> str:
    if sample.state == "failed":
        last = sample.failures[-1] if sample.failures else None
        said = f"{last.step}: {last.message}" if last else sample.message
        return cleaned(said, _MOST_WORDS)
    slow = [found for found in sample.tries if found.phase == "Pending" and found.seconds(facts.now) >= TOO_LONG]
    if not slow:
        return ""
    return waiting_words(max(slow, key=lambda found: found.seconds(facts.now)), facts)


def waiting_words(found: Try, facts: SheetFacts) -> str:
    """Why a pod waits, in the scheduler's words, and what helps."""
    reason = cleaned(found.message, _MOST_WORDS).removeprefix("Unschedulable: ").rstrip(". ") or "no reason is told"
    waits = f"{found.step} waits {duration(found.seconds(facts.now))} for"
    if re.search(r"ErrImagePull|ImagePullBackOff|InvalidImageName", found.message):
        return f"{waits} its image: {reason}; is the registry within reach of the nodes?"
    return f"{waits} a node of class {found.size}: {reason}; {_remedy(found, facts)}"


def _remedy(found: Try, facts: SheetFacts) -> str:
    if re.search(r"exceeded quota|forbidden: ", found.message):
        return "raise biojobs:quota, or wait for other pods to end"
    if re.search(r"[Ii]nsufficient", found.message):
        if facts.local:
            return f"lower biojobs:classes.{found.size}, or let what else runs on the machine end"
        return f"raise {pool_key(pool_of(found.size), 'max')}, or ask the cloud for a higher quota"
    return "`kubectl -n biojobs get events` tells more"


def news(before: Sequence[Row], after: Sequence[Row]) -> Iterator[str]:
    """What has changed from one look to the next, a line each, without what only time has changed."""
    old = {row.sample: row for row in before}
    for row in after:
        was = old.get(row.sample)
        if was is None and row.state == "waiting" and not row.trouble:
            continue
        if was is None or _state_of(was) != _state_of(row):
            yield f"{row.sample}: {_said(row)}"


def _state_of(row: Row) -> tuple[str, ...]:
    return (row.state, _timeless(row.doing), row.tries, _timeless(row.trouble))


def _timeless(text: str) -> str:
    return re.sub(r" [\d.]+ (s|min|h|d)\b", "", text)


def _said(row: Row) -> str:
    words = row.doing if row.state == "running" and row.doing else row.state
    tries = f" (before: {row.tries})" if row.tries else ""
    return f"{words}{tries}{f': {row.trouble}' if row.trouble else ''}"
