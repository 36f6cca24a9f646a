"""A budget stops samples that have not begun, changes no result's key, and is modelled from what runs really took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.workflows.conftest import RULES, Run
from tests.workflows.manifests import changed, templates
from tests.workflows.steps import step_modules
from workflows.budget import usd
from workflows.sheet import SheetRules, sheet_run
from workflows.types import Budget

BUDGET = Budget(50.0, {"small": 0.01, "large": 0.36}, "list prices of X, 2026-11-20")
NOW = 1_795_258_800.0  # 2026-11-21T11:00:00Z


def limited(run: Run, budget: Budget = BUDGET) -> Run:
    return run.but(platform=replace(run.platform, budget=budget))


def tasks(run: Run) -> dict[str, Any]:
    return {task["name"]: task for task in templates(run.manifest())["sample"]["dag"]["tasks"]}


def given(task: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in task["arguments"]["parameters"]}


def options(template: dict[str, Any], name: str) -> list[str]:
    args = template["container"]["args"]
    return [args[at + 1] for at, word in enumerate(args) if word == f"--{name}"]


def test_without_a_budget_a_sample_begins_at_once(run: Run) -> None:
    assert "admit" not in tasks(run)


def test_with_a_budget_every_first_step_waits_for_leave(run: Run) -> None:
    found = tasks(limited(run))
    assert next(iter(found)) == "admit"
    assert found["fastqc"]["depends"] == "admit"
    assert [name for name, task in found.items() if not task.get("depends")] == ["admit"]


def test_a_budget_changes_no_key_and_no_record_of_a_result(run: Run) -> None:
    assert changed(run, limited(run)) == {"admit"}
    assert "admit" not in given(tasks(limited(run))["record"])["also"]


def test_a_raised_budget_makes_another_run_whose_steps_have_the_same_keys(run: Run) -> None:
    raised = limited(run, replace(BUDGET, usd=80.0))
    assert raised.manifest()["metadata"]["name"] != limited(run).manifest()["metadata"]["name"]
    assert changed(limited(run), raised) == set()


def test_a_finished_sample_is_known_by_its_run_record(run: Run) -> None:
    found = tasks(limited(run))
    admit, record = given(found["admit"]), given(found["record"])
    assert (admit["finished"], admit["finished-key"]) == (record["record"], record["key"])


def test_await_and_admit_speak_of_the_same_ledger_and_budget(run: Run) -> None:
    own = limited(run)
    rules = SheetRules(RULES, False, None, {"fastqc": "small", "align": "large"})
    waits = templates(sheet_run("cohort", [run.sample], rules, own.platform))["await"]
    args = waits["container"]["args"]
    at = args.index("--budget")
    ledger = "s3://results/_sheets/cohort/budget.json"
    assert args[at + 1 : at + 5] == ["50", "local", ledger, "list prices of X, 2026-11-20"]
    admit = templates(own.manifest())["admit"]
    assert (options(admit, "ledger"), options(admit, "budget")) == ([ledger], ["50"])
    prices = [args[at + 1 : at + 5] for at, word in enumerate(args) if word == "--price"]
    assert prices == [
        ["admit", "0.01", "500", "1024"],
        ["fastqc", "0.01", "500", "1024"],
        ["align", "0.36", "2000", "4096"],
    ]


@pytest.mark.parametrize(
    ("amount", "written"), [(50.0, "50"), (0.000001, "0.000001"), (100e6, "100000000"), (1.5, "1.5")]
)
def test_amounts_are_plain_numbers(amount: float, written: str) -> None:
    assert usd(amount) == written


# ---- the model --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def step() -> Iterator[dict[str, ModuleType]]:
    with step_modules("cluster", "nodes", "costs") as made:
        yield made


class Cluster:
    """Workflows by name; it counts how often a whole one is asked for."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.clock = NOW

    def put(
        self, name: str, *nodes: dict[str, Any], version: str = "1", done: bool = False, phase: str = "Running"
    ) -> None:
        labels = {"workflows.argoproj.io/phase": phase} if phase else {}
        labels |= {"workflows.argoproj.io/completed": "true"} if done else {}
        metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": version, "labels": labels}
        requests = {"cpu": "1", "memory": "1Gi"}
        spec = {"templates": [{"name": "align", "container": {"resources": {"requests": requests}}}]}
        self.found[name] = {
            "metadata": metadata,
            "spec": spec,
            "status": {"nodes": {str(at): {"type": "Pod", **node} for at, node in enumerate(nodes)}},
        }

    def each(self, labels: str) -> list[Any]:
        return [one["metadata"] for one in self.found.values()]

    def workflow(self, name: str) -> Any:
        self.asked.append(name)
        return self.found[name]

    def now(self) -> float:
        return self.clock


def ended(hours: int, template: str = "align", **more: Any) -> dict[str, Any]:
    times = {"startedAt": "2026-11-21T00:00:00Z", "finishedAt": f"2026-11-21T{hours:02d}:00:00Z"}
    return {"templateName": template, "phase": "Succeeded", **times, **more}


def account(step: dict[str, ModuleType], file: Path, budget: float = 50.0, save: float = 300.0) -> Any:
    price = step["costs"].Price
    prices = {"align": price(3.6, 2000, 4096), "gate": price(0.1, 500, 1024)}
    return step["costs"].Account(file, "kind=sample", budget, "own prices", prices, save)


