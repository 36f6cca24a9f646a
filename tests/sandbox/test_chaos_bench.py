"""What the long measurement of chaos prints, however it ends."""

from collections import Counter
from typing import Any

import pytest

from bench import chaos
from tests.cluster.chaotic import KINDS, Trial, kills_table
from tests.program import Result


class Stack:
    removed = 0

    def remove(self) -> None:
        Stack.removed += 1


class Chaotic:
    """Trials in which nothing runs; the third is interrupted."""

    def __init__(self, **settings: Any) -> None:
        self.stack = Stack()
        self.asked: list[int] = []

    def controls(self) -> None:
        pass

    def trial(self, samples: list[str], seed: int, seconds: float, *options: str) -> Trial:
        if seed == 3:
            raise KeyboardInterrupt
        kills = int(options[options.index("--kills") + 1])
        phases = dict.fromkeys(samples, "Succeeded") | {samples[0]: "Failed"}
        return Trial([Result(1, ""), Result(0, "")], kills=Counter({("pods", "forced"): kills}), phases=phases)


@pytest.fixture(autouse=True)
def _nothing_real(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(chaos, "Chaotic", Chaotic)
    monkeypatch.setattr(chaos, "make_env", dict[str, str])
    monkeypatch.setattr(chaos, "unused_stack", lambda: None)
    monkeypatch.setattr(Stack, "removed", 0)


def test_an_interrupt_leaves_the_rounds_so_far_and_takes_the_stack_away() -> None:
    said = list(chaos.measure(10_000))
    assert "| all | 0 | 200 | 0 | 38 / 2 | 4 | 0 | 0 | 0 |" in said
    assert any("interrupted in round 3" in line for line in said)
    assert said[-1] == "| all | 0 | 200 | 0 | 200 |"
    assert Stack.removed == 1


def test_no_round_kills_more_than_was_asked_for() -> None:
    said = list(chaos.measure(130))
    assert [line.split(" | ")[2] for line in said if line.startswith(("| 1 |", "| 2 |"))] == ["100", "30"]
    assert Stack.removed == 1


def test_kills_are_counted_by_kind_and_how() -> None:
    kills = Counter({("pods", "SIGKILL"): 2, ("pods", "deleted"): 1, ("kubelet", "SIGKILL"): 4})
    rows = kills_table(kills)
    assert "| pods | 2 | 0 | 1 | 3 |" in rows
    assert "| store | 0 | 0 | 0 | 0 |" in rows
    assert rows[-1] == "| all | 6 | 0 | 1 | 7 |"
    assert len(rows) == 2 + len(KINDS) + 1
