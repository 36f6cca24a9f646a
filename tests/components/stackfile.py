"""Settings and projects of a stack, from the keys of a stack file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from settings import Settings, load
from tests.components.test_settings import ROOT


def loaded(config: Mapping[str, str], stack: str = "dev") -> Settings:
    """Settings of keys as a stack file has them, structured ones as JSON."""
    return load({f"biojobs:{key}": value for key, value in config.items()}, stack, ROOT)


def written(folder: Path, config: Mapping[str, str], stack: str = "dev") -> Path:
    """A project of one stack in `folder`; keys as of `loaded`."""
    values = {f"biojobs:{key}": json.loads(value) if value[:1] in "{[" else value for key, value in config.items()}
    (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": values}))
    (folder / "samples").mkdir(exist_ok=True)
    shutil.copy(ROOT / "samples" / "na12878.csv", folder / "samples")
    return folder
