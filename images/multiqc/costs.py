"""What a sheet's runs have cost so far, modelled from their Workflows: times in pods, by the price of the step's class.

A pod that has ended counts with the seconds of CPU and memory that Argo measured, one that runs from its creation on,
one that waits for a node not at all. What is known of each run stays in the ledger when the run is gone.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster import PHASE, Api, is_completed
from nodes import nodes, step_of

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "m": 0.001}
UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True)
class Price:
    """USD an hour of a step that asks for all of its class, and what that is."""

    usd: float
    millicores: int
    mib: int

    def share(self, cores: float, size: float) -> float:
        """The part of the class that so many cores and bytes of memory are."""
        return max(cores * 1000 / self.millicores, size / (self.mib * 2**20))


@dataclass(frozen=True)
class Spent:
    """USD of a run's pods that have ended, and since when the others run, at how many USD a second."""

    version: str
    ended: float
    going: tuple[tuple[float, float], ...]

    def at(self, now: float) -> float:
        """USD until now, which is given in seconds since 1970."""
        return self.ended + sum(max(0.0, now - since) * price for since, price in self.going)


class Account:
    """The ledger of a sheet's runs, against its budget."""

    def __init__(
        self, file: Path, labels: str, budget: float, source: str, prices: Mapping[str, Price], save_after: float
    ) -> None:
        self.file, self.labels, self.budget, self.source = file, labels, budget, source
        self.prices, self.save_after = prices, save_after
        # A step that nobody has told the price of is none that costs nothing
        self.dearest = max(prices.values(), key=lambda price: price.usd)
        self.seen: dict[str, Spent] = {}
        self.saved = time.monotonic()
        self.runs, self.stopped = self._read()

    def round(self, api: Api) -> str | None:
        """Models anew and writes the ledger; what is to be said when it should be saved. Raises `ApiError`."""
        before = self.stopped
        for metadata in api.each(self.labels):
            self._count(api, metadata)
        modelled = sum(run["usd"] for run in self.runs.values())
        self.stopped = self.stopped or modelled > self.budget
        self._write(modelled)
        if self.stopped and not before:
            return f"budget: {self._sum(modelled)}: no new sample is started"
        if time.monotonic() - self.saved >= self.save_after:
            return f"budget: {self._sum(modelled)}"
        return None

    def _sum(self, modelled: float) -> str:
        return f"modelled {modelled:.2f} of {self.budget:.2f} USD"

    def _count(self, api: Api, metadata: Mapping[str, Any]) -> None:
        uid, name = str(metadata.get("uid")), str(metadata["name"])
        if self.runs.get(uid, {}).get("ended") or (metadata.get("labels") or {}).get(PHASE) in (None, "Pending"):
            return
        version = str(metadata.get("resourceVersion"))
        if uid not in self.seen or self.seen[uid].version != version:
            workflow = api.workflow(name)
            if workflow is None:
                return
            try:
                self.seen[uid] = self._spent(workflow, version)
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                print(f"await: the status of {name} cannot be read, its cost is not counted: {error!r}", flush=True)
                return
        self.runs[uid] = {"usd": round(self.seen[uid].at(api.now()), 6), "ended": is_completed(metadata)}

    def _spent(self, workflow: Mapping[str, Any], version: str) -> Spent:
        templates = {one["name"]: one for one in workflow["spec"].get("templates") or []}
        ended, going = 0.0, list[tuple[float, float]]()
        for node in nodes(workflow):
            if node.get("type") != "Pod" or node.get("phase") == "Pending" or not node.get("startedAt"):
                continue
            name = str(node.get("templateName"))
            price = self.prices.get(step_of(name), self.dearest)
            share = _share(templates.get(name), price)
            if node.get("finishedAt"):
                ended += _hours(node, share, price) * price.usd
            else:
                going.append((_seconds(node["startedAt"]), share * price.usd / 3600))
        return Spent(version, ended, tuple(going))

    def _read(self) -> tuple[dict[str, dict[str, Any]], bool]:
        if not self.file.exists():
            return {}, False
        try:
            found = json.loads(self.file.read_text())
            runs = {
                str(uid): {"usd": max(0.0, float(run["usd"])), "ended": run["ended"] is True}
                for uid, run in found["runs"].items()
            }
            return runs, found["stopped"] is True and float(found["budget"]) == self.budget
        except (AttributeError, KeyError, TypeError, ValueError):
            print("await: the ledger in the store cannot be read; what it knew of earlier runs is lost", flush=True)
            return {}, False

    def _write(self, modelled: float) -> None:
        head = {"budget": self.budget, "modelled": round(modelled, 6), "stopped": self.stopped, "prices": self.source}
        self.file.write_text(json.dumps({**head, "runs": self.runs}, separators=(",", ":")) + "\n")


def _share(template: Mapping[str, Any] | None, price: Price) -> float:
    """The part of its class that a step's pod asks for; all of it where that cannot be told."""
    if template is None:
        return 1.0
    containers = (template.get("containerSet") or {}).get("containers") or [template.get("container") or {}]
    asked = [(one.get("resources") or {}).get("requests") or {} for one in containers]
    cores, size = (sum(_quantity(one.get(kind)) for one in asked) for kind in ("cpu", "memory"))
    return price.share(cores, size) if cores and size else 1.0


def _hours(node: Mapping[str, Any], share: float, price: Price) -> float:
    """Hours of the whole class that a pod which has ended was worth."""
    used = node.get("resourcesDuration")
    if used:
        # Seconds of a core, and of 100 MiB
        return price.share(float(used.get("cpu", 0)), float(used.get("memory", 0)) * 100 * 2**20) / 3600
    return max(0.0, _seconds(node["finishedAt"]) - _seconds(node["startedAt"])) * share / 3600


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _quantity(text: Any) -> float:
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]{0,2})", str(text))
    return float(match[1]) * UNITS.get(match[2], 0) if match else 0.0
