"""The program on a cloud, under the real engine over a recording of everything: cloud, Kubernetes, image builds.

`tests/engine/aws.py` and `tests/engine/gcp.py` say what is particular to theirs, as a `Target`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from components.images import IMAGES
from offline.recording.strict.world import Thing, World
from tests.engine.conftest import AT_THE_END, Project, make_project, recorders
from tests.engine.fake_api import serve
from tests.program import Result, link

SETTINGS: Final[dict[str, Any]] = {
    "adminCidrs": ["8.8.4.0/24"],
    "sheet": "samples/na12878.csv",
    "reference": "samples/na12878-chr22/reference.fa",
    "wait": False,
    "classes": {
        "small": {"cpu": "1", "memory": "4Gi", "scratch": "100Gi"},
        "huge": {"cpu": "16", "memory": "115Gi", "scratch": "200Gi"},
    },
}
"""What a stack has on any cloud; how large `large` is depends on its machines."""

# What gives tokens for a cluster that asks nobody who they are.
_TOKEN: Final = """#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "recorded"}}'
"""
KEEP: Final = ("destroy", "--yes", "--skip-preview", "--exclude-protected")
"""`make destroy` of a cloud."""

Touched = dict[str, set[str]]
"""Operation -> names of resources without the stack's."""
Batch = list[tuple[dict[str, Any], Touched]]
"""Settings, and what each of them touches. None touches in another way what another one touches, so that it adds up."""

OF_SMALL: Final[Touched] = {"update": {"job-fastqc", "job-variants"}, "replace": {"pipeline-NA12878", "sheet"}}
"""What the size class `small` touches: all that has a step of it."""


@dataclass(frozen=True)
class Target:
    """What tests have to know of a cloud."""

    packages: Mapping[str, str]
    """Pulumi packages of a stack there, and those of Python that they go with."""
    settings: Mapping[str, Any]
    """The stack file, without `biojobs:`."""
    world: type[World]
    cluster: str
    """Type of the cluster."""
    reached: Callable[[str, str], Mapping[str, Any]]
    """The cluster's outputs, given the address (host:port) of its API server and its authority (PEM)."""
    token_command: str
    """What kubeconfigs name for a token."""
    tls: bool = False
    """Whether kubeconfigs say https of whatever address the cluster has."""


class CloudProgram:
    """The program in a project of its own. The stack is called `test`."""

    def __init__(self, project: Project, target: Target) -> None:
        self.project, self.target = project, target

    def configure(self, **settings: Any) -> None:
        """Writes the stack file: the usual settings, with these in their places; one that is None is left out."""
        file = self.project.folder / "Pulumi.test.yaml"
        kept = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "config"}
        wanted = {**self.target.settings, **settings}
        config = {f"biojobs:{key}": value for key, value in wanted.items() if value is not None}
        file.write_text(yaml.safe_dump({**kept, "config": config}))

    def plan(self) -> dict[str, str]:
        """Resource -> what the next `up` would do with it, as `create`, `update`, `replace` or `delete`."""
        told = json.loads(self.project.ok("preview", "--json").output)
        steps = {step["urn"].split("::", 2)[2]: step["op"] for step in told["steps"]}
        short = {urn.split("$")[-1]: op for urn, op in steps.items()}
        return {urn: _OPERATIONS[op] for urn, op in short.items() if op in _OPERATIONS}

    def touched(self, batch: Batch, **usual: Any) -> tuple[dict[str, str], dict[str, str]]:
        """What the next `up` would do with a batch's settings by the names of resources, and what it should do."""
        settings: dict[str, Any] = {"classes": self.target.settings["classes"], **usual}
        expected: dict[str, str] = {}
        for setting, touched in batch:
            settings = merged(settings, setting)
            expected |= {f"test-{name}": operation for operation, names in touched.items() for name in names}
        self.configure(**settings)
        return {urn.rpartition("::")[2]: op for urn, op in self.plan().items()}, expected

    def up(self) -> Result:
        """`up` that must succeed."""
        return self.project.up()

    def nothing_left_to_do(self) -> int:
        """The number of resources, of which the next `up` must change none."""
        said = self.up().changes()
        assert re.fullmatch(r"\d+ unchanged", said), said
        return int(said.split()[0])

    def things(self, called: str = "") -> list[Thing]:
        """What there is in the cloud: of one kind, or all."""
        with self.project.change() as content:
            return list(self.target.world(content).things(called))

    def there(self) -> dict[str, list[str]]:
        """Ids of what there is in the cloud, by what it is called."""
        found: dict[str, list[str]] = {}
        for thing in self.things():
            found.setdefault(thing.kind.called, []).append(thing.id)
        return found

    def calls(self) -> list[tuple[str, str]]:
        """What was done: operation and name."""
        return [(operation, key) for operation, key in self.project.recording.calls()]


