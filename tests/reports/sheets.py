"""Sheets of made-up runs, as the API server and the store would tell of them; the same numbers every time."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from components.hourly import SIZE_NAMES, PriceList, StepPrice
from reports.collect import Classes, collect
from reports.facts import Asked, SheetFacts
from reports.records import parse
from settings_pipeline import FastqcModule

START = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
CLASSES = Classes(
    gives={"small": Asked(1000, 4096), "large": Asked(16_000, 65_536), "huge": Asked(16_000, 117_760)},
)
PRICES = PriceList(
    {
        size: StepPrice(price, price * 2.4, spot=True)
        for size, price in zip(SIZE_NAMES, (0.04, 0.55, 1.2, 0.9), strict=True)
    },
    "list prices of a cloud in eu-west-1, 2026-10",
)
NO_PRICES = PriceList({size: StepPrice(None, None, spot=False) for size in SIZE_NAMES}, "")
INTERRUPTED = "pod deleted"
GIB = 2**30
MODULES = tuple(module for module in get_args(FastqcModule) if module != "Per tile sequence quality")
_ASKS = {
    "fastqc": ("1", "768Mi"),
    "gate": ("50m", "256Mi"),
    "align": ("16", "64Gi"),
    "shards": ("1", "4Gi"),
    "call": ("1", "4Gi"),
    "gather": ("1", "4Gi"),
    "record": ("50m", "256Mi"),
}
_PEAKS = {"fastqc": 0.42, "gate": 0.05, "align": 23.5, "shards": 0.3, "call": 1.9, "gather": 0.4, "record": 0.05}
_CORES = {"fastqc": 0.97, "gate": 0.4, "align": 14.6, "shards": 0.8, "call": 0.98, "gather": 0.9, "record": 0.3}


@dataclass
class Made:
    """A Workflow that grows by tries, and the files that its steps leave."""

    sample: str
    chance: random.Random
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    files: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    failed: bool = False

    @property
    def run(self) -> str:
        return f"{self.sample.lower()}-0123456789"

    def step(
        self,
        name: str,
        begin: datetime,
        seconds: float,
        item: str = "",
        interruptions: int = 0,
        facts: dict[str, Any] | None = None,
        failure: str = "",
    ) -> datetime:
        """Adds a step's tries from `begin` on, the last of which works for `seconds`; returns when it has ended."""
        for number in range(interruptions + 1):
            wait = self.chance.uniform(8, 40) if number == 0 else self.chance.uniform(40, 160)
            last = number == interruptions
            work = seconds if last else seconds * self.chance.uniform(0.1, 0.8)
            end = begin + timedelta(seconds=wait + work)
            message = (failure if last else INTERRUPTED) if failure or not last else ""
            uri = self._node(name, item, number, begin, end, message)
            if not message:
                self._record(name, item, uri, begin + timedelta(seconds=wait), end - timedelta(seconds=2), facts or {})
            begin = end
        self.failed = self.failed or bool(failure)
        return begin

    def _node(self, name: str, item: str, number: int, begin: datetime, end: datetime, message: str) -> str:
        uri = f"s3://results/{self.sample}/.steps/{item or name}.json"
        full = f"{self.run}.{name}({item})({number})" if item else f"{self.run}.{name}({number})"
        parameters = [{"name": "record", "value": uri}, {"name": "key", "value": "0" * 16}]
        if item:
            parameters.append({"name": "shard" if name == "call" else "name", "value": item})
        self.nodes[full] = {
            "id": full,
            "name": full,
            "type": "Pod",
            "templateName": name,
            "phase": "Failed" if message else "Succeeded",
            "startedAt": begin.isoformat(timespec="seconds"),
            "finishedAt": end.isoformat(timespec="seconds"),
            "inputs": {"parameters": parameters},
            **({"message": message} if message else {}),
        }
        return uri

    def _record(
        self, name: str, item: str, uri: str, started: datetime, ended: datetime, facts: dict[str, Any]
    ) -> None:
        spread, seconds = self.chance.uniform(0.82, 1.0), (ended - started).total_seconds()
        record = {
            "step": name,
            "sample": self.sample,
            "run": self.run,
            "key": "0" * 16,
            "image": f"registry.example/biojobs/{name}@sha256:{name.encode().hex().ljust(64, '0')[:64]}",
            "threads": 1,
            "memory_mib": {"align": 65_536, "gate": 256, "record": 256, "fastqc": 768}.get(name, 4096),
            "inputs": [
                {"uri": f"s3://reads/{item or self.sample}.fastq.gz", "size": 7_654_321_000, "sha256": "ab" * 32}
            ],
            "outputs": [],
            "tools": {"rclone": "1.75.2", **({"bwa-mem2": "2.3", "samtools": "1.21"} if name == "align" else {})},
            "started": started.isoformat(timespec="seconds"),
            "ended": ended.isoformat(timespec="seconds"),
            "seconds": int(seconds),
            "peak_memory_bytes": int(_PEAKS[name] * spread * GIB),
            "cpu_seconds": round(_CORES[name] * spread * seconds, 2),
            "moved_bytes": int(7e9 if name in ("fastqc", "align") else 2e8),
            "moved_seconds": round(seconds * {"align": 0.12, "gather": 0.2, "call": 0.08}.get(name, 0.04), 2),
            "facts": facts,
        }
        self.files.append((uri, json.dumps(record).encode()))

    def workflow(self) -> dict[str, Any]:
        """The Workflow object."""
        return {
            "metadata": {
                "name": self.run,
                "labels": {"biojobs/kind": "sample", "biojobs/sample": self.sample, "biojobs/sheet": "cohort"},
                "creationTimestamp": START.isoformat(timespec="seconds"),
            },
            "spec": {
                "templates": [
                    {"name": name, "container": {"resources": {"requests": {"cpu": cpu, "memory": memory}}}}
                    for name, (cpu, memory) in _ASKS.items()
                ]
            },
            "status": {"phase": "Failed" if self.failed else "Succeeded", "nodes": self.nodes},
        }


