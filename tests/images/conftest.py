"""The images are built once for all tests; a workspace is a folder that containers see."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.images import docker, reads

KEY_ID = "biojobs-tests"
SECRET = "not-a-secret"
DEAREST = "test_variants.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The dearest file first: begun last, as its name would have it, it would leave the other worker with nothing."""
    items.sort(key=lambda item: item.path.name != DEAREST)


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """All three images, from the layer cache where nothing changed."""
    if reason := docker.why_not():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    for name in docker.NAMES:
        docker.build(name)


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    """A workspace's folder for all tests of a file."""
    made = _folder()
    yield made
    shutil.rmtree(made)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="biojobs-images-"))
    folder.chmod(0o777)
    for name in ("reads", "steps"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    return folder


@pytest.fixture
def workspace() -> Generator[docker.Workspace]:
    """Has the reference and its index."""
    folder = _folder()
    yield docker.Workspace(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def index() -> Generator[Path]:
    """The folder with the reference and its bwa-mem2 index, made by the step itself."""
    folder = _folder()
    space = docker.Workspace(folder)
    fasta = space.put("reads/reference.fa", reads.reference())
    outcome = space.run("index", "--fasta", fasta, "--checksum", "none", "--out", "/data/reference")
    assert outcome.code == 0, outcome.stderr
    yield folder / "reference"
    shutil.rmtree(folder)


@pytest.fixture
def indexed(workspace: docker.Workspace, index: Path) -> docker.Workspace:
    """A workspace with reads/R1.fastq.gz, reads/R2.fastq.gz and reference/."""
    shutil.copytree(index, workspace.path / "reference")
    for mate in (1, 2):
        workspace.put(f"reads/R{mate}.fastq.gz", reads.gzipped(mate))
    return workspace


@dataclass
class Server:
    """`rclone serve s3` over a workspace, as the image `store` runs it."""

    space: docker.Workspace
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        rclone = docker.ROOT / ".venv" / "bin" / "rclone"
        words = [str(rclone), "serve", "s3", str(self.space.path), f"--addr=127.0.0.1:{self.port}"]
        words += [f"--auth-key={KEY_ID},{SECRET}", "--dir-cache-time=2s"]
        env = dict(os.environ) | {"RCLONE_CONFIG": "/dev/null"}
        self.process = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("rclone serve s3 does not listen")

    def stop(self) -> None:
        """Kill it as a lost node would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(indexed: docker.Workspace) -> Generator[Server]:
    """The folders of the workspace as buckets; `server.space` has the right environment."""
    port = _free_port()
    (indexed.path / "results").mkdir()
    (indexed.path / "results").chmod(0o777)
    pairs = (
        f"BIOJOBS_S3_ENDPOINT=http://127.0.0.1:{port}",
        f"AWS_ACCESS_KEY_ID={KEY_ID}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
    )
    running = Server(docker.Workspace(indexed.path, pairs), port)
    running.start()
    yield running
    running.stop()
