"""The stack that a job runs on, read from its file without Pulumi."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml

from cli.errors import CommandError
from settings import Settings, SettingsError, load

ROOT: Final = Path(__file__).absolute().parents[1]


def root() -> Path:
    """The project's folder, wherever the command is run."""
    return ROOT


def read(stack: str, root: Path) -> Settings:
    """The settings of a stack of the project in `root`. Raises `CommandError` where there are none, or wrong ones."""
    file = root / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(found.name[7:-5] for found in root.glob("Pulumi.?*.yaml"))) or "none"
        raise CommandError(f"--stack: {stack!r}: there is no {file.name} in {root}; stacks that have a file: {there}")
    try:
        return load(_config(file), stack, root)
    except SettingsError as error:
        raise CommandError(
            f"the settings in {file.name} cannot be used:\n  " + "\n  ".join(str(error).splitlines())
        ) from None


def _config(file: Path) -> dict[str, str]:
    """Values as Pulumi hands them over: all but strings as JSON. What only Pulumi can decrypt is left out."""
    try:
        written = cast(object, yaml.safe_load(file.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise CommandError(f"{file.name} is not YAML: {' '.join(str(error).split())}") from None
    values = _mapping(_mapping(written).get("config"))
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if not (isinstance(value, dict) and "secure" in value)
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def remedy(settings: Settings) -> str:
    """The command that builds the stack."""
    return "make up" if settings.stack == "local" else f"make up STACK={settings.stack}"
