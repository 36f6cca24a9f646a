"""`admit` lets a sample begin, unless the ledger says that the budget is used up."""

import json
from typing import Any

import pytest

from tests.images.docker import Outcome, Workspace

SOURCE = "list prices of X, 2026-11-20"


def ledger(space: Workspace, **changed: Any) -> None:
    found: dict[str, Any] = {
        "budget": 50.0,
        "modelled": 50.314,
        "stopped": True,
        "prices": SOURCE,
        "runs": {},
        **changed,
    }
    space.put("_sheets/budget.json", json.dumps(found).encode())


def admit(space: Workspace, budget: str = "50", *options: str) -> Outcome:
    words = ("--budget", budget, "--ledger", "/data/_sheets/budget.json")
    done = ("--finished", "/data/NA12878/record.json", "--finished-key", "key-9")
    return space.run("admit", *words, *done, memory=256, options=options)


def test_a_sample_begins_where_nothing_has_been_spent(workspace: Workspace) -> None:
    outcome = admit(workspace)
    assert (outcome.code, outcome.stdout) == (0, "admit: NA12878 may go on: nothing has been spent yet\n")
    assert workspace.files("steps") == []


def test_a_sample_does_not_begin_when_the_budget_is_used_up(workspace: Workspace) -> None:
    ledger(workspace)
    outcome = admit(workspace)
    assert outcome.code == 78
    assert outcome.message == (
        "budget: 50.00 USD are used up (modelled 50.31 USD, list prices of X, 2026-11-20): not started; "
        "raise biojobs:budget and run `up` again"
    )


@pytest.mark.parametrize(
    ("budget", "changed", "code"),
    [
        ("50.4", {}, 0),  # raised: what the old one decided is void
        ("50.3", {}, 78),  # not enough
        ("50", {"modelled": 49.9}, 78),  # decided, and modelled less since: those after it are treated as those before
        ("50", {"modelled": 49.9, "stopped": False}, 0),
        ("10", {"modelled": 20, "stopped": False}, 78),  # lowered
        ("0.000001", {"modelled": 0.000002}, 78),
    ],
)
def test_what_counts_is_this_budget(workspace: Workspace, budget: str, changed: dict[str, Any], code: int) -> None:
    ledger(workspace, **changed)
    assert admit(workspace, budget).code == code


def test_a_finished_sample_goes_through(workspace: Workspace) -> None:
    ledger(workspace)
    workspace.put("NA12878/record.json", b'{"key": "key-9"}')
    assert admit(workspace).stdout == "admit: NA12878 may go on: it is finished\n"


@pytest.mark.parametrize("record", [b"", b'{"key": "key-8"}', b'{"key": ', b"[]"])
def test_a_sample_with_another_record_is_not_finished(workspace: Workspace, record: bytes) -> None:
    ledger(workspace)
    workspace.put("NA12878/record.json", record)
    assert admit(workspace).code == 78


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"modelled": "99", "stopped": true, "prices": "x"}', b"\x00\xff" * 1000]
)
def test_a_ledger_that_cannot_be_read_stops_nobody(workspace: Workspace, text: bytes) -> None:
    workspace.put("_sheets/budget.json", text)
    outcome = admit(workspace)
    assert outcome.code == 0
    assert "the ledger /data/_sheets/budget.json cannot be read" in outcome.stdout


@pytest.mark.parametrize("budget", ["-1", "1e9", "NaN", "1; true", "0x10"])
def test_a_budget_that_is_no_amount_is_refused(workspace: Workspace, budget: str) -> None:
    outcome = admit(workspace, budget)
    assert (outcome.code, outcome.message) == (65, f"bad input: --budget '{budget}' is no amount of USD")


def test_a_stub_has_a_budget_too(workspace: Workspace) -> None:
    ledger(workspace)
    assert admit(workspace, "50", "--env=BIOJOBS_STUB=1").code == 78
