"""Argo's controller with hundreds of tasks on simulated nodes, while pods are deleted; needs no sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.scale import Figures, Load, run
from sandbox.layout import MARK_DATA
from tests.program import ROOT

TASKS, DELETED = 200, 3


@pytest.fixture(scope="module")
def figures() -> Figures:
    (found,) = run([Load(TASKS, group_size=10, at_once=50, delete=DELETED)], nodes=5)
    return found


def test_no_task_is_lost_although_pods_are_deleted_meanwhile(figures: Figures) -> None:
    assert figures.tasks >= TASKS
    assert (figures.lost, figures.missing) == (0, [])
    assert figures.tries >= figures.tasks + DELETED


def test_the_figures_are_those_of_processes_that_have_worked(figures: Figures) -> None:
    assert figures.rate > 0
    assert figures.height > 0
    assert 10 < figures.peak_mib < 2048
    assert all(seconds > 0 for seconds in figures.cpu.values())
    assert figures.requests["create pods"] >= 1
    assert figures.largest_kib > 10


def test_nothing_is_left_of_a_measurement_that_is_interrupted(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "bench", "scale", "--tasks", "10"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stderr is not None
    for line in started.stderr:
        if "starting kube-scheduler" in line:
            break
    assert len(processes(tmp_path)) >= 3
    os.killpg(started.pid, signal.SIGINT)
    started.communicate(timeout=60)
    assert started.returncode != 0
    assert processes(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def processes(folder: Path) -> Sequence[int]:
    """Those whose cluster has its data below a folder."""
    mark = f"{MARK_DATA}={folder}".encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile
    return found
