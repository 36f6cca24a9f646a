"""`make check` on AWS: what it finds, with an account, with one that refuses, and without any."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from botocore import exceptions

from components.accounts import AccountError, DeniedError
from components.aws import account
from components.aws.account import explain, sign_in
from components.aws.check import check, main, read_settings, warnings_at_preview
from components.checks import Result
from components.locate import PLAN
from settings import SettingsError
from tests.components.aws.answers import Answers, Refused, settings_of, signed_in, signed_out
from tests.components.aws.conftest import ACCOUNT, REGION
from tests.components.aws.willing import checked, project, willing


def nothing(_: object) -> list[str]:
    return []


def broken(*_: object) -> None:
    raise ZeroDivisionError


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return willing(monkeypatch)


def test_a_stack_that_aws_will_have_passes_every_check(api: Answers, tmp_path: Path) -> None:
    results = list(check("dev", project(tmp_path)))
    assert {result.state for result in results} == {"ok"}
    topics = {"settings", "account", "zones", "types", "kubernetes", "add-ons", "quotas", "price"}
    assert {result.topic for result in results} == topics
    assert f"{ACCOUNT}, as arn:aws:iam" in next(result.words for result in results if result.topic == "account")


# Without an account, and with one that is of no use.


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "have expired (ExpiredToken); sign in again"),
        ("InvalidClientTokenId", "is eu-west-1 not enabled for the account"),
        ("AccessDenied", "sts:GetCallerIdentity is denied"),
        ("Throttling", "Throttling"),
    ],
)
def test_credentials_that_are_refused_are_told_with_the_remedy(
    api: Answers, tmp_path: Path, code: str, said: str
) -> None:
    api.given["GetCallerIdentity"] = Refused(code, 403)
    (result,) = checked(tmp_path, "account")
    assert result.state == "problem"
    assert said in result.words
    assert checked(tmp_path, "price")[0].state == "ok"
    assert not api.of("DescribeAvailabilityZones")


def test_a_profile_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    signed_out(monkeypatch)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    (result,) = checked(tmp_path, "account")
    assert result.state == "problem"
    assert "aws configure list-profiles" in result.words


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.NoCredentialsError(), "set AWS_PROFILE"),
        (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "cannot be reached"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "cannot be reached"),
    ],
)
def test_errors_on_the_way_to_aws_say_what_to_do(error: Exception, said: str) -> None:
    assert said in str(explain(error, "sts:GetCallerIdentity", REGION))


def test_a_denied_check_is_told_and_the_others_go_on(api: Answers, tmp_path: Path) -> None:
    api.given["DescribeInstanceTypeOfferings"] = Refused("UnauthorizedOperation", 403)
    api.given["DescribeClusterVersions"] = Refused("AccessDeniedException", 403)
    results = list(check("dev", project(tmp_path)))
    unchecked = {result.topic: result.words for result in results if result.state == "unchecked"}
    assert set(unchecked) == {"types", "kubernetes"}
    assert "ec2:DescribeInstanceTypeOfferings is denied; docs/aws-permissions.json" in unchecked["types"]
    assert not [result for result in results if result.state == "problem"]


# Settings.


def test_no_region_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path)
    written = json.loads((folder / "Pulumi.dev.yaml").read_text())
    del written["config"]["biojobs:region"]
    (folder / "Pulumi.dev.yaml").write_text(json.dumps(written))
    (result,) = check("dev", folder)
    assert result == Result("problem", "settings", "biojobs:region: is missing; set it")


def test_settings_that_cannot_be_used_are_told_and_nobody_is_asked(api: Answers, tmp_path: Path) -> None:
    results = list(check("dev", project(tmp_path, pools='{"spotSmall": {"types": ["m5.xlarge", "m5.25xlarge"]}}')))
    assert {result.state for result in results} == {"problem"}
    assert "biojobs:pools.spotSmall.types: 'm5.25xlarge'" in results[0].words
    assert not api.asked


def test_an_address_for_documentation_is_refused_and_the_rest_is_checked(api: Answers, tmp_path: Path) -> None:
    results = list(check("dev", project(tmp_path, adminCidrs='["203.0.113.7/32"]')))
    assert [result.topic for result in results if result.state == "problem"] == ["settings"]
    assert results[-1].topic == "price"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("config: {", "is not YAML"),
        ("config:\n  biojobs:cloud: local\n", "this checks AWS; name a stack that is on aws"),
        ("", "biojobs:cloud: is missing"),
        ("[1]", "biojobs:cloud: is missing"),
    ],
)
def test_a_stack_file_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    project(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").unlink()
    if text is not None:
        (tmp_path / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_settings("dev", tmp_path)


# Quotas and price.


def test_a_quota_of_nothing_is_a_problem_and_one_that_is_small_a_warning(api: Answers, tmp_path: Path) -> None:
    values = {"L-34B43A08": 0.0, "L-1216C47A": 200.0}
    api.given["GetServiceQuota"] = lambda asked: {"Quota": {"Value": values.get(asked["QuotaCode"], 1e6)}}
    results = {result.words.split(":")[0]: result.state for result in checked(tmp_path, "quotas")}
    assert results["vCPUs of spot instances, standard families (A, C, D, H, I, M, R, T, Z)"] == "problem"
    assert results["vCPUs of on-demand instances, standard families (A, C, D, H, I, M, R, T, Z)"] == "warning"


def test_quotas_that_may_not_be_read_are_no_problem_by_themselves(api: Answers, tmp_path: Path) -> None:
    api.given["GetServiceQuota"] = Refused("AccessDeniedException", 403)
    assert "problem" not in {result.state for result in checked(tmp_path, "quotas")}


def test_the_command_fails_when_there_is_a_problem_and_only_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_out(monkeypatch)
    # The stack file of the project has an address for documentation.
    assert main(["aws"]) == 1
    assert "problem   settings   biojobs:adminCidrs: '203.0.113.7/32'" in capsys.readouterr().out
    assert main(["nowhere"]) == 1
    monkeypatch.setattr("components.clouds.placeholders", nothing)
    assert main(["aws"]) == 0
    assert "unchecked account" in capsys.readouterr().out


# At preview.


def test_a_preview_warns_of_quotas_that_are_too_small(api: Answers) -> None:
    api.given["GetServiceQuota"] = lambda asked: {
        "Quota": {"Value": 0.0 if asked["QuotaCode"] == "L-34B43A08" else 1e6}
    }
    (warning,) = warnings_at_preview(settings_of())
    assert warning.startswith("vCPUs of spot instances")


def test_a_preview_without_credentials_or_in_a_plan_asks_nobody(monkeypatch: pytest.MonkeyPatch, api: Answers) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert warnings_at_preview(settings_of()) == []
    monkeypatch.delenv(PLAN)
    signed_out(monkeypatch)
    assert warnings_at_preview(settings_of()) == []
    assert not api.asked


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied", "InternalError"])
def test_a_preview_never_fails_on_its_warnings(api: Answers, code: str) -> None:
    api.given["GetCallerIdentity"] = Refused(code, 403)
    assert warnings_at_preview(settings_of()) == []
    api.given["GetCallerIdentity"] = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/x"}
    api.given["GetServiceQuota"] = Refused(code, 403)
    assert warnings_at_preview(settings_of()) == []


def test_a_preview_does_not_fail_on_what_nobody_thought_of(monkeypatch: pytest.MonkeyPatch, api: Answers) -> None:
    monkeypatch.setattr("components.aws.quotas.compare", broken)
    assert warnings_at_preview(settings_of()) == []


def test_a_preview_does_not_wait_long_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    before = time.monotonic()
    assert warnings_at_preview(settings_of()) == []
    assert time.monotonic() - before < 15
    with pytest.raises(AccountError, match="cannot be reached"):
        sign_in(REGION, patience=1)


def test_a_denial_is_told_apart_from_other_errors() -> None:
    denied = exceptions.ClientError({"Error": {"Code": "AccessDeniedException"}}, "X")
    assert isinstance(explain(denied, "x:Y", REGION), DeniedError)
    throttled = exceptions.ClientError({"Error": {"Code": "Throttling"}}, "X")
    assert not isinstance(explain(throttled, "x:Y", REGION), DeniedError)
    assert account.code_of(ValueError()) == ""
