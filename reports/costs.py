"""What samples cost by the hours of their pods, modelled: prices are lists', and nobody's bill is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from components.hourly import PriceList
from reports.facts import SheetFacts, Try
from reports.usage import ordered, spent, usual_waits


@dataclass(frozen=True)
class Cost:
    """USD of pods whose price is known, and the hours of those whose price is not, which are never counted as free."""

    usd: float = 0.0
    lost_usd: float = 0.0
    """Of it: tries that came to nothing."""
    interrupted_usd: float = 0.0
    """Of that: tries that were taken away."""
    hours: float = 0.0
    unpriced_hours: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.usd + other.usd,
            self.lost_usd + other.lost_usd,
            self.interrupted_usd + other.interrupted_usd,
            self.hours + other.hours,
            self.unpriced_hours + other.unpriced_hours,
        )

    @property
    def known(self) -> bool:
        """Whether every hour has a price."""
        return self.unpriced_hours == 0


def cost_of(found: Try, prices: PriceList, now: datetime, usual_wait: float = 0.0) -> Cost:
    """A try: the time in which its pod had its share of a node."""
    time = spent(found, now, usual_wait)
    hours = (time.running + time.moving + time.lost) / 3600
    listed = prices.steps[found.size]
    price = listed.last_try if found.last_nodes else listed.usual
    if price is None:
        return Cost(hours=hours, unpriced_hours=hours)
    usd = hours * price * (found.asked.part if found.asked else 1.0)
    interrupted = found.failed and found.cause == "interruption"
    return Cost(usd, usd if found.failed else 0.0, usd if interrupted else 0.0, hours)


def cost(tries: Iterable[Try], prices: PriceList, now: datetime, waits: Mapping[str, float]) -> Cost:
    """Many tries."""
    made = (cost_of(found, prices, now, waits.get(found.step, 0.0)) for found in tries)
    return sum(made, Cost())


def costs(facts: SheetFacts, prices: PriceList) -> dict[str, Cost]:
    """Every sample's cost by its name, without what is made of all samples together."""
    waits = usual_waits(facts.tries, facts.now)
    return {sample.name: cost(sample.tries, prices, facts.now, waits) for sample in facts.samples}


def shared_cost(facts: SheetFacts, prices: PriceList) -> Cost:
    """What is made of all samples together."""
    waits = usual_waits(facts.tries, facts.now)
    return cost((found for made in facts.shared for found in made.tries), prices, facts.now, waits)


def step_costs(facts: SheetFacts, prices: PriceList) -> dict[str, Cost]:
    """Every step's cost over all samples, in the pipeline's order."""
    waits = usual_waits(facts.tries, facts.now)
    found = {step: Cost() for step in ordered(one.step for one in facts.tries)}
    for one in facts.tries:
        found[one.step] += cost_of(one, prices, facts.now, waits.get(one.step, 0.0))
    return found
