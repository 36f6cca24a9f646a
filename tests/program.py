"""What the rings with a real engine share: how a command ended, and the program under a folder of its own, so that a
test's stack file is not the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = (*sorted(file.name for file in ROOT.glob("*.py")), "components", "workflows", "reports", "images", "samples")


@dataclass(frozen=True)
class Result:
    """What a `pulumi` command did."""

    code: int
    output: str

    def changes(self) -> str:
        """The summary after `Resources:`, on one line."""
        return " ".join(self.output.rpartition("Resources:")[2].partition("Duration")[0].split())


def link(folder: Path, *more: str) -> None:
    """Links the program's parts into a folder, and `more` of the repository's."""
    for part in (*PARTS, *more):
        (folder / part).symlink_to(ROOT / part)