def fastqc_facts(chance: random.Random, name: str) -> dict[str, Any]:
    verdicts = {module: chance.choices(("PASS", "WARN", "FAIL"), (0.9, 0.08, 0.02))[0] for module in MODULES}
    reads = chance.randint(280, 340) * 1_000_000
    return {"name": name, "reads": reads, "mean_quality": round(chance.uniform(33, 37), 2), "verdicts": verdicts}


def sample_run(name: str, begin: datetime, chance: random.Random, shards: int = 4, trouble: str = "") -> Made:
    """A sample from its reads to its run record; `trouble` is `qc`, `tool`, `input`, `spot` or nothing."""
    made = Made(name, chance)
    ends = [
        made.step("fastqc", begin, chance.uniform(900, 1500), item, facts=fastqc_facts(chance, item))
        for item in (f"{name}_L001_R1", f"{name}_L001_R2")
    ]
    stopped = "main: Error (exit code 77): qc: the mean quality of R2 is 17.2, biojobs:qc.minMeanQuality is 20"
    at = made.step("gate", max(ends), 6, failure=stopped if trouble == "qc" else "")
    if trouble == "qc":
        return made
    error = {
        "tool": "main: Error (exit code 1): tool: samtools ended with exit code 1: [E::bgzf_read] Read block failed",
        "input": "main: Error (exit code 65): bad input: line 16: 151 bases but 140 qualities",
    }.get(trouble, "")
    facts = {"pairs": chance.randint(280, 340) * 1_000_000, "mapped_percent": round(chance.uniform(98.8, 99.9), 2)}
    facts |= {"reference": "s3://reference/GRCh38-123d036fe287a4c7/"}
    tries = chance.choices((0, 1, 2, 4), (0.72, 0.2, 0.06, 0.02))[0] + (2 if trouble == "spot" else 0)
    at = made.step("align", at, chance.uniform(3000, 5200), interruptions=tries, facts=facts, failure=error)
    if error:
        return made
    at = made.step("shards", at, chance.uniform(60, 120))
    ends = [made.step("call", at, chance.uniform(400, 900), f"{shard:04d}") for shard in range(shards)]
    at = made.step("gather", max(ends), chance.uniform(80, 140))
    made.step("record", at, 5)
    done: dict[str, Any] = {"sample": name, "run": made.run, "complete": True, "steps": []}
    made.files.append((f"s3://results/{name}/run.json", json.dumps(done).encode()))
    return made


def cohort(count: int, at_once: int = 60) -> list[Made]:
    """So many samples, so many of which run at once; one in 25 has trouble of its own."""
    chance = random.Random(count)
    troubles = {7: "qc", 31: "tool", 12: "spot", 44: "input"}
    return [
        sample_run(
            f"P{number:04d}",
            START + timedelta(seconds=(number // at_once) * 6000 + chance.uniform(0, 300)),
            chance,
            trouble=troubles.get(number % 50, "") if count > 1 else "",
        )
        for number in range(1, count + 1)
    ]


def facts_of(made: Sequence[Made], *, live: bool = True, notes: tuple[str, ...] = ()) -> SheetFacts:
    """What the page is made of, for these runs; not `live` is without a cluster."""
    records = parse([file for one in made for file in one.files])
    workflows = [one.workflow() for one in made] if live else []
    samples, shared, problems = collect([one.sample for one in made], workflows, records, CLASSES)
    ends = [datetime.fromisoformat(node["finishedAt"]) for one in made for node in one.nodes.values()]
    return SheetFacts(
        stack="aws",
        sheet="cohort",
        now=max(ends, default=START),
        samples=tuple(samples),
        shared=tuple(shared),
        live=live,
        notes=(*notes, *records.problems, *problems),
        commit="0123abcd4567",
        memory_mib={name: asked.memory_mib for name, asked in CLASSES.gives.items()},
    )
