"""Components that many tests look at: built once, and their outputs read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pulumi

from tests.components.cloud import CloudRecorder
from tests.components.conftest import drained

Built = TypeVar("Built")
Value = TypeVar("Value")


class Once(Generic[Built]):
    """Builds for the same settings once; every test's recorder gets what was recorded."""

    def __init__(self) -> None:
        self._built: dict[str, tuple[Built, CloudRecorder]] = {}

    def build(self, recorder: CloudRecorder, keys: dict[str, Any], make: Callable[[], Built]) -> Built:
        """What `make` returns, built to the end of all outputs; `keys` are the settings it is made by."""
        if repr(keys) not in self._built:
            made: list[Built] = []
            recorder.build(lambda: made.append(make()))
            self._built[repr(keys)] = made[0], recorder
        built, first = self._built[repr(keys)]
        recorder.resources |= first.resources
        recorder.options |= first.options
        return built


def known(output: pulumi.Output[Value]) -> Value:
    """The value of an output, once everything is built."""
    values: list[Value] = []

    @drained
    def read() -> pulumi.Output[None]:
        return output.apply(values.append)

    read()
    return values[0]
