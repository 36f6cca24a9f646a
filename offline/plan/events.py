"""What the engine tells of a preview, and how it is shown."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from offline.plan.clouds import CLOUDS

_SHOW_SECONDS: Final = 5.0
_WIDTH: Final = 118


@dataclass
class Plan:
    """What the engine told: resource types by component, warnings, and errors."""

    resources: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])
    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])

    def take(self, event: Mapping[str, Any]) -> None:
        """Add what an event of the engine says."""
        if made := event.get("resourcePreEvent"):
            self._resource(str(made["metadata"]["urn"]))
        said = event.get("diagnosticEvent")
        if said and said["severity"] in ("warning", "error"):
            lines = self.warnings if said["severity"] == "warning" else self.errors
            lines.append(str(said["message"]).strip())

    def _resource(self, urn: str) -> None:
        chain = urn.split("::")[2].split("$")
        component = next((kind for kind in chain if kind.startswith("biojobs:")), "others").rpartition(":")[2]
        # Components are told in the order of the program, what is in them as it comes.
        kinds = self.resources.setdefault(component, Counter())
        if not chain[-1].startswith(("pulumi:", "biojobs:")):
            kinds[_short(chain[-1])] += 1

    def types(self) -> set[str]:
        """Short names of all types."""
        return {kind for kinds in self.resources.values() for kind in kinds}

    def total(self) -> int:
        """How many resources there are."""
        return sum(kinds.total() for kinds in self.resources.values())


def _short(token: str) -> str:
    """`aws:ec2/vpc:Vpc` -> `ec2.Vpc`; what is of Kubernetes goes by its kind alone."""
    package, module, name = token.split(":")
    return f"{module.partition('/')[0]}.{name}" if package in CLOUDS else name


def event_in(line: str) -> Mapping[str, Any]:
    """The event of a line of the engine; empty where it is none."""
    try:
        found: Any = json.loads(line)
    except ValueError:
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def with_progress(lines: Iterable[str], plan: Plan) -> Iterator[str]:
    """The lines; meanwhile the number of resources is told, in place on a terminal and every few seconds elsewhere."""
    started = shown = time.monotonic()
    terminal = sys.stderr.isatty()
    for line in lines:
        yield line
        now = time.monotonic()
        if now - shown > (0.2 if terminal else _SHOW_SECONDS):
            shown = now
            words = f"planning: {plan.total()} resources, {now - started:.0f} s"
            print(f"\r{words}" if terminal else words, end="" if terminal else "\n", file=sys.stderr, flush=True)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def summary(plan: Plan) -> Iterator[str]:
    """Each component: how many resources, and of which types."""
    made = {name: kinds for name, kinds in plan.resources.items() if kinds}
    width = max((len(name) for name in made), default=0)
    for name, kinds in made.items():
        head = f"  {name:{width}} {kinds.total():4}  "
        words = [(f"{count} " if count > 1 else "") + kind for kind, count in kinds.items()]
        shown = textwrap.fill(
            ", ".join(word.replace(" ", "\0") for word in words),
            _WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )
        yield shown.replace("\0", " ")
    yield f"  {'together':{width}} {plan.total():4}"
