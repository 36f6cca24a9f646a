"""How Argo's controller is sized."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from components.controller import controller
from quantities import parse_bytes
from settings import Settings, load

SHEET = "sample,fastq_1,fastq_2\nA,a_1.fq,a_2.fq\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sheet.csv").write_text(SHEET)
    return tmp_path


def settings(root: Path, **keys: object) -> Settings:
    values = {"cloud": "local", "sheet": "sheet.csv", **keys}
    config = {f"biojobs:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return load(config, "local", root)


def test_a_small_sheet_has_argos_own_rates_and_little_memory(root: Path) -> None:
    made = controller(settings(root), 20)
    assert (made.qps, made.burst, made.requeue_seconds) == (20, 40, 2)
    assert made.most_memory_mib == 1024


def test_a_row_more_does_not_restart_the_controller(root: Path) -> None:
    found = [controller(settings(root), samples) for samples in range(1, 12_000)]
    assert sum(one != other for one, other in pairwise(found)) <= 6


def test_more_at_once_means_more_requests_up_to_a_limit(root: Path) -> None:
    quota = {"cpu": "8000", "memory": "32Ti", "pods": 20_000}
    rates = [controller(settings(root, samplesAtOnce=most, quota=quota), 10_000).qps for most in (1, 100, 400, 10_000)]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (20, 320)


def test_the_namespaces_quota_limits_what_the_controller_is_made_for(root: Path) -> None:
    most = settings(root, samplesAtOnce=10_000, quota={"cpu": "400", "memory": "2Ti", "pods": 50})
    assert controller(most, 10_000).qps == 20


def test_the_charts_values_are_quantities_and_flags_that_argo_knows(root: Path) -> None:
    values = controller(settings(root), 10_000).values()
    assert parse_bytes(values["resources"]["limits"]["memory"]) <= 2 * 2**30
    assert [flag.partition("=")[0] for flag in values["extraArgs"]] == ["--qps", "--burst"]


def test_argos_heap_stays_below_its_limit(root: Path) -> None:
    for samples in (20, 10_000):
        values = controller(settings(root), samples).values()
        (heap,) = (one["value"] for one in values["extraEnv"] if one["name"] == "GOMEMLIMIT")
        assert 0.8 < parse_bytes(heap.removesuffix("B")) / parse_bytes(values["resources"]["limits"]["memory"]) < 0.95
