"""`python -m tests`: all rings one after the other, each with its time. Needs root on Linux for the last two.

A ring that cannot run says why; with CI=true that is a failure. Arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import layout, tools

SANDBOX = tuple(f"tests/cluster/test_{name}.py" for name in ("chaos", "scale", "sandbox", "zz_sandbox_down"))


def anywhere() -> str | None:
    """Needs nothing."""
    return None


def root_on_linux() -> str | None:
    """Why the sandbox cannot run here, or None."""
    if sys.platform != "linux":
        return "it runs a Kubernetes node of its own, which takes Linux; run it on a Linux machine"
    if os.geteuid() != 0:
        return "it runs a Kubernetes node of its own, which takes root; run `sudo make test`"
    return None


def free_sandbox() -> str | None:
    """As `root_on_linux`; and the tests, which kill and delete, must not meet a stack that somebody uses."""
    if reason := root_on_linux():
        return reason
    kubeconfig = layout.from_environment().kubeconfig
    kubectl = tools.folder("kubernetes") / "kubectl"
    if not kubeconfig.exists() or not kubectl.exists():
        return None
    words = [str(kubectl), "--kubeconfig", str(kubeconfig), "--request-timeout=10s", "get", "namespace", "biojobs"]
    if subprocess.run(words, capture_output=True, check=False).returncode == 0:
        return "a stack is up on the sandbox, and these tests take the sandbox down; run `make down` first"
    return None


@dataclass(frozen=True)
class Ring:
    """Tests that need the same things. `before` is a command that makes those ready."""

    name: str
    paths: tuple[str, ...]
    cannot_run: Callable[[], str | None] = anywhere
    before: tuple[str, ...] = ()
    workers: int = 0
    """Processes that share the tests, or 0 for none besides pytest's own."""


KUBERNETES = ("tests/cluster", *(f"--ignore={file}" for file in SANDBOX))
SANDBOX_UP = (sys.executable, "-m", "sandbox", "up")
RINGS = (
    Ring(
        "functions and components",
        ("tests/workflows", "tests/components", "tests/cli", "tests/reports", "tests/sandbox", "tests/lint"),
        workers=2,
    ),
    Ring("engine, with stand-in clouds", ("tests/engine",), workers=2),
    # In this order: the tests on the cluster's one stack take the longest, mostly waiting, and go on beside all others.
    Ring("steps and Kubernetes, with real reads", (*KUBERNETES, "tests/images"), free_sandbox, SANDBOX_UP, workers=3),
    Ring("the sandbox, killed and mended", SANDBOX, free_sandbox, SANDBOX_UP),
)


def run(ring: Ring, arguments: list[str]) -> str:
    """Runs a ring; answers `passed`, `failed` or why it did not run."""
    if reason := ring.cannot_run():
        return f"not run: {reason}"
    if ring.before and subprocess.run(ring.before, check=False).returncode != 0:
        return "failed"
    # What stays together on one worker is said in tests/conftest.py. Files are taken in the order of their names: with
    # those of most tests first, the dearest, which have few, would be left to the end and to one worker.
    parallel = ["--numprocesses", str(ring.workers), "--no-loadscope-reorder"] if ring.workers else []
    pytest = [sys.executable, "-m", "pytest", *ring.paths, *parallel, *arguments]
    return "passed" if subprocess.run(pytest, check=False).returncode == 0 else "failed"


def main(arguments: list[str]) -> int:
    """Runs the checks and all rings, however the earlier ones went."""
    results: list[tuple[str, str, float]] = []
    for ring in RINGS:
        print(f"\n=== ring: {ring.name}", flush=True)
        started = time.monotonic()
        results.append((ring.name, run(ring, arguments), time.monotonic() - started))
    print(f"\n{'ring':37} {'time':>8}  result")
    for name, result, seconds in results:
        print(f"{name:37} {seconds:6.0f} s  {result}")
    ran = [result for _, result, _ in results if not result.startswith("not run")]
    incomplete = len(ran) < len(results) and os.environ.get("CI") == "true"
    return 1 if "failed" in ran or incomplete else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
