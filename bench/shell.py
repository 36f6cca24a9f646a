"""Commands of the measurements."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from typing import Any

import versions
from components.images import image_tag

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


def image(name: str) -> str:
    """An image of ours as `up` has pushed it last, from what is in the tree."""
    return f"{REGISTRY}/{name}:{image_tag(name, versions.BASE_IMAGE)}"
