"""What tests of the registries of all clouds look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.contracts import Registry
from tests.components.cloud import CloudRecorder


def access(recorder: CloudRecorder, make: Callable[[], Registry]) -> list[Any]:
    """Address, user, password and whether the password is secret."""
    found: list[Any] = []

    def build() -> None:
        made = make()
        outputs = [pulumi.Output.from_input(value) for value in (made.address, made.username, made.password)]
        secret = pulumi.Output.from_input(outputs[2].is_secret())
        pulumi.Output.unsecret(pulumi.Output.all(*outputs, secret)).apply(found.extend)

    recorder.build(build)
    return found


def awaited(recorder: CloudRecorder, make: Callable[[], Registry]) -> set[str]:
    """Names of the resources that whoever uses the address waits for."""
    found: set[str] = set()

    async def resources(address: pulumi.Output[str]) -> None:
        found.update(resource._name for resource in await address.resources())  # pyright: ignore[reportPrivateUsage]

    recorder.build(lambda: pulumi.Output.from_input(resources(pulumi.Output.from_input(make().address))))
    return found


def copies(recorder: CloudRecorder, make: Callable[[], Mapping[str, pulumi.Output[str]]]) -> dict[str, str]:
    """What a mirror gives for each reference."""
    found: dict[str, str] = {}
    recorder.build(lambda: pulumi.Output.all(**make()).apply(found.update))
    return found
