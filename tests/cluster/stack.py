"""A whole stack of the program on the sandbox, with a sheet, a workspace and a state of its own."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import yaml

from tests.program import ROOT, Result, link

DATA = ROOT / "samples" / "na12878-chr22"
R1, R2 = DATA / "NA12878_1.fastq.gz", DATA / "NA12878_2.fastq.gz"
PAIRS = 1633
UP = ("up", "--yes", "--skip-preview")
LEAN = {"variants": {"call": False}, "multiqc": False}
"""Settings of a run that ends with its BAM, for what has nothing to do with what follows."""
NAMESPACES = ("biojobs", "argo", "biojobs-store")
SECONDS = 900
CLASSES = {
    "small": {"cpu": "200m", "memory": "1Gi", "scratch": "2Gi"},
    "large": {"cpu": "700m", "memory": "4Gi", "scratch": "2Gi"},
    "huge": {"cpu": "700m", "memory": "4Gi", "scratch": "2Gi"},
    "gpu": {"cpu": "500m", "memory": "1Gi", "scratch": "2Gi"},
}


@dataclass
class Stack:
    """A stack `local` of its own; `folder` holds its state, its stack file, its sheet and its workspace."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def project(self) -> Path:
        """The program under a folder of its own, so that its stack file is not the user's."""
        return self.folder / "project"

    def prepare(self) -> None:
        """Links the program into the project's folder, and makes the stack in a state of its own."""
        self.project.mkdir()
        link(self.project, "Pulumi.yaml", ".venv", "cli")
        (self.folder / "state").mkdir()
        ended = self.run("stack", "init")
        assert ended.code == 0, ended.output

    @property
    def workspace(self) -> Path:
        """The folder that is the store."""
        return self.folder / "workspace"

    def results(self, sample: str) -> Path:
        """Folder of a sample's results."""
        return self.workspace / "results" / sample

    def record(self, sample: str, step: str = "") -> dict[str, Any]:
        """A step's record, or the run's."""
        file = self.results(sample) / (f".steps/{step}.json" if step else "run.json")
        return cast(dict[str, Any], json.loads(file.read_text()))

    def reads(self, name: str, content: bytes) -> str:
        """Puts a file into the workspace; its location for the sheet."""
        file = self.workspace / "reads" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return f"reads/{name}"

    def good(self, name: str) -> tuple[str, str]:
        """Copies of the real reads under a name of their own."""
        first, second = R1.read_bytes(), R2.read_bytes()
        return self.reads(f"{name}_1.fastq.gz", first), self.reads(f"{name}_2.fastq.gz", second)

    def sheet(self, rows: dict[str, tuple[str, str]]) -> None:
        """Writes the sheet: the two files of each sample."""
        lines = [f"{sample},{first},{second}" for sample, (first, second) in rows.items()]
        (self.folder / "sheet.csv").write_text("\n".join(["sample,fastq_1,fastq_2", *lines]) + "\n")

    def command(self, *words: str) -> list[str]:
        """A pulumi command for this stack, after its stack file has been written."""
        config = {"cloud": "local", "sheet": str(self.folder / "sheet.csv"), "workspace": str(self.workspace)}
        values = {"reference": "samples/na12878-chr22/reference.fa", "classes": CLASSES, **config, **self.settings}
        stack_file = self.project / "Pulumi.local.yaml"
        known: dict[str, Any] = yaml.safe_load(stack_file.read_text()) if stack_file.exists() else {}
        known["config"] = {f"biojobs:{key}": value for key, value in values.items()}
        stack_file.write_text(yaml.safe_dump(known))
        return ["pulumi", *words, "--stack", "local", "--non-interactive"]

    def run(self, *words: str, seconds: float = SECONDS) -> Result:
        """Runs a pulumi command to its end; an interrupted test lets it end in good order."""
        running = self.begin(*words)
        try:
            output = running.communicate(timeout=seconds)[0]
        except BaseException:
            interrupt(running)
            raise
        return Result(running.returncode, output)

    def remove(self) -> None:
        """Takes away what an `up` made, however it ended, and the folder."""
        self.run("cancel", "--yes")
        self.run("destroy", "--yes", "--skip-preview")
        subprocess.run(["kubectl", "delete", "namespace", "--ignore-not-found", *NAMESPACES], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def up(self) -> Result:
        """`pulumi up`, however it ends."""
        return self.run(*UP)

    def succeed(self) -> Result:
        """`pulumi up` that must succeed."""
        ended = self.up()
        assert ended.code == 0, ended.output[-6000:]
        return ended

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Starts a pulumi command, `up` unless another is given, in a process group of its own."""
        return subprocess.Popen(
            self.command(*(words or UP)),
            cwd=self.project,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@contextlib.contextmanager
def changed(stack: Stack, settings: dict[str, Any]) -> Generator[None]:
    """Other settings for a while; what was made with them stays until the next `up`."""
    before = dict(stack.settings)
    stack.settings |= settings
    try:
        yield
    finally:
        stack.settings = before


def interrupt(running: subprocess.Popen[str]) -> str:
    """What Ctrl-C does; what the command printed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGINT)
    return running.communicate(timeout=120)[0]


