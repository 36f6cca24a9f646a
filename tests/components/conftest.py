"""The one recording mock engine of the component tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pulumi
import pytest

Test = TypeVar("Test", bound=Callable[..., Any])


def drained(test: Test) -> Test:
    """Runs a test to the end of every output: without it a failed apply would pass."""
    return cast(Test, pulumi.runtime.test(test))  # pyright: ignore[reportUnknownMemberType]


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Records every resource with the inputs that the engine would get."""

    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str], dict[str, Any]])

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = cast(dict[str, Any], args.inputs)  # pyright: ignore[reportUnknownMemberType]
        self.resources[(args.typ.rsplit(":", 1)[-1], args.name)] = inputs
        outputs = dict(inputs)
        if args.typ == "docker-build:index:Image":
            outputs |= {"ref": f"{inputs['tags'][0]}@sha256:{'a' * 64}", "digest": "sha256:" + "a" * 64}
        if args.typ == "kubernetes:core/v1:Service":
            outputs |= {"spec": {**inputs["spec"], "clusterIP": "10.0.0.9"}}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        raise AssertionError(f"no component may call {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Inputs of all resources of a kind, by resource name."""
        return {name: inputs for (found, name), inputs in self.resources.items() if found == kind}

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Inputs of one resource."""
        return self.resources[(kind, name)]


@pytest.fixture
def recorder() -> Recorder:
    made = Recorder()
    pulumi.runtime.set_mocks(made, project="biojobs", stack="local", preview=False)
    return made


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings of the program."""
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", found.append)
    return found
