"""`make check` on Google Cloud: what it finds, with a project, with one that refuses, and without any."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from components.checks import Result
from components.gcp import account
from components.gcp.check import check, main, policy_problems, read_settings, warnings_at_preview
from components.locate import PLAN
from settings import SettingsError
from tests.components.gcp.answers import DENIED, OFF, Answers, Refused, settings_of, signed_out
from tests.components.gcp.conftest import NUMBER, PROJECT
from tests.components.gcp.willing import checked, project, region, whole, willing

TOPICS = ["settings", "account", "billing", "apis", "zones", "types", "quotas", "gke", "price"]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return willing(monkeypatch)


def broken(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("gke", ["standard", "autopilot"])
def test_a_stack_that_google_will_have_passes_every_check(api: Answers, tmp_path: Path, gke: str) -> None:
    results = list(check("dev", project(tmp_path, gke=gke)))
    assert [result for result in results if result.state != "ok"] == []
    assert list(dict.fromkeys(result.topic for result in results)) == TOPICS
    who = next(result.words for result in results if result.topic == "account")
    assert who == f"{PROJECT}, number {NUMBER}, with your own credentials"


# Without a project, and with credentials that are of no use.


def test_a_project_that_cannot_be_seen_is_told_and_nobody_is_asked_further(api: Answers, tmp_path: Path) -> None:
    api.given[f"GET v3/projects/{PROJECT}"] = DENIED
    results = list(check("dev", project(tmp_path)))
    assert [(result.state, result.topic) for result in results] == [
        ("ok", "settings"),
        ("problem", "account"),
        ("ok", "price"),
    ]
    assert "biojobs:project: 'a-project': there is no such project, or you may not see it" in results[1].words
    assert len(api.asked) == 1


def test_what_is_denied_is_told_and_the_others_go_on(api: Answers, tmp_path: Path) -> None:
    api.given["GET machineTypes"] = DENIED
    api.given["GET serverConfig"] = DENIED
    results = list(check("dev", project(tmp_path)))
    unchecked = {result.topic: result.words for result in results if result.state == "unchecked"}
    assert set(unchecked) == {"types", "gke"}
    assert "is denied (Permission denied); docs/gcp-permissions.json" in unchecked["types"]
    assert not [result for result in results if result.state == "problem"]


def test_in_an_empty_project_what_needs_an_api_is_not_checked_yet_and_is_no_problem(
    api: Answers, tmp_path: Path
) -> None:
    for key in ("GET machineTypes", "GET serverConfig", f"GET regions/{'europe-west4'}"):
        api.given[key] = OFF
    api.given["GET services"] = {"services": [{"config": {"name": "storage.googleapis.com"}}]}
    results = list(check("dev", project(tmp_path)))
    assert {result.state for result in results} == {"ok", "unchecked"}
    told = {result.topic: result.words for result in results}
    assert "`up` turns on artifactregistry.googleapis.com" in told["apis"]
    assert "is not turned on in the project yet; `up` does" in told["zones"]


def test_an_error_of_google_is_a_problem_and_the_others_go_on(api: Answers, tmp_path: Path) -> None:
    api.given["GET serverConfig"] = Refused(500, "", "Internal error")
    results = list(check("dev", project(tmp_path)))
    assert [result.topic for result in results if result.state == "problem"] == ["gke"]
    assert results[-1].topic == "price"


# Settings.


def test_settings_that_cannot_be_used_are_told_and_nobody_is_asked(api: Answers, tmp_path: Path) -> None:
    results = list(check("dev", project(tmp_path, pools='{"spotSmall": {"types": ["n2-standard-5"]}}')))
    assert {result.state for result in results} == {"problem"}
    assert "biojobs:pools.spotSmall.types: 'n2-standard-5'" in results[0].words
    assert not api.asked


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"project": "123456789012"}, "is a project's number; write its id"),
        ({"project": "My Project"}, "is no project id, perhaps a project's name"),
        ({"gke": "autopilot", "pools": '{"huge": {"max": 1}}'}, "Autopilot has no node pools"),
        ({"adminCidrs": '["203.0.113.7/32"]'}, "is an address for documentation"),
    ],
)
def test_bad_settings_are_told(api: Answers, tmp_path: Path, keys: dict[str, str], said: str) -> None:
    results = list(check("dev", project(tmp_path, **keys)))
    assert results[0].state == "problem"
    assert said in results[0].words


def test_a_stack_of_another_cloud_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  biojobs:cloud: local\n")
    with pytest.raises(SettingsError, match="this checks Google Cloud; name a stack that is on gcp"):
        read_settings("dev", tmp_path)


# Quotas, price and the command.


def test_a_quota_of_nothing_is_a_problem_and_one_that_is_small_a_warning(api: Answers, tmp_path: Path) -> None:
    api.given["GET regions/europe-west4"] = region(PREEMPTIBLE_CPUS=90.0, SSD_TOTAL_GB=2000.0)
    results = {result.words.split(":")[0]: result.state for result in checked(tmp_path, "quotas")}
    assert results["vCPUs of spot machines"] == "problem"
    assert results["pd-balanced disks, GB"] == "warning"


def test_the_command_fails_when_there_is_a_problem_and_only_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_out(monkeypatch)
    # The stack file of the project has an address for documentation, and the id of no project.
    assert main(["gcp"]) == 1
    out = capsys.readouterr().out
    assert "problem   settings   biojobs:adminCidrs: '203.0.113.7/32'" in out
    assert "problem   settings   biojobs:project: 'your-project-id'" in out
    # A plan shows that stack all the same.
    monkeypatch.setenv(PLAN, "1")
    assert main(["gcp"]) == 0


# At preview.


def test_a_preview_warns_of_quotas_that_are_too_small(api: Answers) -> None:
    api.given["GET regions/europe-west4"] = region(PREEMPTIBLE_CPUS=8.0)
    (warning,) = warnings_at_preview(settings_of())
    assert warning.startswith("vCPUs of spot machines: wants 2,000, has 8: too little for a first sample")


def test_a_preview_without_credentials_or_in_a_plan_asks_nobody(monkeypatch: pytest.MonkeyPatch, api: Answers) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert (warnings_at_preview(settings_of()), policy_problems(settings_of())) == ([], [])
    monkeypatch.delenv(PLAN)
    signed_out(monkeypatch)
    assert (warnings_at_preview(settings_of()), policy_problems(settings_of())) == ([], [])
    assert not api.asked


@pytest.mark.parametrize("refused", [Refused(401), DENIED, OFF, Refused(500)])
def test_a_preview_never_fails_on_its_warnings(api: Answers, refused: Refused) -> None:
    api.given[f"GET v3/projects/{PROJECT}"] = refused
    assert (warnings_at_preview(settings_of()), policy_problems(settings_of())) == ([], [])


def test_a_preview_does_not_fail_on_what_nobody_thought_of(monkeypatch: pytest.MonkeyPatch, api: Answers) -> None:
    monkeypatch.setattr("components.gcp.quotas.findings", broken)
    monkeypatch.setattr("components.gcp.offers.billing", broken)
    assert (warnings_at_preview(settings_of()), policy_problems(settings_of())) == ([], [])


def test_a_preview_does_not_wait_long_for_google(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_out(monkeypatch)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "a-token")
    monkeypatch.setattr(account, "_PROJECTS", "https://127.0.0.1:9/v3/projects")
    before = time.monotonic()
    assert warnings_at_preview(settings_of()) == []
    assert time.monotonic() - before < 15


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        (f"GET v1/projects/{PROJECT}/billingInfo", {"billingEnabled": False}, "has no billing account that pays"),
        (
            f"POST v1/projects/{PROJECT}:getEffectiveOrgPolicy",
            {"listPolicy": {"deniedValues": ["container.googleapis.com"]}},
            "does not allow the API container.googleapis.com",
        ),
    ],
)
def test_what_keeps_everything_from_being_made_is_refused_before_anything_is(
    api: Answers, key: str, answer: Any, said: str
) -> None:
    api.given[key] = answer
    (problem,) = policy_problems(settings_of())
    assert problem.startswith("biojobs:project: 'a-project': ")
    assert said in problem


def test_a_project_that_takes_the_stack_is_not_refused(api: Answers) -> None:
    api.given[f"GET compute/v1/projects/{PROJECT}"] = whole()
    assert policy_problems(settings_of()) == []
    assert Result("ok", "billing", "0-1") not in policy_problems(settings_of())
