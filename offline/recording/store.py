"""The file with what exists in a recorded cloud, and how it should behave."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from offline.resource import ResourceError
from offline.values import Map

FILE = "BIOJOBS_RECORDING"  # the environment variable with the file's name
SECTIONS = (
    *("objects", "failures", "delays", "status", "outputs", "applied"),
    *("invokes", "contents", "zones", "left", "made", "survived", "taken", "machines"),
)


class Store:
    """Read and changed as a whole, under a lock, so that several plugins and a test may share it."""

    def __init__(self, file: Path) -> None:
        """`file` need not exist."""
        self.file = file

    @contextmanager
    def open(self) -> Generator[Map]:
        """Its content; what the block changes is written."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            handle.seek(0)
            text = handle.read()
            content: Map = json.loads(text) if text else {}
            for section in SECTIONS:
                content.setdefault(section, {})
            content.setdefault("calls", [])
            content.setdefault("fail_first", False)
            yield content
            # Without an indent, for which Python's encoder is twenty times slower: there are hundreds of objects.
            if (after := json.dumps(content)) != text:
                handle.truncate(0)
                handle.write(after)

    def section(self, name: str) -> Map:
        """A copy of one part."""
        with self.open() as content:
            return cast(Map, content[name])

    def calls(self) -> list[list[str]]:
        """What was done so far: [operation, key]."""
        with self.open() as content:
            return cast(list[list[str]], content["calls"])

    def behave(self, operation: str, key: str, cancelled: threading.Event | None = None, urn: str = "") -> None:
        """Write the call down; take as long as told, and fail if told. Raises `ResourceError`.

        `urn` tells resources of one name apart, where everything is to fail once.
        """
        who = urn or key
        with self.open() as content:
            content["calls"].append([operation, key])
            failure: Any = content["failures"].get(key)
            if content["fail_first"] and operation in ("create", "apply") and who not in content["survived"]:
                content["survived"][who] = True
                failure = "injected: the first time fails"
            delayed = key in content["delays"]
        if delayed:
            self._delay(f"{operation} {key}", key, cancelled or threading.Event())
        if failure:
            raise ResourceError(f"{operation} {key}: {failure}")

    def _delay(self, doing: str, key: str, cancelled: threading.Event) -> None:
        """As long as told, or until told otherwise."""
        started = time.monotonic()
        while time.monotonic() - started < float(self.section("delays").get(key, 0)):
            if cancelled.wait(0.2):
                raise ResourceError(f"{doing}: cancelled")