class Stack:
    """A stack that tests share, and what the plan of its first `up` said."""

    def __init__(self, program: CloudProgram, **settings: Any) -> None:
        program.configure(**settings)
        self.program = program
        self.planned = program.plan()
        assert program.there() == {}
        self.first = program.up()

    def comes_up_as_planned_and_stays(self) -> None:
        """Asserts that the plan was to make things alone, that they were made, and that a second `up` has nothing to
        do."""
        assert set(self.planned.values()) == {"create"}
        assert self.first.changes().startswith("+ "), self.first.output
        assert self.program.nothing_left_to_do() >= len(self.planned)

    def types(self, package: str) -> set[str]:
        """Types of the plan's resources of a Pulumi package."""
        types = {urn.partition("::")[0] for urn in self.planned}
        return {kind for kind in types if kind.startswith(f"{package}:")}

    def said(self, attribute: str) -> list[dict[str, str]]:
        """The tags or labels of everything that has some."""
        found = [thing.state[attribute] for thing in self.program.things() if attribute in thing.state]
        assert found
        return found

    def hides(self, secret: str, registry: str) -> None:
        """Asserts that a registry's secret is nowhere in clear, and that each image was pushed with it, once."""
        program = self.program
        assert secret not in program.project.state()
        assert secret not in self.first.output
        assert secret not in str([thing.state for thing in program.things()])
        with program.project.change() as content:
            pushed = {
                name.rpartition("/")[2]: len(tags) for name, tags in content["contents"].items() if registry in name
            }
        assert pushed == dict.fromkeys(IMAGES, 1)

    def goes_but_for(self, kinds: set[str], *slow: str) -> None:
        """Asserts that `destroy` leaves things of these kinds alone, and that the next `up` finds them.

        What is `slow` must be waited for: nothing that it needs goes meanwhile.
        """
        program = self.program
        kept = {kind: ids for kind, ids in program.there().items() if kind in kinds}
        assert kept.keys() == kinds
        with program.project.change() as content:
            content["delays"] = dict.fromkeys(slow, 2)
        program.project.ok(*KEEP)
        with program.project.change() as content:
            content["delays"] = {}
        assert program.there() == kept
        # Nothing is left in the cluster, which is gone.
        assert len(program.project.recording.section("objects")) == sum(map(len, kept.values()))
        again = program.up().changes()
        assert re.fullmatch(r"\+ \d+ created \d+ unchanged", again), again
        assert {kind: ids for kind, ids in program.there().items() if kind in kinds} == kept


def belongs(said: Mapping[str, str]) -> bool:
    """Whether tags or labels say whose something is."""
    return {**said, "project": "biojobs", "stack": "test", "managed-by": "pulumi"} == said


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both, object by object."""
    both = {key: merged(first[key], value) for key, value in second.items() if isinstance(first.get(key), dict)}
    return {**first, **second, **both}


_OPERATIONS: Final = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
}


@contextmanager
def cloud_program(target: Target, folder: Path, python: Path) -> Generator[CloudProgram]:
    """A project in an empty folder, run by the Python of a virtual environment, and an API server that says that every
    run has ended well."""
    link(folder)
    tool = folder / "bin" / target.token_command
    tool.parent.mkdir()
    tool.write_text(_TOKEN)
    tool.chmod(0o755)
    made = make_project(folder, recorders(target.packages), AT_THE_END, python)
    path = f"{tool.parent}:{made.environment['PATH']}"
    project = Project(folder, {**made.environment, "PATH": path}, made.recording)
    with serve(project.recording, {}, folder / "kubeconfig", tls=target.tls) as (address, authority):
        with project.change() as content:
            content["outputs"][target.cluster] = dict(target.reached(address, authority))
        program = CloudProgram(project, target)
        program.configure()
        yield program


MOST_UPS: Final = 25
# What the engine and the SDK say besides: with --continue-on-error the SDK's program ends with the first failure.
_AFTERWARDS: Final = ("update failed", "Program failed with an unhandled exception:")
_EXCEPTIONS: Final = {"error", "pulumi.runtime.stack.ResourceRegistrationFailed"}


def fail_each_once(program: CloudProgram) -> None:
    """Lets each resource fail the first time that it is made, and `up` go on until all is there, once.

    Asserts that nothing else is told meanwhile, and that then there is nothing left to do.
    """
    with program.project.change() as content:
        content["fail_first"] = True
    # Independent branches go on, so that each `up` gets one level further.
    words = ("up", "--yes", "--skip-preview", "--continue-on-error")
    last = program.project.run(*words)
    for _ in range(MOST_UPS):
        if last.code == 0:
            break
        errors = re.findall(r"^    error: (.*)$", last.output, re.MULTILINE)
        assert [error for error in errors if "injected" not in error and error not in _AFTERWARDS] == []
        assert set(re.findall(r"^    ([\w.]+): ", last.output, re.MULTILINE)) <= _EXCEPTIONS
        last = program.project.run(*words)
    assert last.code == 0, last.output
    urns = Counter(thing.urn for thing in program.things())
    with program.project.change() as content:
        assert urns.keys() <= content["survived"].keys()
        assert {"Workflow/reference", "Namespace/argo"} <= {key.partition("-")[0] for key in content["survived"]}
        content["fail_first"] = False
    assert [urn for urn, count in urns.items() if count > 1] == []
    program.nothing_left_to_do()
