"""Twenty samples of real reads while pods, controller, kubelet, API server, registry and store are killed at random.

CHAOS_SEED=N makes other choices than the usual ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.cluster.chaotic import KINDS, Chaotic, Trial, kills_table
from tests.cluster.sandbox_help import require_sandbox, run, succeed
from tests.cluster.stack import make_env, unused_stack

SAMPLES = tuple(f"S{number:02d}" for number in range(1, 21))
SEED = int(os.environ.get("CHAOS_SEED", "15"))
SECONDS = 1800
LEAST_KILLS, MOST_KILLS = 20, 30


class Told:
    """Says at the end of the tests, also when all is well, what was killed and how long it took."""

    def __init__(self, trial: Trial, controls: float) -> None:
        self._trial, self._controls = trial, controls

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        trial = self._trial
        terminalreporter.section(f"chaos with seed {SEED}")
        for line in kills_table(trial.kills):
            terminalreporter.write_line(line)
        terminalreporter.write_line(
            f"{self._controls:.0f} s for platform and controls, {trial.seconds:.0f} s of chaos, "
            f"{trial.completing:.0f} s to complete; {trial.tries} pods, `up` given {len(trial.ups)} times"
        )


@pytest.fixture(scope="module")
def trial(pytestconfig: pytest.Config) -> Iterator[Trial]:
    """The samples' way through the chaos; the stack is taken away afterwards, and the sandbox is well."""
    require_sandbox()
    succeed("up")
    os.environ.update(make_env())
    if reason := unused_stack():
        pytest.fail(reason)
    chaotic = Chaotic(variants={"call": False})
    try:
        began = time.monotonic()
        chaotic.controls()
        controls = time.monotonic() - began
        made = chaotic.trial(SAMPLES, SEED, SECONDS, "--kills", str(MOST_KILLS), "--pause", "1-4")
        pytestconfig.pluginmanager.register(Told(made, controls))
        yield made
    finally:
        succeed("up")
        chaotic.stack.remove()


def test_everything_was_killed(trial: Trial) -> None:
    assert {kind for kind, _ in trial.kills} == set(KINDS)
    assert trial.kills.total() >= LEAST_KILLS


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
