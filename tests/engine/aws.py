"""The program on AWS, under the real engine over a recording of everything: AWS, Kubernetes, Docker, image builds."""

from __future__ import annotations

import functools
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import yaml

from offline.recording.aws.world import World
from tests.engine.conftest import Project, make_project
from tests.engine.fake_api import serve
from tests.engine.forkserver import virtualenv
from tests.program import Result, link

PACKAGES: Final = {
    "aws": "pulumi-aws",
    "docker": "pulumi-docker",
    "docker-build": "pulumi-docker-build",
    "kubernetes": "pulumi-kubernetes",
}
REGION: Final = "eu-west-1"
SETTINGS: Final[dict[str, Any]] = {
    "cloud": "aws",
    "region": REGION,
    "adminCidrs": ["8.8.4.0/24"],
    "sheet": "samples/na12878.csv",
    "reference": "samples/na12878-chr22/reference.fa",
    "wait": False,
    "classes": {
        "small": {"cpu": "1", "memory": "4Gi", "scratch": "100Gi"},
        "large": {"cpu": "94", "memory": "170Gi", "scratch": "400Gi"},
        "huge": {"cpu": "16", "memory": "115Gi", "scratch": "200Gi"},
    },
}
# `aws eks get-token` of a cluster that asks nobody who they are.
_GET_TOKEN: Final = """#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "recorded"}}'
"""


# The state is written once for each command, and not once for each of two hundred resources.
_AT_THE_END: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}


class AwsProgram:
    """The program in a project of its own. The stack is called `test`."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def configure(self, **settings: Any) -> None:
        """Writes the stack file: the usual settings, with these in their places."""
        file = self.project.folder / "Pulumi.test.yaml"
        kept = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "config"}
        config = {f"biojobs:{key}": value for key, value in {**SETTINGS, **settings}.items() if value is not None}
        file.write_text(yaml.safe_dump({**kept, "config": config}))

    def plan(self) -> dict[str, str]:
        """Resource -> what the next `up` would do with it, as `create`, `update`, `replace` or `delete`."""
        told = json.loads(self.project.ok("preview", "--json").output)
        steps = {step["urn"].split("::", 2)[2]: step["op"] for step in told["steps"]}
        short = {urn.split("$")[-1]: op for urn, op in steps.items()}
        return {urn: _OPERATIONS[op] for urn, op in short.items() if op in _OPERATIONS}

    def changes(self, **settings: Any) -> dict[str, str]:
        """As `plan`, with other settings; names alone, without their types."""
        self.configure(**settings)
        return {urn.rpartition("::")[2]: op for urn, op in self.plan().items()}

    def up(self) -> Result:
        """`up` that must succeed."""
        return self.project.up()

    def there(self) -> dict[str, list[str]]:
        """Ids of what there is in AWS, by what it is called."""
        found: dict[str, list[str]] = {}
        with self.project.change() as content:
            for thing in World(content).things():
                found.setdefault(thing.kind.called, []).append(thing.id)
        return found

    def calls(self) -> list[tuple[str, str]]:
        """What was done: operation and name."""
        return [(operation, key) for operation, key in self.project.recording.calls()]


_OPERATIONS: Final = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
}


@contextmanager
def aws_program(folder: Path, environment: Mapping[str, str] | None = None) -> Generator[AwsProgram]:
    """A project in an empty folder, and an API server that says that every run has ended well."""
    plugins = {
        f"resource-{name}-v{metadata.version(package)}": ("offline.recording", name)
        for name, package in PACKAGES.items()
    }
    link(folder)
    tool = folder / "bin" / "aws"
    tool.parent.mkdir()
    tool.write_text(_GET_TOKEN)
    tool.chmod(0o755)
    made = make_project(folder, plugins, {**_AT_THE_END, **(environment or {})})
    path = f"{tool.parent}:{made.environment['PATH']}"
    project = Project(folder, {**made.environment, "PATH": path}, made.recording)
    kubeconfig = folder / "kubeconfig"
    with serve(project.recording, {}, kubeconfig), virtualenv(folder / "venv") as python:
        about = json.loads((folder / "Pulumi.yaml").read_text())
        about["runtime"]["options"]["virtualenv"] = str(python)
        (folder / "Pulumi.yaml").write_text(json.dumps(about))
        server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        with project.change() as content:
            content["outputs"]["aws:eks/cluster:Cluster"] = {"endpoint": server}
        program = AwsProgram(project)
        program.configure()
        yield program


@functools.cache
def permitted() -> frozenset[str]:
    """Resource types that the deployer's policy speaks of."""
    from components.aws.permissions import ACTIONS

    return frozenset(ACTIONS)
