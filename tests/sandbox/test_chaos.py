"""What chaos chooses, whom it meets, and that nothing stays killed."""

import os
import urllib.error
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from sandbox import supervisor
from sandbox.chaos import Chaos, Mender
from sandbox.chaos import chaos as carry_out
from sandbox.chaosplan import How
from sandbox.components import Component
from sandbox.errors import SandboxError
from sandbox.layout import MARK_COMPONENT, MARK_DATA, Layout
from sandbox.victims import Victims, containers, living, main_process, node_processes
from tests.sandbox.test_chaosplan import plan

ID = "0123456789abcdef" * 4


def always(value: object) -> Callable[..., object]:
    """A function that answers the same whatever it is given."""

    def answer(*given: object) -> object:
        return value

    return answer


# ---- whom it meets ---------------------------------------------------------------------------------------------------


def pod(name: str, phase: str = "Running", **state: Any) -> dict[str, Any]:
    status = {"name": "main", "state": state or {"running": {}}, "containerID": f"containerd://{ID}"}
    return {"metadata": {"name": name}, "status": {"phase": phase, "containerStatuses": [status]}}


class FakeApi:
    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = pods
        self.deleted: list[str] = []

    def get(self, path: str) -> dict[str, Any] | None:
        return {"items": list(self.pods)}

    def delete(self, path: str) -> None:
        self.deleted.append(path)


class DeadApi(FakeApi):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get(self, path: str) -> dict[str, Any] | None:
        raise self.error


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(cache=tmp_path / "cache", data=tmp_path / "data", run=tmp_path / "run")


def test_pods_that_have_ended_are_not_killed(layout: Layout) -> None:
    api = FakeApi(pod("a", "Succeeded"), pod("b", "Failed"))
    assert Victims(layout, api).kill("pods", "forced", 0.5) == ("no pod is there", False)
    assert api.deleted == []


def test_a_fraction_chooses_by_name_whatever_the_order(layout: Layout) -> None:
    api = FakeApi(pod("c"), pod("a"), pod("b", "Pending"))
    assert [Victims(layout, api).kill("pods", "deleted", at)[0] for at in (0, 0.5, 0.999)] == ["a", "b", "c"]


@pytest.mark.parametrize(("how", "query"), [("forced", "?gracePeriodSeconds=0"), ("deleted", "")])
def test_deletions_differ_in_the_time_they_give(layout: Layout, how: How, query: str) -> None:
    api = FakeApi(pod("a"))
    assert Victims(layout, api).kill("store", how, 0) == ("a", True)
    assert api.deleted == [f"/api/v1/namespaces/biojobs-store/pods/a{query}"]


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("refused"),
        urllib.error.HTTPError("/", 503, "busy", Message(), None),
        TimeoutError("slow"),
        ValueError("half an answer"),
        SandboxError("HTTP 500"),
    ],
)
def test_an_api_server_that_is_away_is_a_miss(layout: Layout, error: Exception) -> None:
    said, hit = Victims(layout, DeadApi(error)).kill("pods", "SIGKILL", 0)
    assert not hit
    assert "API server" in said


def test_only_running_containers_can_be_killed() -> None:
    pods = living(
        {"items": [pod("a", terminated={}), pod("b"), pod("c", "Pending", waiting={}), {**pod("d"), "status": {}}]}
    )
    assert [(found.pod, found.name, found.id) for found in containers(pods)] == [("b", "main", ID)]


