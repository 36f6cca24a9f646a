"""The program under a folder of its own, so that a test's stack file is not the user's."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    *("__main__.py", "quantities.py", "settings.py", "settings_errors.py", "versions.py"),
    *("components", "workflows", "images", "samples"),
)


def link(folder: Path, *more: str) -> None:
    """Links the program's parts into a folder, and `more` of the repository's."""
    for part in (*PARTS, *more):
        (folder / part).symlink_to(ROOT / part)