@functools.cache
def make_env() -> dict[str, str]:
    """What `make env` gives a user."""
    exports = subprocess.run(
        [sys.executable, "-m", "offline.env"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    shell = subprocess.run(["bash", "-c", f"{exports}\nenv -0"], capture_output=True, text=True, check=True).stdout
    return dict(pair.split("=", 1) for pair in shell.split("\0") if "=" in pair)


def environment(folder: Path) -> dict[str, str]:
    """The same with a state of its own."""
    return {**make_env(), "PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PULUMI_CONFIG_PASSPHRASE": "test"}


def kubectl(*words: str) -> str:
    """Output of a kubectl command on the sandbox."""
    return subprocess.run(["kubectl", *words], capture_output=True, text=True, check=True, timeout=120).stdout


def workflows(kind: str = "sample") -> list[dict[str, Any]]:
    """All Workflows of a kind."""
    found = kubectl("-n", "biojobs", "get", "workflows", "-l", f"biojobs/kind={kind}", "-o", "json")
    return cast(list[dict[str, Any]], json.loads(found)["items"])


def names() -> dict[str, str]:
    """Name of the Workflow of each sample."""
    return {run["metadata"]["labels"]["biojobs/sample"]: run["metadata"]["name"] for run in workflows()}


def created(run: dict[str, Any]) -> datetime:
    """When a Workflow was made."""
    return datetime.fromisoformat(run["metadata"]["creationTimestamp"])


def await_true(what: str, condition: Callable[[], bool], seconds: float = 180) -> None:
    """Waits for a condition, with a limit."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        # Each question costs a core a good part of a second, which the pods want too.
        time.sleep(1)


def docker(image: str, *command: str, mounts: Sequence[tuple[Path, str]] = ()) -> str:
    """Output of a command in one of our images, outside Kubernetes."""
    volumes = [word for host, inside in mounts for word in ("-v", f"{host}:{inside}:ro")]
    base = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        "--user=0",
        "--tmpfs=/scratch",
        *volumes,
        "--entrypoint",
        "/bin/bash",
    ]
    return subprocess.run(
        [*base, image, "-c", *command], capture_output=True, text=True, check=True, timeout=300
    ).stdout


def halves(file: Path, at: int) -> tuple[bytes, bytes]:
    """A FASTQ cut after `at` records, both parts gzipped."""
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[: 4 * at])), gzip.compress(b"".join(lines[4 * at :]))


def unused_stack() -> str | None:
    """Why no test stack can be made on the sandbox, or None."""
    found = subprocess.run(["kubectl", "get", "namespace", "biojobs", "-o", "name"], capture_output=True, text=True)
    if found.returncode == 0 and re.search("namespace/biojobs", found.stdout):
        return "a stack is up on the sandbox; take it away first with `make destroy` (the results stay)"
    return None
