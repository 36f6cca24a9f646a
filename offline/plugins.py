"""Official plugins where they can be had, else the stand-ins: which, and how the engine finds them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from offline.cli import ORIGIN, reachable, say
from sandbox.errors import SandboxError

CHOICE = "BIOJOBS_PLUGINS"  # official or offline; unset: official if they can be had
PACKAGES = {"kubernetes": "pulumi-kubernetes", "docker-build": "pulumi-docker-build"}
CLOUD_PACKAGES = {"aws": {"aws": "pulumi-aws", "docker": "pulumi-docker"}, "gcp": {"gcp": "pulumi-gcp"}}
"""Plugins that a cloud needs besides, and that nothing here can stand in for."""
ANSWER_SECONDS = 24 * 3600  # how long "cannot be had" is believed before asking the network again
BIN = Path(__file__).resolve().parent / "bin"


@dataclass(frozen=True)
class Plugins:
    """`home` is the PULUMI_HOME with the stand-ins, or None where the official ones are used."""

    home: Path | None
    words: str


def choose(pulumi: Path, cache: Path, root: Path, cloud: str) -> Plugins:
    """Decide, install the official plugins where they can be had, and say which in one line.

    Raises `SandboxError` for a cloud whose plugins cannot be had.
    """
    versions = {name: metadata.version(package) for name, package in PACKAGES.items()}
    own = {name: metadata.version(package) for name, package in CLOUD_PACKAGES.get(cloud, {}).items()}
    if _official(pulumi, cache, {**versions, **own}):
        return Plugins(None, "plugins: the official ones")
    if own:
        raise SandboxError(
            f"the stack needs Pulumi's plugins for {' and '.join(own)}, and they cannot be downloaded here; "
            f"`python -m offline.plan` shows what it would make, without them"
        )
    names = ", ".join(["python", *versions])
    return Plugins(
        _home(cache, root, versions),
        f"plugins: stand-ins from offline/ for {names} (Pulumi's downloads cannot be reached)",
    )


def _official(pulumi: Path, cache: Path, versions: Mapping[str, str]) -> bool:
    choice = os.environ.get(CHOICE, "")
    if choice in ("official", "offline"):
        return choice == "official"
    if not _has_language_host(pulumi):
        return False  # a CLI built from source, because nothing can be downloaded
    if all(_installed(name, version) for name, version in versions.items()):
        return True
    answer = cache / "plugins-answer.json"
    if _believes_no(answer, versions):
        return False
    if reachable(ORIGIN) and all(_install(pulumi, name, version) for name, version in versions.items()):
        return True
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_text(json.dumps({"versions": dict(versions), "asked": time.time()}))
    return False


def _has_language_host(pulumi: Path) -> bool:
    places = [pulumi.resolve(), *(Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)]
    return any((p / "pulumi-language-python").is_file() for p in places if p.resolve() != BIN)


def _user_home() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _installed(name: str, version: str) -> bool:
    folder = _user_home() / "plugins" / f"resource-{name}-v{version}"
    return (folder / f"pulumi-resource-{name}").is_file() and not folder.with_name(f"{folder.name}.partial").exists()


def _believes_no(answer: Path, versions: Mapping[str, str]) -> bool:
    try:
        known = json.loads(answer.read_text())
    except (OSError, ValueError):
        return False
    return known.get("versions") == dict(versions) and time.time() - known.get("asked", 0) < ANSWER_SECONDS


def _install(pulumi: Path, name: str, version: str) -> bool:
    say(f"installing the Pulumi plugin {name} {version}")
    words = [str(pulumi / "pulumi"), "plugin", "install", "resource", name, f"v{version}"]
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode != 0:
        say(f"it cannot be had: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return done.returncode == 0


def _home(cache: Path, root: Path, versions: Mapping[str, str]) -> Path:
    """A Pulumi home whose plugin folder holds the stand-ins.

    Found there, they are plugins like any other; found on PATH, the engine would warn about each in every command.
    """
    home = cache / f"pulumi-home-{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"
    plugins = {f"resource-{name}-v{version}": f"pulumi-resource-{name}" for name, version in versions.items()}
    plugins[f"language-python-v{metadata.version('pulumi')}"] = "pulumi-language-python"
    for folder, program in plugins.items():
        link = home / "plugins" / folder / program
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() or link.readlink() != BIN / program:
            link.unlink(missing_ok=True)
            link.symlink_to(BIN / program)
    return home
