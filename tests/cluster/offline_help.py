"""A Pulumi project on the sandbox through the stand-ins, and kubectl in a namespace of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from offline.env import environment
from tests.engine.conftest import Project, make_project

PAUSE = "localhost:5050/biojobs-sandbox/pause:1"
HEAD = """
import pulumi
import pulumi_kubernetes as k8s
config = pulumi.Config()
provider = k8s.Provider("sandbox", context="biojobs-sandbox")
on = pulumi.ResourceOptions(provider=provider)
space = k8s.core.v1.Namespace("space", metadata={"name": "SPACE"}, opts=on)
inside = pulumi.ResourceOptions(provider=provider, depends_on=[space])
def named(name, **more): return {"name": name, "namespace": "SPACE", **more}
def pod(image="PAUSE", **more):
    return {"termination_grace_period_seconds": 0, "containers": [{"name": "main", "image": image, **more}]}
"""
PLUGINS = {
    "kubernetes": ("pulumi-kubernetes", "offline.kubernetes"),
    "docker-build": ("pulumi-docker-build", "offline.dockerbuild"),
}
_TAKEN = ("PATH", "KUBECONFIG", "DOCKER_HOST", "DOCKER_CONFIG")


@dataclass(frozen=True)
class Sandbox:
    """One project and its namespace."""

    project: Project
    space: str

    def program(self, text: str) -> None:
        """Replace the program; SPACE and PAUSE stand for the namespace and an image that does nothing."""
        self.project.write((HEAD + text).replace("SPACE", self.space).replace("PAUSE", PAUSE))

    def tool(self, *words: str) -> str:
        """The output of a command on the sandbox."""
        return subprocess.run(
            words, env=dict(self.project.environment), check=True, capture_output=True, text=True
        ).stdout

    def kubectl(self, *words: str) -> str:
        """kubectl in the namespace."""
        return self.tool("kubectl", "--namespace", self.space, *words)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object, as it is."""
        return json.loads(self.kubectl("get", kind, name, "--output", "json"))

    def fails(self, *words: str) -> str:
        """The output of a command that must fail, in a way made for a person."""
        result = self.project.run(*(words or ("up", "--yes", "--skip-preview")))
        assert result.code != 0, result.output
        assert "Traceback" not in result.output, result.output
        return " ".join(result.output.split())  # the engine wraps nothing, but indents


def make_sandbox(folder: Path, space: str, more: Mapping[str, str]) -> Sandbox:
    """A project in `folder`; `more` is added to its environment."""
    plugins = {f"resource-{name}-v{metadata.version(package)}": (main,) for name, (package, main) in PLUGINS.items()}
    values = {key: value for key, value in environment("local").items() if key in _TAKEN}
    return Sandbox(make_project(folder, plugins, {**values, **more}), space)


def clear(sandbox: Sandbox) -> None:
    """Take all away, however the test went, and do not wait for it."""
    leftovers = (
        f"namespace/{sandbox.space}",
        f"customresourcedefinition/runs.{sandbox.space}.test",
        f"persistentvolume/volume-{sandbox.space}",
        f"storageclass/lazy-{sandbox.space}",
    )
    sandbox.tool("kubectl", "delete", *leftovers, "--ignore-not-found", "--wait=false")
