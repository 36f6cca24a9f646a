"""Twenty samples of real reads while pods, controller, kubelet, API server, registry and store are killed at random."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.chaotic import KINDS, Chaotic, Trial
from tests.cluster.sandbox_help import require_sandbox, run, succeed
from tests.cluster.stack import make_env, unused_stack

SAMPLES = tuple(f"S{number:02d}" for number in range(1, 21))
SEED = 15
SECONDS = 1800
MOST_KILLS = 60


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """The samples' way through the chaos; the stack is taken away afterwards, and the sandbox is well."""
    require_sandbox()
    succeed("up")
    os.environ.update(make_env())
    if reason := unused_stack():
        pytest.fail(reason)
    chaotic = Chaotic(variants={"call": False})
    try:
        chaotic.controls()
        yield chaotic.trial(SAMPLES, SEED, SECONDS, "--kills", str(MOST_KILLS), "--pause", "1-4")
    finally:
        succeed("up")
        chaotic.stack.remove()


def test_everything_was_killed(trial: Trial) -> None:
    assert set(trial.kills) == set(KINDS)
    assert trial.kills.total() >= 20


def test_nothing_hangs(trial: Trial) -> None:
    assert not trial.hung, f"after {trial.seconds:.0f} s the `up` had not ended: {trial.phases}"


def test_nothing_is_called_done_that_is_not_whole(trial: Trial) -> None:
    assert trial.wrong == {}


def test_the_same_command_again_completes_what_is_left(trial: Trial) -> None:
    assert trial.ups[-1].code == 0, trial.ups[-1].output[-6000:]


def test_results_are_those_of_an_undisturbed_run(trial: Trial) -> None:
    assert trial.differing == {}


def test_the_sandbox_is_mended(trial: Trial) -> None:
    done = run("status")
    assert done.returncode == 0, done.stdout
