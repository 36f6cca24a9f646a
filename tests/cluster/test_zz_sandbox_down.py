"""`down`, a reboot, and wrecks of every kind. Last of all, as they leave the sandbox down."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sandbox import ports, process
from sandbox.down import leftovers
from sandbox.host import SYSCTLS
from sandbox.layout import PORTS
from tests.cluster.sandbox_help import (
    await_true,
    begin,
    interrupt,
    kubectl,
    places,
    reboot,
    require_sandbox,
    run,
    start_deployment,
    succeed,
)

COMPONENTS = ("kubelet", "kube-", "etcd", "containerd", "dockerd", "docker-registry", "coredns", "pause")


@pytest.fixture(scope="module", autouse=True)
def only_as_root() -> None:
    require_sandbox()


def output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def firewall() -> list[str]:
    """Rules and chains of our own making, without counters and without tables that are empty."""
    text = output("iptables-save") + output("ip6tables-save")
    lines = [re.sub(r"\[\d+:\d+\]", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "*", "COMMIT")) and " ACCEPT" not in line[-8:]]


def sandbox_processes() -> list[str]:
    """Processes that run a program out of the cache, whatever started them; but for those of a cluster that has a name
    space of its own, as bench/scale.py makes one."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "exe").readlink()
            if (entry / "ns" / "pid").readlink() != Path("/proc/self/ns/pid").readlink():
                continue
        except OSError:
            continue
        if program.is_relative_to(places().cache / "tools") or program.is_relative_to(places().cache / "packages"):
            found += [f"{entry.name} {program}"] if program.name.startswith(COMPONENTS) else []
    return found


def machine() -> dict[str, object]:
    """What `down` must leave as `up` found it."""
    mountinfo = Path("/proc/self/mountinfo").read_text()
    return {
        "firewall": firewall(),
        "interfaces": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "sysctls": {name: (Path("/proc/sys") / name).read_text() for name in SYSCTLS},
        "mounts": sorted(line.split()[4] for line in mountinfo.splitlines() if "biojobs" in line or "/netns/" in line),
        "ports": sorted(set(PORTS.values()) & set(ports.all_listening())),
        "processes": sandbox_processes(),
        "cgroups": sorted(str(path) for path in Path("/sys/fs/cgroup").glob("**/*biojobs*")),
        "marked": process.marked_processes(places().data),
        "files": [path for path in ("/var/lib/kubelet", "/var/log/containers") if Path(path).exists()],
    }


def test_up_then_down_leaves_the_machine_as_it_was_and_keeps_what_can_be_used_again() -> None:
    succeed("down")
    before = machine()
    succeed("up")
    start_deployment("passing")
    assert machine() != before
    succeed("down")
    assert leftovers(places()) == []
    assert machine() == before
    assert (places().data / "registry").is_dir()
    assert (places().cache / "tools").is_dir()
    assert not (places().data / "etcd").exists()
    assert run("status").returncode == 1


def test_down_twice_is_fine() -> None:
    succeed("down")
    succeed("down")


def test_up_after_a_reboot_brings_the_same_pods_back() -> None:
    succeed("up")
    start_deployment("phoenix")
    kubectl("create", "configmap", "kept", "--from-literal=word=yes")
    uid = kubectl("get", "deployment", "phoenix", "--output=jsonpath={.metadata.uid}")
    reboot(places())
    assert sandbox_processes() == []
    succeed("up")
    assert kubectl("get", "configmap", "kept", "--output=jsonpath={.data.word}") == "yes"
    assert kubectl("get", "deployment", "phoenix", "--output=jsonpath={.metadata.uid}") == uid
    # A count of restarts, for the server still shows the status of before the reboot until the kubelet has spoken.
    container = "{.items[*].status.containerStatuses[*]"
    state = ["get", "pod", "-l", "app=phoenix", f"--output=jsonpath={container}.ready}} {container}.restartCount}}"]
    await_true("the pod of before the reboot", state, "true 1")


def test_pid_files_of_another_boot_do_not_protect_strangers_from_being_told_apart() -> None:
    """A pid that now belongs to another process is neither taken for ours nor killed."""
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        path = places().run / "pids" / "coredns.json"
        identity = process.read_identity(path)
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
        path.write_text(path.read_text().replace(str(identity.pid), str(stranger.pid), 1))
        assert "starting coredns" in succeed("up")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("seconds", [4.0, 6.0, 9.0])
def test_down_removes_what_a_killed_up_has_left(seconds: float) -> None:
    succeed("down")
    running = begin("up")
    time.sleep(seconds)
    interrupt(running, signal.SIGKILL)
    succeed("down")
    assert leftovers(places()) == []
    assert firewall() == []


def test_down_works_when_the_run_folder_and_the_records_are_lost() -> None:
    succeed("up")
    start_deployment("orphan")
    shutil.rmtree(places().run / "pids")
    places().host_record.unlink()
    succeed("down")
    assert leftovers(places()) == []
    assert firewall() == []
