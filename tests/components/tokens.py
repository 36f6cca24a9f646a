"""Which resources of a cloud the components make, as their source says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def made_by(files: Iterable[Path], package: str, sdk: ModuleType) -> set[str]:
    """Type tokens of the resources that these files make of a provider, such as `aws`."""
    written = re.compile(rf"\b{package}\.(\w+)\.([A-Z]\w*)\(")
    made = {found for file in files for found in written.findall(file.read_text())}
    classes = [getattr(getattr(sdk, module), name) for module, name in made if not name.endswith("Args")]
    return {found.pulumi_type for found in classes}
