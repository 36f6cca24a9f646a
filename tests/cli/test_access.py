"""How the clusters of clouds are reached: by a context of the cluster's name, or by the stack's output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import access
from cli.errors import CommandError
from components.kubeconfig import TokenCommand, kubeconfig
from settings import Settings
from tests.cli.conftest import Biojobs, Project
from tests.cli.fake_api import write_kubeconfig
from tests.components.aws import answers as aws
from tests.components.gcp import answers as gcp
from tests.components.stackfile import loaded, written

KUBECONFIG = kubeconfig("biojobs-dev", "https://127.0.0.1:9", None, TokenCommand("aws", ["eks", "get-token"]))


@pytest.fixture(params=[aws.keys_of, gcp.keys_of], ids=["aws", "gcp"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return loaded(request.param())


@pytest.fixture
def pulumi(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a Pulumi CLI that does as the files there say, and writes down how it was called."""
    folder = tmp_path / "pulumi"
    folder.mkdir()
    (folder / "stdout").write_text(KUBECONFIG)
    (folder / "status").write_text("0")
    (folder / "stderr").touch()
    program = folder / "pulumi"
    program.write_text(
        '#!/bin/bash\ncd "${0%/*}"; echo "$@" > words; env > env; cat stdout; cat stderr >&2; exit $(< status)\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return folder


def test_a_context_of_the_clusters_name_is_taken(settings: Settings, pulumi: Path, project: Project) -> None:
    write_kubeconfig(project.root.parent / "kubeconfig", "127.0.0.1:9", "biojobs-dev")
    assert access.access(settings) == access.ClusterAccess("biojobs-dev")
    assert not (pulumi / "words").exists()


def test_else_the_stacks_output_is_taken(settings: Settings, pulumi: Path, project: Project) -> None:
    write_kubeconfig(project.root.parent / "kubeconfig", "127.0.0.1:9", "biojobs-prod")
    found = access.access(settings)
    assert found.context == "biojobs-dev"
    assert json.loads(found.kubeconfig or "")["current-context"] == "biojobs-dev"
    assert (pulumi / "words").read_text() == "stack output kubeconfig --stack dev --non-interactive\n"
    environment = (pulumi / "env").read_text().splitlines()
    assert any(line.startswith("PULUMI_BACKEND_URL=file:///") and line.endswith("/.state") for line in environment)
    assert "PULUMI_CONFIG_PASSPHRASE=" in environment


def test_a_backend_of_ones_own_is_asked(settings: Settings, pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    access.access(settings)
    environment = (pulumi / "env").read_text().splitlines()
    assert {"PULUMI_BACKEND_URL=s3://states", "PULUMI_CONFIG_PASSPHRASE=secret"} <= set(environment)


def test_a_stack_without_a_cluster_is_told(settings: Settings, pulumi: Path) -> None:
    (pulumi / "status").write_text("255")
    (pulumi / "stderr").write_text("error: no stack named 'dev' found\nmore words\n")
    with pytest.raises(CommandError) as refused:
        access.access(settings)
    assert str(refused.value) == (
        "stack dev is not up, or its state is not within reach (no stack named 'dev' found); run `make up STACK=dev` "
        "first, or point KUBECONFIG to a kubeconfig with the context biojobs-dev"
    )


def test_whoever_is_not_let_in_is_told_how_to_sign_in(settings: Settings) -> None:
    assert "sign in (`aws sts" in access.sign_in(settings) or "sign in (`gcloud auth" in access.sign_in(settings)


def test_the_sandbox_is_reached_by_its_own_kubeconfig(
    biojobs: Biojobs, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = loaded({"cloud": "local"}, "local")

    def on_sandbox(stack: str) -> bool:
        return stack == "local"

    monkeypatch.setattr("offline.env.uses_sandbox", on_sandbox)
    monkeypatch.setenv("BIOJOBS_SANDBOX_DIR", str(tmp_path / "sandbox"))
    with pytest.raises(CommandError, match="stack local is not up: there is no sandbox; run `make up` first"):
        access.access(local)
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "kubeconfig").write_text("its own")
    assert access.access(local) == access.ClusterAccess("biojobs-sandbox", "its own")


def test_a_local_file_for_a_stack_on_aws_is_refused_before_the_cluster_is_asked(
    biojobs: Biojobs, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.signed_out(monkeypatch)
    written(project.root, aws.keys_of())
    project.put("elsewhere/a.fq")
    result = biojobs("run", "fastqc", "--stack", "dev", "--reads", "a.fq")
    assert result.exit_code == 2
    assert "`aws s3 cp a.fq s3://YOUR-READS-BUCKET/a.fq`" in result.stderr


@pytest.mark.parametrize(("keys_of", "scheme"), [(aws.keys_of, "s3"), (gcp.keys_of, "gs")])
def test_the_upload_command_names_the_stacks_own_bucket(
    biojobs: Biojobs, project: Project, keys_of: Callable[..., dict[str, str]], scheme: str
) -> None:
    written(project.root, {**keys_of(), "buckets": '{"reads": "our-reads"}'})
    project.put("elsewhere/a.fq")
    result = biojobs("run", "fastqc", "--stack", "dev", "--reads", "a.fq")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert f" cp a.fq {scheme}://our-reads/a.fq` and give {scheme}://our-reads/a.fq" in result.stderr
