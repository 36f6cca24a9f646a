"""What chaos is asked for, and what it then chooses."""

import argparse
import itertools
import subprocess
import sys
from collections import Counter

import pytest

from sandbox.chaosplan import HOWS, KINDS, PROCESSES, USUAL, Choice, Plan, add_options, choices, plan_of


def plan(*words: str) -> Plan:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return plan_of(parser.parse_args(words))


def first(count: int, *words: str) -> list[Choice]:
    return list(itertools.islice(choices(plan(*words)), count))


def test_the_same_seed_makes_the_same_choices_and_another_others() -> None:
    assert first(200, "--seed", "7") == first(200, "--seed", "7")
    assert first(200, "--seed", "7") != first(200, "--seed", "8")


def test_the_order_of_the_kinds_changes_nothing() -> None:
    assert first(50, "--seed", "1", "--only", "store,pods") == first(50, "--seed", "1", "--only", "pods,store,pods")


def test_choices_stay_within_what_was_asked_for() -> None:
    made = first(1000, "--seed", "1", "--only", "pods,kubelet", "--pause", "0.5-2")
    assert {choice.kind for choice in made} == {"pods", "kubelet"}
    assert all(0.5 <= choice.pause <= 2 and 0 <= choice.fraction < 1 for choice in made)
    assert {choice.how for choice in made if choice.kind == "pods"} == set(HOWS)
    assert {choice.how for choice in made if choice.kind == "kubelet"} == {"SIGKILL"}


def test_the_usual_kinds_all_come_up_and_pods_most_often() -> None:
    kinds = [choice.kind for choice in first(1000, "--seed", "1")]
    assert set(kinds) == set(USUAL)
    assert kinds.count("pods") == max(kinds.count(kind) for kind in USUAL)


def test_each_kind_comes_once_before_one_comes_again_and_pods_as_often_as_the_rest() -> None:
    for seed in range(20):
        turn = Counter(choice.kind for choice in first(20, "--seed", str(seed))[10:])
        assert turn == {"pods": 5, "api-server": 1, "controller": 1, "kubelet": 1, "registry": 1, "store": 1}


def test_without_an_end_it_lasts_a_minute_and_without_a_seed_it_draws_one() -> None:
    assert plan().seconds == 60
    assert plan("--kills", "3").seconds is None
    assert 0 <= plan().seed < 2**24
    assert plan("--seed", "0").seed == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--only", "pods,nodes"),
        ("--only", ""),
        ("--pause", "5-1"),
        ("--pause", "5"),
        ("--pause", "-1-2"),
        ("--pause", "nan-nan"),
        ("--pause", "0-1e9"),
        ("--kills", "0"),
        ("--kills", "-3"),
        ("--kills", "9" * 40),
        ("--seconds", "inf"),
        ("--seconds", ""),
        ("--seed", "x"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        plan(*words)
    assert words[0] in capsys.readouterr().err


def test_an_unknown_kind_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        plan("--only", "pods,nodes")
    said = " ".join(capsys.readouterr().err.split())
    assert "'nodes'" in said
    assert all(kind in said for kind in KINDS)


def test_the_kinds_of_processes_are_components() -> None:
    assert set(PROCESSES) <= set(KINDS)
    words = [sys.executable, "-m", "sandbox", "chaos", "--only", "moon"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "'moon'" in done.stderr
