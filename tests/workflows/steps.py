"""The Python of the steps in images/multiqc, as modules of the tests' own Python."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

IMAGE = Path(__file__).resolve().parents[2] / "images" / "multiqc"


@contextlib.contextmanager
def step_modules(*names: str) -> Generator[dict[str, ModuleType]]:
    """Modules by name, each after those that it imports: in their image they have a folder to themselves."""
    made: dict[str, ModuleType] = {}
    try:
        for name in names:
            spec = importlib.util.spec_from_file_location(name, IMAGE / f"{name}.py")
            assert spec and spec.loader
            made[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(made[name])
        yield made
    finally:
        for name in made:
            sys.modules.pop(name, None)
