"""The project that a plan runs in: a copy of the stack file, plugins that record, a state that is thrown away."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, cast

import yaml

from components.locate import PLAN
from offline.cli import pulumi_folder, say
from offline.plan.clouds import CLOUDS, CREDENTIALS, PlannedCloud
from offline.recording.store import FILE
from sandbox import layout
from settings import Settings, load

REPOSITORY: Final = Path(__file__).resolve().parents[2]
# What only Pulumi itself can read. Without an account there is no key that decrypts a secret setting.
_ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")


class PlanError(Exception):
    """There is no plan; the message says why."""


@dataclass(frozen=True)
class StackFile:
    """A stack file without what only a key can read."""

    stack: str
    root: Path
    content: Mapping[str, Any]
    secret: tuple[str, ...]
    """Keys that are left out."""
    cloud: PlannedCloud

    def settings(self) -> Settings:
        """The settings, as the program reads them. Raises `SettingsError`."""
        config = cast(dict[str, Any], self.content["config"])
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        return load(texts, self.stack, self.root)


def read_stack(stack: str, root: Path) -> StackFile:
    """The file of a stack of the project in `root`. Raises `PlanError` where there is none, or none of a cloud."""
    file = root / f"Pulumi.{stack}.yaml"
    try:
        written = cast(dict[str, Any], yaml.safe_load(file.read_text()) or {})
    except OSError as error:
        raise PlanError(f"{file.name}: cannot be read ({error.strerror}); name a stack that has a file") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{file.name}: is not YAML: {error}") from None
    config = cast(dict[str, Any], written.get("config") or {})
    secret = tuple(key for key, value in config.items() if isinstance(value, dict) and "secure" in value)
    cloud = CLOUDS.get(str(config.get("biojobs:cloud")))
    if cloud is None:
        there = " and ".join(CLOUDS)
        raise PlanError(
            f"biojobs:cloud: {config.get('biojobs:cloud')!r}: a plan without an account is there for {there} only"
        )
    kept = {key: value for key, value in written.items() if key not in _ENCRYPTION}
    kept["config"] = {key: value for key, value in config.items() if key not in secret}
    return StackFile(stack, root, kept, secret, cloud)


@contextmanager
def plan_project(file: StackFile) -> Generator[tuple[list[str], dict[str, str]]]:
    """A `preview` command and its environment, with a state and plugins of their own that are thrown away."""
    places = file.root / ".build" / "plan"
    places.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{file.stack}-", dir=places))
    try:
        config = folder / f"Pulumi.{file.stack}.yaml"
        config.write_text(yaml.safe_dump(dict(file.content)))
        environment = _environment(folder, file.cloud)
        _empty_state(folder / "state", file.root, file.stack)
        for key in file.secret:
            say(f"{key} is left out: it is encrypted")
        say(file.cloud.nothing_asked)
        words = ["pulumi", "preview", "--stack", file.stack, "--config-file", str(config), "--non-interactive"]
        yield words, environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, cloud: PlannedCloud) -> dict[str, str]:
    """What the engine needs to find the recorders, and nothing of an account."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(CREDENTIALS)}
    values = {
        "PATH": f"{pulumi_folder(layout.from_environment().cache)}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(_home(folder / "home", cloud.packages)),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        FILE: str(folder / "recording.json"),
        PLAN: "1",
    }
    inherited.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return inherited | values


def _home(home: Path, packages: Mapping[str, str]) -> Path:
    """A PULUMI_HOME whose plugins are the recorders and our language host."""
    modules: dict[str, tuple[str, ...]] = {f"language-python-v{metadata.version('pulumi')}": ("offline.language",)}
    for name, package in packages.items():
        modules[f"resource-{name}-v{metadata.version(package)}"] = ("offline.recording", name)
    for plugin, words in modules.items():
        program = home / "plugins" / plugin / f"pulumi-{plugin.rpartition('-v')[0]}"
        program.parent.mkdir(parents=True)
        command = shlex.join(["env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-m", *words])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
    return home


def _empty_state(state: Path, root: Path, stack: str) -> None:
    """A backend with an empty stack. `pulumi stack init` would write into the user's stack file, and takes a second."""
    project = str(yaml.safe_load((root / "Pulumi.yaml").read_text())["name"])
    stacks = state / ".pulumi" / "stacks" / project
    stacks.mkdir(parents=True)
    (state / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    checkpoint = {"stack": f"organization/{project}/{stack}", "latest": None}
    (stacks / f"{stack}.json").write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))
