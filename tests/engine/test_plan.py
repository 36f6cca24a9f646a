"""The plan of a cloud's stack without an account."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from offline.plan.__main__ import main
from offline.plan.clouds import CLOUDS
from offline.plan.project import plan_project, read_stack
from tests.engine import aws, gcp
from tests.program import link

STACKS: Mapping[str, Mapping[str, Any]] = {
    "aws": aws.SETTINGS,
    "gcp": gcp.SETTINGS,
    "autopilot": {**gcp.SETTINGS, "gke": "autopilot"},
}


ACCOUNT = ("AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG")


@pytest.fixture
def project(tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The program in a folder of its own. The recorders are run by a Python that has imported everything."""
    link(tmp_path)
    runtime = {"name": "python", "options": {"toolchain": "uv", "virtualenv": str(python)}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": "biojobs", "runtime": runtime}))
    monkeypatch.setattr(sys, "executable", str(python / "bin" / "python"))
    # An account that happens to be there, and somebody's states.
    for name in ACCOUNT:
        monkeypatch.setenv(name, "somebody")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://somebody")
    yield tmp_path


def write(folder: Path, stack: str, **settings: object) -> Path:
    """A stack file; a setting that is None is left out."""
    usual = {**STACKS[stack], "adminCidrs": ["203.0.113.7/32"]}
    config = {f"biojobs:{key}": value for key, value in {**usual, **settings}.items() if value is not None}
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(
        yaml.safe_dump({"config": config, "encryptionsalt": "v1:of-a-passphrase", "secretsprovider": "awskms:///x"})
    )
    return file


TOLD = {
    "aws": {
        *("EksCluster", "NodeGroups", "6 ec2.Subnet", "Price in eu-west-1", "EKS control plane"),
        "vCPUs of spot instances",
    },
    "gcp": {
        *("GkeCluster", "NodePools", "13 container.NodePool", "compute.RouterNat", "Price in europe-west4"),
        *("pool system", "vCPUs of all regions"),
    },
    "autopilot": {"GkeCluster", "ComputeClasses", "5 ComputeClass", "StorageClass", "Price in europe-west4", "vCPUs"},
}


@pytest.mark.parametrize("stack", STACKS)
def test_a_plan_takes_no_account_and_tells_components_price_and_quotas(
    project: Path, capsys: pytest.CaptureFixture[str], stack: str
) -> None:
    file = write(project, stack)
    before = file.read_text()
    code = main([stack], project)
    out, err = capsys.readouterr()
    assert code == 0, err
    assert CLOUDS["aws" if stack == "aws" else "gcp"].nothing_asked in err
    components, _, together = out.partition("together")
    words = [line.split() for line in components.splitlines()[1:] if line[2:3].isalpha()]
    assert sum(int(count) for _, count, *_ in words) == int(together.split()[0]) > 70
    assert {text for text in TOLD[stack] if text not in out} == set()
    assert ("NodePools" in out) == (stack == "gcp")
    quotas = out.partition("\nQuotas")[2].splitlines()
    assert len(quotas) > 3
    assert all(float(number.replace(",", "")) >= 0 for line in quotas[1:] for number in line.split()[-3:])
    assert file.read_text() == before
    assert list((project / ".build" / "plan").iterdir()) == []


@pytest.mark.parametrize(
    ("stack", "settings", "said"),
    [
        ("aws", {"region": None}, "biojobs:region: is missing"),
        ("aws", {"network": {"cidr": "10.0.0.0/24"}}, "biojobs:network.cidr"),
        ("aws", {"pools": {"huge": {"types": ["r5.8xlarge", "r5.nano99"]}}}, "biojobs:pools.huge.types"),
        ("gcp", {"project": None}, "biojobs:project: is missing"),
        ("gcp", {"project": "123456789012"}, "biojobs:project: '123456789012': is a project's number"),
        ("gcp", {"pools": {"huge": {"types": ["n2-highmem-33"]}}}, "biojobs:pools.huge.types"),
        ("autopilot", {"pools": {"huge": {"max": 3}}}, "biojobs:pools"),
    ],
)
def test_settings_that_cannot_be_used_are_told_as_they_are(
    project: Path, capsys: pytest.CaptureFixture[str], stack: str, settings: dict[str, object], said: str
) -> None:
    write(project, stack, **settings)
    assert main([stack], project) == 1
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_nothing_of_an_account_gets_to_the_program_and_nothing_to_somebodys_states(project: Path) -> None:
    write(project, "gcp")
    with plan_project(read_stack("gcp", project)) as (_, environment):
        assert [name for name in ACCOUNT if name in environment] == []
        assert environment["PULUMI_BACKEND_URL"].startswith(f"file://{project}/.build/plan/")


def test_a_secret_setting_is_left_out_since_nothing_decrypts_it(project: Path) -> None:
    write(project, "gcp", alertEmail={"secure": "v1:abc"})
    file = read_stack("gcp", project)
    assert file.content.keys() == {"config"}
    assert file.secret == ("biojobs:alertEmail",)
    assert file.settings().gcp.alert_email == ""


def test_stacks_of_no_cloud_and_stacks_without_a_file_have_no_plan(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "aws", cloud="local")
    assert main(["aws"], project) == 1
    assert "a plan without an account is there for aws and gcp only" in capsys.readouterr().err
    assert main(["nobodys"], project) == 1
    assert "Pulumi.nobodys.yaml: cannot be read" in capsys.readouterr().err
