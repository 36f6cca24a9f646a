"""Pods that are gone without Argo's controller having seen it: found, told, and the controller started anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from components.lost import LOOK_SECONDS, LOST_SECONDS, REST_SECONDS, Lost
from workflows.status import RunStatus


@dataclass
class Cluster:
    """A cluster with a clock. `there` are nodes with a pod."""

    there: set[str] = field(default_factory=set[str])
    now: float = 1000
    asked: int = 0
    restarts: list[float] = field(default_factory=list[float])

    def pod_nodes(self) -> set[str]:
        self.asked += 1
        return self.there

    def restart_controller(self) -> None:
        self.restarts.append(self.now)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr("components.lost.time.monotonic", lambda: made.now)
    return made


def run(*active: str) -> RunStatus:
    return RunStatus("s1-a", "S1", "Running", "", (), active=frozenset(active))


def looks(cluster: Cluster, lost: Lost, seconds: float, runs: Sequence[RunStatus]) -> list[str]:
    """What is said when it is looked every two seconds for so long."""
    said: list[str] = []
    until = cluster.now + seconds
    while cluster.now < until:
        cluster.now += 2
        said += lost.look(runs)
    return said


def test_a_pod_that_stays_away_restarts_the_controller_once(cluster: Cluster) -> None:
    lost = Lost(cluster)
    assert looks(cluster, lost, LOST_SECONDS, [run("s1-a-1")]) == []
    (line,) = looks(cluster, lost, 2 * LOOK_SECONDS, [run("s1-a-1")])
    assert line.startswith("s1-a: the pod of s1-a-1 is gone, and Argo's controller has not seen it in 300 s")
    assert len(cluster.restarts) == 1


def test_a_controller_that_did_not_get_better_is_left_to_its_work_for_a_while(cluster: Cluster) -> None:
    looks(cluster, Lost(cluster), LOST_SECONDS + 3 * REST_SECONDS, [run("s1-a-1", "s1-a-2")])
    first, second, third = cluster.restarts
    assert second - first >= REST_SECONDS
    assert third - second >= REST_SECONDS


def test_pods_that_are_there_or_were_made_again_in_time_are_not_lost(cluster: Cluster) -> None:
    lost = Lost(cluster)
    looks(cluster, lost, LOST_SECONDS - LOOK_SECONDS, [run("s1-a-1")])
    cluster.there = {"s1-a-1", "other"}
    looks(cluster, lost, LOST_SECONDS, [run("s1-a-1")])
    cluster.there = set()
    looks(cluster, lost, LOST_SECONDS - LOOK_SECONDS, [run("s1-a-1")])
    assert cluster.restarts == []


def test_the_cluster_is_asked_once_a_minute_and_only_while_pods_are_waited_for(cluster: Cluster) -> None:
    lost = Lost(cluster)
    looks(cluster, lost, 600, [run()])
    assert cluster.asked == 0
    looks(cluster, lost, 600, [run("s1-a-1")])
    assert cluster.asked == 10
