"""Commands of the measurements."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from typing import Any

REGISTRY = "localhost:5050/biojobs"


def output(*command: str) -> str:
    """Standard output of a command that must succeed; its errors go to the screen."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def document(*command: str) -> Any:
    """A command's JSON."""
    return json.loads(output(*command))


def seconds(command: Sequence[str]) -> float:
    """Wall-clock time of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