def modelled(step: dict[str, ModuleType], tmp_path: Path, *nodes: dict[str, Any]) -> float:
    cluster = Cluster()
    cluster.put("a", *nodes)
    account(step, tmp_path / "ledger").round(cluster)
    return float(json.loads((tmp_path / "ledger").read_text())["modelled"])


@pytest.mark.parametrize(
    ("node", "cost"),
    [
        # Half of the class's CPU for two hours
        (ended(2), 3.6),
        # What Argo measured goes before the clock, which counts the waiting too: 1 h of 2 cores
        (ended(9, resourcesDuration={"cpu": 7200, "memory": 0}), 3.6),
        # 1 h of all its memory, in units of 100 MiB
        (ended(9, resourcesDuration={"cpu": 1, "memory": 147456}), 3.6),
        ({"templateName": "align-x2", "phase": "Running", "startedAt": "2026-11-21T10:00:00Z"}, 3.6),
        ({"templateName": "align", "phase": "Running", "startedAt": "2026-11-21T10:00:00Z"}, 1.8),
        ({"templateName": "align", "phase": "Pending", "startedAt": "2026-11-21T00:00:00Z"}, 0),
        # Of an unknown step: the dearest class, all of it
        (ended(1, "novel"), 3.6),
        # A clock that is behind
        ({"templateName": "align", "phase": "Running", "startedAt": "2027-01-01T00:00:00Z"}, 0),
        (ended(1) | {"type": "Retry"}, 0),
        ({"templateName": "align", "phase": "Running"}, 0),
    ],
)
def test_a_pod_costs_its_share_of_its_class(
    step: dict[str, ModuleType], tmp_path: Path, node: dict[str, Any], cost: float
) -> None:
    assert modelled(step, tmp_path, node) == pytest.approx(cost)


def test_beyond_the_budget_it_stops_and_says_so_once(step: dict[str, ModuleType], tmp_path: Path) -> None:
    cluster, ledger = Cluster(), tmp_path / "ledger"
    cluster.put("a", ended(1))
    kept = account(step, ledger, budget=2.0)
    assert kept.round(cluster) is None
    assert json.loads(ledger.read_text())["stopped"] is False
    cluster.put("b", ended(1))
    assert kept.round(cluster) == "budget: modelled 3.60 of 2.00 USD: no new sample is started"
    assert kept.round(cluster) is None
    found = json.loads(ledger.read_text())
    assert (found["stopped"], found["budget"], found["prices"]) == (True, 2.0, "own prices")


def test_what_a_deleted_run_cost_still_counts(step: dict[str, ModuleType], tmp_path: Path) -> None:
    cluster, ledger = Cluster(), tmp_path / "ledger"
    cluster.put("a", ended(1))
    account(step, ledger).round(cluster)
    cluster.found.clear()
    cluster.put("b", ended(2))
    account(step, ledger).round(cluster)
    assert json.loads(ledger.read_text())["modelled"] == pytest.approx(5.4)


def test_a_raised_budget_begins_anew_with_what_was_spent(step: dict[str, ModuleType], tmp_path: Path) -> None:
    cluster, ledger = Cluster(), tmp_path / "ledger"
    cluster.put("a", ended(1))
    account(step, ledger, budget=1.0).round(cluster)
    raised = account(step, ledger, budget=2.0)
    raised.round(cluster)
    found = json.loads(ledger.read_text())
    assert (found["stopped"], found["modelled"]) == (False, pytest.approx(1.8))
    same = account(step, ledger, budget=2.0)
    same.round(cluster)
    assert json.loads(ledger.read_text())["stopped"] is False


def test_only_runs_that_have_changed_are_read_again(step: dict[str, ModuleType], tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.put("waits", phase="")
    cluster.put("queues", phase="Pending")
    cluster.put("done", ended(1), done=True)
    cluster.put("goes", {"templateName": "align", "phase": "Running", "startedAt": "2026-11-21T10:00:00Z"})
    kept = account(step, tmp_path / "ledger")
    kept.round(cluster)
    cluster.clock += 3600
    kept.round(cluster)
    assert cluster.asked == ["done", "goes"]
    assert json.loads((tmp_path / "ledger").read_text())["modelled"] == pytest.approx(1.8 + 3.6)
    # Nor does the next process read again what is done
    account(step, tmp_path / "ledger").round(cluster)
    assert cluster.asked == ["done", "goes", "goes"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"runs": {}}', '{"runs": {"a": 7}, "stopped": true, "budget": 1}', '{"runs": []}']
)
def test_a_ledger_that_cannot_be_read_begins_anew(step: dict[str, ModuleType], tmp_path: Path, text: str) -> None:
    ledger, cluster = tmp_path / "ledger", Cluster()
    ledger.write_text(text)
    cluster.put("a", ended(1))
    account(step, ledger).round(cluster)
    assert json.loads(ledger.read_text())["modelled"] == pytest.approx(1.8)


@pytest.mark.parametrize("node", [{"startedAt": "yesterday"}, {"finishedAt": 7}, {"resourcesDuration": {"cpu": "x"}}])
def test_a_run_whose_status_makes_no_sense_does_not_stop_the_count(
    step: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str], node: dict[str, Any]
) -> None:
    cluster = Cluster()
    cluster.put("bad", ended(1) | node)
    cluster.put("good", ended(1))
    account(step, tmp_path / "ledger").round(cluster)
    assert json.loads((tmp_path / "ledger").read_text())["modelled"] == pytest.approx(1.8)
    assert "the status of bad cannot be read, its cost is not counted" in capsys.readouterr().out
