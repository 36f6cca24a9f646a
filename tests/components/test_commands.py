"""What the commands of every cloud do alike where nobody can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.aws import audit as aws_audit
from components.aws import backend as aws_backend
from components.aws import check as aws_check
from components.checks import Result
from components.gcp import audit as gcp_audit
from components.gcp import backend as gcp_backend
from components.gcp import check as gcp_check
from tests.components.aws import answers as aws
from tests.components.gcp import answers as gcp
from tests.components.stackfile import written


@dataclass(frozen=True)
class Commands:
    """A cloud's commands, its project of one stack, and how to be nobody there."""

    name: str
    check: Callable[[str, Path, Path | None], Iterator[Result]]
    audit: Callable[[Sequence[str]], int]
    backend: Callable[[Sequence[str]], int]
    keys: dict[str, str]
    nowhere: str
    """What is said where there are no credentials."""


@pytest.fixture(params=["aws", "gcp"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Commands:
    if request.param == "aws":
        aws.signed_out(monkeypatch)
        says = "there are no AWS credentials"
        return Commands("aws", aws_check.check, aws_audit.main, aws_backend.main, aws.keys_of(), says)
    gcp.signed_out(monkeypatch)
    says = "there are no Google Cloud credentials"
    return Commands("gcp", gcp_check.check, gcp_audit.main, gcp_backend.main, gcp.keys_of(), says)


def test_without_credentials_settings_and_price_are_checked_and_the_rest_is_told(
    cloud: Commands, tmp_path: Path
) -> None:
    results = list(cloud.check("dev", written(tmp_path, cloud.keys), None))
    assert [f"{result.state} {result.topic}" for result in results] == ["ok settings", "unchecked account", "ok price"]
    assert cloud.nowhere in results[1].words


def test_prices_of_ones_own_are_used(cloud: Commands, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"spot": {"share": 0.25}}')
    assert "at 25%" in list(cloud.check("dev", written(tmp_path, cloud.keys), own))[-1].words


@pytest.mark.parametrize(
    ("written_file", "said"),
    [('{"spot": {"share": 25}}', "spot.share: 25"), ("{", "is not JSON"), ('{"regions": 1}', "regions: 1")],
)
def test_prices_of_ones_own_that_cannot_be_used_are_a_problem(
    cloud: Commands, tmp_path: Path, written_file: str, said: str
) -> None:
    own = tmp_path / "own.json"
    own.write_text(written_file)
    result = list(cloud.check("dev", written(tmp_path, cloud.keys), own))[-1]
    assert (result.state, result.topic) == ("problem", "price")
    assert f"{own}: " in result.words
    assert said in result.words
    assert f"write it as components/{cloud.name}/prices.json is written" in result.words


@pytest.mark.parametrize("stack", ["own", "nowhere"])
def test_audit_and_backend_say_why_they_cannot_look(
    cloud: Commands, capsys: pytest.CaptureFixture[str], stack: str
) -> None:
    arguments = [cloud.name if stack == "own" else stack]
    said = cloud.nowhere if stack == "own" else "Pulumi.nowhere.yaml: cannot be read"
    assert cloud.audit(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    assert cloud.backend(arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")
