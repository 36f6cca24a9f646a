"""Images of the docker-build stand-in, built by the sandbox's dockerd and pushed to its registry."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cluster.offline_help import Sandbox, clear, make_sandbox
from tests.cluster.sandbox_help import require_sandbox

PROGRAM = """
import pulumi
import pulumi_docker_build as docker_build
config = pulumi.Config()
image = docker_build.Image("image",
    context={"location": "context", "named": {"tools": {"location": "tools"}}},
    dockerfile={"location": "context/Dockerfile"}, build_args={"WORD": config.get("word") or "one"},
    tags=["localhost:5050/biojobs-test/NAME:1"], platforms=["linux/amd64"], registries=[],
    push=True, build_on_preview=config.get_bool("preview") or False)
pulumi.export("ref", image.ref)
pulumi.export("hash", image.context_hash)
"""
DOCKERFILE = """FROM scratch
ARG WORD
COPY --from=tools tool /tool
COPY data /data
LABEL word=$WORD
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Generator[Sandbox]:
    require_sandbox()
    box = make_sandbox(tmp_path, f"offline-{uuid.uuid4().hex[:8]}", {})
    for folder in ("context", "tools"):
        (tmp_path / folder).mkdir()
    (tmp_path / "context/Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "context/.dockerignore").write_text("*.log\n!kept.log\n")
    (tmp_path / "context/data").write_text("reads")
    (tmp_path / "tools/tool").write_text("tool")
    box.project.write(PROGRAM.replace("NAME", box.space))
    yield box
    box.project.run("destroy", "--yes", "--skip-preview")
    clear(box)


def output(sandbox: Sandbox, name: str) -> str:
    return sandbox.project.ok("stack", "output", name).output.strip()


def test_an_image_is_built_when_and_only_when_what_it_is_made_of_changes(sandbox: Sandbox) -> None:
    folder = sandbox.project.folder
    sandbox.project.up()
    first = output(sandbox, "ref")
    assert first.startswith(f"localhost:5050/biojobs-test/{sandbox.space}@sha256:")
    (folder / "context/noise.log").write_text("ignored")
    (folder / "context/data").touch()
    assert sandbox.project.up().changes() == "2 unchanged"
    (folder / "tools/tool").write_text("a better tool")
    assert sandbox.project.up().changes() == "~ 1 updated 1 unchanged"
    second = output(sandbox, "ref")
    assert second != first
    sandbox.project.configure(word="two")
    preview = sandbox.project.ok("preview")
    assert preview.changes() == "~ 1 to update 1 unchanged"
    assert second not in preview.output  # there will be another one, not yet known
    sandbox.project.up()
    assert output(sandbox, "ref") != second


def test_an_image_that_the_registry_lost_is_built_again(sandbox: Sandbox) -> None:
    sandbox.project.up()
    name, _, digest = output(sandbox, "ref").partition("@")
    repository = name.partition("/")[2]
    url = f"http://localhost:5050/v2/{repository}/manifests/{digest}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()
    assert "1 updated" in sandbox.project.up().changes()
    urllib.request.urlopen(urllib.request.Request(url, method="HEAD")).close()


def test_a_failed_build_tells_all_that_the_builder_said(sandbox: Sandbox) -> None:
    (sandbox.project.folder / "context/Dockerfile").write_text("FROM scratch\nCOPY missing /missing\n")
    told = sandbox.fails()
    assert "failed with exit code 1" in told
    assert "COPY missing /missing" in told
    assert '"/missing": not found' in told


def test_a_build_in_the_preview_is_refused(sandbox: Sandbox) -> None:
    sandbox.project.configure(preview="true")
    assert "set build_on_preview=False" in sandbox.fails("preview")
