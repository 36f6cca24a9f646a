"""The sandbox as a user meets it; it is up before and after each of these tests."""

import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from sandbox import supervisor
from sandbox.layout import PORTS
from sandbox.ports import require_free
from tests.cluster.sandbox_help import (
    await_true,
    begin,
    interrupt,
    kubectl,
    places,
    require_sandbox,
    run,
    start_deployment,
    succeed,
)


@pytest.fixture(scope="module", autouse=True)
def running_sandbox() -> Iterator[None]:
    require_sandbox()
    succeed("up")
    yield
    succeed("up")


def kill(name: str) -> int:
    if supervisor.pid_of(places(), name) is None:
        # An earlier test failed half-way; that is told once.
        succeed("up")
    pid = supervisor.pid_of(places(), name)
    assert pid, f"{name} does not run"
    os.kill(pid, signal.SIGKILL)
    while supervisor.pid_of(places(), name):
        time.sleep(0.02)
    return pid


def pids() -> dict[str, int | None]:
    names = [path.stem for path in (places().run / "pids").glob("*.json")]
    return {name: supervisor.pid_of(places(), name) for name in names}


def test_a_second_up_starts_nothing() -> None:
    before = pids()
    said = succeed("up")
    assert "starting" not in said
    assert pids() == before


def test_status_is_zero_and_lists_every_component_when_all_is_well() -> None:
    done = run("status")
    assert done.returncode == 0, done.stdout
    for name in ("etcd", "kube-apiserver", "kubelet", "containerd", "dockerd", "registry", "coredns", "dns"):
        assert name in done.stdout


@pytest.mark.parametrize("name", ["containerd", "etcd", "kube-apiserver", "coredns", "kubelet", "registry"])
def test_a_killed_component_is_seen_by_status_and_mended_by_up(name: str) -> None:
    killed = kill(name)
    done = run("status")
    assert done.returncode == 1
    assert any(line.startswith(name) and "not running" in line for line in done.stdout.splitlines())
    said = succeed("up")
    assert f"starting {name}" in said
    assert pids()[name] not in (None, killed)
    assert run("status").returncode == 0


def test_pods_outlive_a_killed_containerd_and_kubelet() -> None:
    start_deployment("survivor")
    pod = kubectl("get", "pod", "-l", "app=survivor", "--output=jsonpath={.items[0].metadata.uid}")
    kill("kubelet")
    kill("containerd")
    succeed("up")
    state = "--output=jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[0].restartCount}"
    await_true("the pod", ["get", "pod", "-l", "app=survivor", state], f"{pod} 0")
    kubectl("delete", "deployment", "survivor", "--now")


def test_a_lost_run_folder_costs_no_second_copy_of_any_component() -> None:
    before = pids()
    for path in (places().run / "pids").glob("*.json"):
        path.unlink()
    succeed("up")
    after = pids()
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values()), "what has no pid file cannot be known to be right"
    assert run("status").returncode == 0


def test_a_taken_port_is_refused_with_its_number_and_its_holder() -> None:
    kill("registry")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        require_free({"registry": PORTS["registry"]})
        thief.bind(("127.0.0.1", PORTS["registry"]))
        thief.listen()
        done = run("up")
    assert done.returncode == 1
    assert f"port {PORTS['registry']} (registry) is taken by pid {os.getpid()}" in done.stderr
    assert "Traceback" not in done.stderr
    succeed("up")


def test_two_ups_at_once_both_succeed_and_the_second_says_that_it_waits() -> None:
    kill("kube-apiserver")
    both = [begin("up"), begin("up")]
    said = [running.communicate(timeout=300)[1] for running in both]
    assert [running.returncode for running in both] == [0, 0], said
    assert sum("waiting for another `up` or `down`" in text for text in said) == 1
    assert sum("starting kube-apiserver" in text for text in said) == 1


@pytest.mark.parametrize("seconds", [0.3, 1.5, 3.0, 5.0])
def test_an_interrupted_up_can_be_run_again(seconds: float) -> None:
    kill("etcd")
    kill("kube-apiserver")
    running = begin("up")
    time.sleep(seconds)
    said = interrupt(running)
    assert running.returncode in (0, 130), said
    assert "Traceback" not in said
    succeed("up")
    assert run("status").returncode == 0


def test_up_needs_no_network_when_everything_is_cached() -> None:
    nowhere = "http://127.0.0.1:9"
    kill("coredns")
    succeed("up", GOPROXY="off", http_proxy=nowhere, https_proxy=nowhere, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere)
