"""Drives the real sandbox from tests, and knows when it cannot be driven."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox import layout, mounts, network, process, tools
from sandbox.layout import Layout
from sandbox.render import PAUSE_IMAGE

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 1800


def require_sandbox() -> None:
    """Skip, with the remedy, where the sandbox cannot run; in CI that is a failure."""
    if os.geteuid() == 0:
        return
    reason = "the sandbox needs root: run `sudo make test`"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def places() -> Layout:
    """The layout that `python -m sandbox` uses too."""
    return layout.from_environment()


def command(name: str) -> list[str]:
    """The words that run a command of the sandbox."""
    return [sys.executable, "-m", "sandbox", name]


def run(name: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the sandbox to its end."""
    full = dict(os.environ) | env
    return subprocess.run(command(name), capture_output=True, text=True, cwd=ROOT, env=full, timeout=SECONDS)


def succeed(name: str, **env: str) -> str:
    """Run a command that must succeed; what it said on stderr."""
    done = run(name, **env)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stderr


def begin(name: str) -> "subprocess.Popen[str]":
    """Start a command in a process group of its own, to be interrupted."""
    return subprocess.Popen(
        command(name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        # A shell's background job, which the tests may be, is born deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupt(running: "subprocess.Popen[str]", number: int = signal.SIGINT) -> str:
    """Do what Ctrl-C does: the signal goes to the whole foreground group. What the command said."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, number)
    return running.communicate(timeout=60)[1]


def kubectl(*words: str, check: bool = True) -> str:
    """Run kubectl as the sandbox's administrator."""
    program = str(tools.folder("kubernetes") / "kubectl")
    full = [program, "--kubeconfig", str(places().kubeconfig), *words]
    done = subprocess.run(full, capture_output=True, text=True, timeout=180)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def start_deployment(name: str) -> None:
    """Run a pod that lives until it is deleted, from an image that every sandbox has."""
    if name in kubectl("get", "deployment", "--output=name"):
        kubectl("delete", "deployment", name, "--now")
    kubectl("create", "deployment", name, f"--image={PAUSE_IMAGE}")
    kubectl("wait", "--for=condition=Available", f"deployment/{name}", "--timeout=120s")


def await_true(what: str, condition: "Sequence[str]", wanted: str, seconds: float = 120) -> None:
    """Wait until kubectl answers `wanted`."""
    deadline = time.monotonic() + seconds
    while (found := kubectl(*condition, check=False)) != wanted:
        assert time.monotonic() < deadline, f"{what}: still {found!r} after {seconds:.0f} s"
        time.sleep(0.5)


def reboot(at: Layout) -> None:
    """Leave the machine as a power cut leaves it after the next boot: the disk is there, all else is gone."""
    for _ in range(3):
        for pid in process.marked_processes(at.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    mounts.remove_cgroups()
    mounts.unmount_all([at.data, at.run])
    network.remove_interfaces()
    network.remove_rules()
    shutil.rmtree(at.run)
