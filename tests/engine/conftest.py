"""The real engine in folders of its own, on clouds that only write down what they are asked."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest

from offline.cli import pulumi_folder
from offline.recording.store import FILE, Store
from sandbox import layout
from tests.engine import vault
from tests.engine.forkserver import virtualenv
from tests.program import ROOT, Result

pytest.register_assert_rewrite("tests.engine.clouds")
SECONDS = 180
AT_THE_END: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""For a project whose state is to be written once for each command, and not once for each resource."""


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder, with a state of its own."""

    folder: Path
    environment: Mapping[str, str]
    recording: Store

    def write(self, program: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(program)

    def configure(self, **values: str) -> None:
        """Set the stack's configuration, as `pulumi config set` does, but at once."""
        file = self.folder / "Pulumi.test.yaml"
        kept = [line for line in file.read_text().splitlines() if line.startswith(("encrypt", "secrets"))]
        config = {f"tiny:{key}": value for key, value in values.items()}
        file.write_text("\n".join([*kept, f"config: {json.dumps(config)}", ""]))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A `pulumi` command in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", *words, "--stack", "test", "--non-interactive"],
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> Result:
        """A `pulumi` command to its end."""
        process = self.start(*words)
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Result(process.returncode, output)

    def ok(self, *words: str) -> Result:
        """As `run`, of a command that must succeed."""
        result = self.run(*words)
        assert result.code == 0, result.output
        return result

    def up(self) -> Result:
        """`pulumi up` that must succeed."""
        return self.ok("up", "--yes", "--skip-preview")

    def change(self) -> AbstractContextManager[dict[str, Any]]:
        """What exists and how it behaves, to be looked at or changed."""
        return self.recording.open()

    def state(self) -> str:
        """The stack's state as it is stored."""
        return (self.folder / "state/.pulumi/stacks/tiny/test.json").read_text()


def plugin_home(folder: Path, commands: Mapping[str, Sequence[str]], python: str = sys.executable) -> Path:
    """A PULUMI_HOME whose plugins (folder name -> command) are run by a Python.

    Where its folder for logs should be is a file: the log of every call, which nobody reads, takes up to a quarter of
    the time of the engine.
    """
    folder.mkdir()
    (folder / "logs").touch()
    for name, command in commands.items():
        program = folder / "plugins" / name / f"pulumi-{name.rpartition('-v')[0]}"
        program.parent.mkdir(parents=True)
        words = shlex.join([python, "-m", *command])
        program.write_text(f'#!/bin/sh\nexec env PYTHONPATH={shlex.quote(str(ROOT))} {words} "$@"\n')
        program.chmod(0o755)
    return folder


def make_project(
    folder: Path,
    plugins: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    virtualenv: Path = Path(sys.prefix),
) -> Project:
    """A project `tiny` with the stack `test`, whose plugins are `plugins` and our language host. The program and they
    are run by the Python of `virtualenv`."""
    cli = pulumi_folder(layout.from_environment().cache)
    host = {f"language-python-v{metadata.version('pulumi')}": ("offline.language",)}
    home = plugin_home(folder / "home", {**host, **plugins}, str(virtualenv / "bin" / "python"))
    (folder / "state").mkdir()
    runtime = {"name": "python", "options": {"toolchain": "uv", "virtualenv": str(virtualenv)}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "tiny", "runtime": runtime}))
    values = {
        "PATH": f"{cli}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "GOGC": "400",
        **vault.environment(),
    }
    recording = Store(folder / "recording.json")
    project = Project(folder, {**os.environ, **values, **environment, FILE: str(recording.file)}, recording)
    _init(project)
    return project


_NEW_STACK: Final[dict[Path, bytes]] = {}
"""What the first `pulumi stack init` has made: it is the same for all projects."""


def _init(project: Project) -> None:
    """Makes the stack."""
    folder = project.folder
    if not _NEW_STACK:
        project.ok("stack", "init", f"--secrets-provider={vault.PROVIDER}")
        files = [folder / "Pulumi.test.yaml", *(folder / "state").rglob("*")]
        _NEW_STACK.update({file.relative_to(folder): file.read_bytes() for file in files if file.is_file()})
    for name, content in _NEW_STACK.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def recorders(packages: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Plugins that record, as `make_project` takes them, of Pulumi packages and those of Python that they go with."""
    return {
        f"resource-{name}-v{metadata.version(package)}": ("offline.recording", name)
        for name, package in packages.items()
    }


LOCAL: Final = {"kubernetes": "pulumi-kubernetes", "docker-build": "pulumi-docker-build"}
"""The packages of the program without a cloud."""


@pytest.fixture
def project(tmp_path: Path, python: Path) -> Project:
    """A project on recorded clouds."""
    return make_project(tmp_path, recorders(LOCAL), {}, python)


@pytest.fixture
def processes(tmp_path: Path) -> Project:
    """The same with plugins and program as users have them: processes that import what they need, and take signals."""
    return make_project(tmp_path, recorders(LOCAL), {})


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A virtual environment whose Python has everything imported; one for all tests of a worker."""
    with virtualenv(tmp_path_factory.mktemp("venv")) as folder:
        yield folder
