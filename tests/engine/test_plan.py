"""The plan of an AWS stack without an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from offline import plan
from tests.engine.aws import SETTINGS
from tests.engine.forkserver import virtualenv
from tests.program import link


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("plan")
    link(folder)
    with virtualenv(folder / "venv") as python:
        runtime = {"name": "python", "options": {"toolchain": "uv", "virtualenv": str(python)}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "biojobs", "runtime": runtime}))
        yield folder


def write(folder: Path, **settings: object) -> Path:
    """A stack file; a setting that is None is left out."""
    config = {f"biojobs:{key}": value for key, value in {**SETTINGS, **settings}.items() if value is not None}
    file = folder / "Pulumi.aws.yaml"
    file.write_text(
        yaml.safe_dump({"config": config, "encryptionsalt": "v1:of-a-passphrase", "secretsprovider": "awskms:///x"})
    )
    return file


def test_a_plan_takes_no_account_and_tells_components_and_price(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An account that happens to be there is not asked, nor are settings changed that are somebody's.
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://somebody")
    file = write(project, adminCidrs=["203.0.113.7/32"])
    before = file.read_text()
    assert plan.main(["aws"], project) == 0
    out, err = capsys.readouterr()
    assert plan.NOTHING_ASKED in err
    assert "planning: " in err
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith("  ") and line.split()}
    assert lines["EksCluster"][1].startswith("iam.Role")
    assert int(lines["Network"][0]) > 20
    assert "6 ec2.Subnet" in out
    components = [line.split() for line in out.partition("together")[0].splitlines()[1:] if line[2:3].isalpha()]
    counts = [int(words[1]) for words in components]
    assert sum(counts) == int(out.partition("together")[2].split()[0])
    assert "Price in eu-west-1" in out
    assert "EKS control plane" in out
    assert file.read_text() == before
    assert list((project / ".build" / "plan").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"region": None}, "biojobs:region: is missing"),
        ({"network": {"cidr": "10.0.0.0/24"}}, "biojobs:network.cidr"),
        ({"pools": {"huge": {"types": ["r5.8xlarge", "r5.nano99"]}}}, "biojobs:pools.huge.types"),
    ],
)
def test_settings_that_cannot_be_used_are_told_as_they_are(
    project: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, object], said: str
) -> None:
    write(project, **settings)
    assert plan.main(["aws"], project) == 1
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_secret_setting_is_left_out_since_nothing_decrypts_it(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, alertEmail={"secure": "v1:abc"})
    copy = yaml.safe_load(plan.settings_file("aws", project, tmp_path).read_text())
    assert copy.keys() == {"config"}
    assert "biojobs:alertEmail" not in copy["config"]
    assert "biojobs:alertEmail is left out: it is encrypted" in capsys.readouterr().err


def test_other_clouds_and_stacks_without_a_file_have_no_plan(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, cloud="gcp")
    assert plan.main(["aws"], project) == 1
    assert "a plan without an account is there for aws only" in capsys.readouterr().err
    assert plan.main(["nobodys"], project) == 1
    assert "Pulumi.nobodys.yaml: cannot be read" in capsys.readouterr().err
