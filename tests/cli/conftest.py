"""A project with a stack on a cluster of its own, whose API server is a fake."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kubernetes.config import kube_config
from typer.testing import CliRunner, Result

from cli import stack
from cli.app import app
from components import runs
from tests.cli.fake_api import CONTEXT, FakeApi, serve, template
from tests.workflows.conftest import platform as platform  # the stack that the real templates are made for

ROOT = stack.ROOT
READS = ("fastq_1", "fastq_2", "checksum_1", "checksum_2")
Biojobs = Callable[..., Result]


@dataclass(frozen=True)
class Project:
    """A project folder with a stack `own`, its workspace, and files that lie elsewhere."""

    root: Path
    elsewhere: Path

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def put(self, path: str, text: str = "reads") -> Path:
        """A file, relative to the folder that holds project and all else."""
        file = self.root.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (root / "workspace" / "reads", root / "samples", elsewhere):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "samples" / "na12878.csv", root / "samples")
    (root / "Pulumi.own.yaml").write_text(f"config:\n  biojobs:cloud: local\n  biojobs:context: {CONTEXT}\n")
    monkeypatch.setattr(stack, "ROOT", root)
    monkeypatch.setenv("STACK", "own")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    # The client reads the variable once, when it is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(elsewhere)
    return Project(root, elsewhere)


@pytest.fixture
def api(project: Project, monkeypatch: pytest.MonkeyPatch) -> Generator[FakeApi]:
    monkeypatch.setattr(runs, "POLL_SECONDS", 0.01)
    with serve(project.root.parent / "kubeconfig") as served:
        served.templates = {
            "fastqc": template("fastqc", READS),
            "align": template("align", (*READS, "lane", "library", "platform", "reference")),
            "variants": template("variants", ("bam", "reference", "ploidy")),
            "index": template("index", ("fasta", "checksum"), "s3://reference"),
        }
        yield served


@pytest.fixture
def biojobs() -> Biojobs:
    """The command, in this process."""
    runner = CliRunner()

    def call(*words: object) -> Result:
        result = runner.invoke(app, [str(word) for word in words])
        print(result.output)  # shown with a test that fails
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call