def test_the_main_process_is_process_one_of_the_containers_own_pids(tmp_path: Path) -> None:
    for pid, group, names in (("10", ID, "10\t7"), ("11", ID, "11\t1"), ("12", "f" * 64, "12\t1"), ("13", ID, "13")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(f"5:memory:/kubepods/pod1/{group}\n")
        (tmp_path / pid / "status").write_text(f"Name:\tx\nNSpid:\t{names}\n")
    (tmp_path / "14").mkdir()
    (tmp_path / "sys").mkdir()
    assert main_process(ID, tmp_path) == 11
    assert main_process("0" * 64, tmp_path) is None


def test_a_node_is_its_pods_and_their_keepers_and_no_other_container(tmp_path: Path) -> None:
    data = tmp_path / "data"
    mark = f"{MARK_COMPONENT}=containerd\0{MARK_DATA}={data}\0"
    for pid, words, group in (
        ("20", "shim\0-namespace\0k8s.io\0-id\0a\0", "/"),
        ("21", "shim\0-namespace\0moby\0-id\0b\0", "/"),
        ("22", "fastqc\0", "/biojobs/kubepods/burstable/pod1/c"),
        ("23", "make\0", "/docker/b"),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_text(mark if words.startswith("shim") else "")
        (tmp_path / pid / "stat").write_text(f"{pid} (x) S {' '.join('1' * 49)}")
        (tmp_path / pid / "cmdline").write_text(words)
        (tmp_path / pid / "cgroup").write_text(f"5:memory:{group}\n")
    assert node_processes(data, tmp_path) == [20, 22]


def test_a_container_that_ended_meanwhile_is_a_miss(layout: Layout) -> None:
    assert Victims(layout, FakeApi(pod("a"))).kill("pods", "SIGKILL", 0) == ("a/main has ended", False)


# ---- that nothing stays killed ---------------------------------------------------------------------------------------


@pytest.fixture
def sleepers(layout: Layout) -> Iterator[dict[str, Component]]:
    """Two components of the sandbox that do nothing but run."""
    env = {"PATH": os.environ["PATH"]}
    components = {
        name: Component(name, ("sleep", "600"), lambda: None, env=env, grace=0) for name in ("etcd", "kubelet")
    }
    supervisor.ensure_stage(layout, list(components.values()))
    yield components
    for name in components:
        supervisor.stop(layout, name, grace=0)


def chaos(layout: Layout, sleepers: dict[str, Component], *words: str) -> tuple[Chaos, Mender]:
    mender = Mender(layout, sleepers)
    only = ("--only", "etcd,kubelet", "--seed", "3", "--pause", "0-0.01")
    return Chaos(plan(*only, *words), Victims(layout, FakeApi()).kill, mender), mender


def test_what_was_killed_runs_again_and_is_counted(layout: Layout, sleepers: dict[str, Component]) -> None:
    before = {name: supervisor.pid_of(layout, name) for name in sleepers}
    running, mender = chaos(layout, sleepers, "--kills", "2")
    running.run()
    mender.finish()
    after = {name: supervisor.pid_of(layout, name) for name in sleepers}
    assert None not in after.values()
    assert after != before
    assert running.counts.total() == 2
    assert "all kills" in running.table()


def test_an_interrupt_mends_at_once(
    layout: Layout,
    sleepers: dict[str, Component],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupted(Victims):
        def kill(self, kind: str, how: How, fraction: float) -> tuple[str, bool]:
            if all(supervisor.pid_of(layout, name) for name in sleepers):
                return super().kill(kind, how, fraction)
            raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.chaos.Victims", Interrupted)
    monkeypatch.setattr("sandbox.chaos.DeletingApi", always(FakeApi()))
    monkeypatch.setattr("sandbox.chaos._components", always(sleepers))
    monkeypatch.setattr("sandbox.chaosplan.DOWN_SECONDS", (3600, 3600))
    monkeypatch.setattr("sandbox.cluster.await_ready", always(None))
    assert carry_out(layout, plan("--only", "etcd,kubelet", "--seed", "3", "--pause", "0-0.01")) == 130
    assert all(supervisor.pid_of(layout, name) for name in sleepers)
    assert "all kills                          1" in capsys.readouterr().out


def test_a_sandbox_that_is_not_up_is_told_so(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Component("etcd", ("sleep", "1"), lambda: None)
    monkeypatch.setattr("sandbox.chaos._components", always({"etcd": away}))
    with pytest.raises(SandboxError, match="etcd does not run: bring the sandbox up"):
        carry_out(layout, plan())


def test_a_component_that_fell_by_itself_is_seen(layout: Layout, sleepers: dict[str, Component]) -> None:
    mender = Mender(layout, sleepers)
    assert mender.fallen() == []
    supervisor.stop(layout, "kubelet", grace=0)
    assert mender.fallen() == ["kubelet"]
    mender.finish()
    assert mender.fallen() == []


def test_what_falls_after_the_last_kill_is_brought_back(layout: Layout, sleepers: dict[str, Component]) -> None:
    running, mender = chaos(layout, sleepers, "--kills", "1")
    supervisor.stop(layout, "kubelet", grace=0)
    running.watch(0.3)
    mender.finish()
    assert supervisor.pid_of(layout, "kubelet") is not None
    assert running.counts.total() == 0


def test_nothing_to_kill_ends_with_a_remedy(layout: Layout) -> None:
    running = Chaos(
        plan("--only", "pods", "--kills", "1", "--pause", "0-0"), Victims(layout, FakeApi()).kill, Mender(layout, {})
    )
    with pytest.raises(SandboxError, match="start a run first"):
        running.run()
    assert running.counts.total() == 0


def test_time_ends_it_too(layout: Layout) -> None:
    running = Chaos(
        plan("--seconds", "0", "--pause", "1-1"), Victims(layout, FakeApi(pod("a"))).kill, Mender(layout, {})
    )
    running.run()
    assert running.counts.total() == 0
