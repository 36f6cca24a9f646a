"""Argo's published Go module lacks two files; this makes a copy of it that has them."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sandbox.console import run_logged, tail
from sandbox.errors import SandboxError

MODULE = "github.com/argoproj/argo-workflows/v4"
_SIGNAL = Path("workflow/executor/osspecific/signal_linux.go")
_PAGE = "<!doctype html><title>Argo</title><p>The Argo UI is not part of this build.</p>\n"
_WORK = ".source"
# Neither Go code nor embedded by any: not worth copying.
_UNUSED = ("docs", "examples", "test", "sdks", "community", "node_modules")


def module_folder(go: Path, source: Path, env: Mapping[str, str], log: Path) -> Path:
    """The module's folder in Go's module cache, downloaded when it is not there."""
    run_logged([go, "mod", "download", MODULE], log, env=env, cwd=source, remedy="is GOPROXY reachable?")
    listed = subprocess.run(
        [str(go), "list", "-mod=readonly", "-m", "-json", MODULE],
        capture_output=True,
        text=True,
        env=dict(env),
        cwd=source,
    )
    if listed.returncode:
        raise SandboxError(f"go list -m {MODULE} failed: {listed.stderr.strip()}\n{tail(log)}")
    return Path(json.loads(listed.stdout)["Dir"])


def prepare(go: Path, source: Path, target: Path, env: Mapping[str, str], log: Path) -> list[str]:
    """Copy and complete the module below `target`; the flags that make `go build` use the copy."""
    work = target / _WORK
    copy = work / "argo"
    work.mkdir(parents=True)
    original = module_folder(go, source, env, log)
    shutil.copytree(original, copy, ignore=lambda folder, names: _ignored(original, folder, names))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    if not (copy / _SIGNAL).exists():
        shutil.copyfile(source / "signal_linux.go.txt", copy / _SIGNAL)
    page = copy / "ui/dist/app/index.html"
    if not page.exists():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_PAGE)
    modfile = work / "go.mod"
    shutil.copyfile(source / "go.mod", modfile)
    shutil.copyfile(source / "go.sum", work / "go.sum")
    run_logged([go, "mod", "edit", "-replace", f"{MODULE}={copy}", modfile], log, env=env, cwd=work)
    # The CRDs, from the very source that the controller is built from, travel with the programs.
    shutil.copytree(copy / "manifests/base/crds/minimal", target / "crds")
    shutil.copytree(copy / "hack", target / "hack", ignore=lambda _folder, names: _only_etc(names))
    return ["-modfile", str(modfile)]


def discard(target: Path) -> None:
    """Remove the copy of the source after the build."""
    shutil.rmtree(target / _WORK, ignore_errors=True)


def _ignored(root: Path, folder: "str | os.PathLike[str]", names: list[str]) -> list[str]:
    return [name for name in names if name in _UNUSED] if Path(folder) == root else []


def _only_etc(names: list[str]) -> list[str]:
    return [name for name in names if name not in ("nsswitch.conf", "ssh_known_hosts")]
