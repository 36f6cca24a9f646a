"""Who asks Google Cloud: credentials of every kind, and errors that say what to do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, cast

import pytest
from google.auth import exceptions

from components.accounts import AccountError, DeniedError
from components.gcp import account
from components.gcp.account import (
    DisabledError,
    MissingError,
    TakenError,
    explain,
    explain_auth,
    has_credentials,
    sign_in,
)
from tests.components.gcp.answers import DENIED, OFF, Answers, Asked, Refused, account_of, answering, signed_out
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION

PROJECTS = f"GET v3/projects/{PROJECT}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return answering(monkeypatch)


def test_the_project_is_told_by_its_number_too(api: Answers) -> None:
    found = account_of()
    assert (found.project, found.number, found.region) == (PROJECT, NUMBER, REGION)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Refused(403, "IAM_PERMISSION_DENIED"), "there is no such project, or you may not see it"),
        (Refused(404), "there is no such project, or you may not see it"),
        (OFF, "gcloud services enable cloudresourcemanager.googleapis.com serviceusage.googleapis.com"),
        (
            {"name": "projects/1", "state": "DELETE_REQUESTED"},
            "is delete requested; `gcloud projects undelete a-project`",
        ),
        (Refused(401, "ACCESS_TOKEN_EXPIRED", "expired"), "have expired or were revoked"),
        (Refused(500, "", "later"), "later"),
    ],
)
def test_a_project_that_cannot_be_had_is_told_with_the_remedy(api: Answers, answer: Any, said: str) -> None:
    api.given[PROJECTS] = answer
    with pytest.raises(AccountError, match=said.replace("(", r"\(")) as caught:
        account_of()
    assert not isinstance(caught.value, DeniedError), "without a project nothing can be asked"


# Credentials.


def test_no_credentials_are_told_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_out(monkeypatch)
    assert not has_credentials()
    with pytest.raises(AccountError, match="there are no Google Cloud credentials; `gcloud auth application-default"):
        sign_in(PROJECT, REGION)


def test_a_token_of_the_environment_is_credentials_as_for_pulumi(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_out(monkeypatch)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "a-token")
    assert has_credentials()
    session, who = cast(tuple[Any, str], account._session(PROJECT))  # pyright: ignore[reportPrivateUsage]
    assert who == "your own credentials"
    assert session.credentials.token == "a-token"


@pytest.mark.parametrize("text", ["{", "{}", "/nonexistent/key.json"])
def test_credentials_that_are_of_no_use_are_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    signed_out(monkeypatch)
    monkeypatch.setenv("GOOGLE_CREDENTIALS", text)
    assert has_credentials()
    with pytest.raises(AccountError, match="credentials cannot be used"):
        sign_in(PROJECT, REGION)


@pytest.mark.parametrize(("quota", "used"), [("", PROJECT), ("another-project", "another-project")])
def test_a_persons_requests_count_on_the_project_unless_they_chose_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, used: str
) -> None:
    signed_out(monkeypatch)
    values = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    (tmp_path / "application_default_credentials.json").write_text(
        json.dumps({**values, **({"quota_project_id": quota} if quota else {})})
    )
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    session, _ = cast(tuple[Any, str], account._session(PROJECT))  # pyright: ignore[reportPrivateUsage]
    assert session.credentials.quota_project_id == used


def test_an_address_that_nobody_answers_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_out(monkeypatch)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "a-token")
    monkeypatch.setattr(account, "_PROJECTS", "https://127.0.0.1:9/v3/projects")
    before = time.monotonic()
    with pytest.raises(AccountError, match="cannot be reached"):
        sign_in(PROJECT, REGION, patience=2)
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.DefaultCredentialsError("Your default credentials were not found. To set up"), "there are no"),
        (exceptions.DefaultCredentialsError("File x was not valid"), "cannot be used"),
        (
            exceptions.RefreshError("invalid_grant: Token has been expired or revoked.", {}),
            "have expired or were revoked",
        ),
        (exceptions.TransportError("no route"), "cannot be reached from here"),
    ],
)
def test_errors_of_credentials_say_what_to_do(error: Exception, said: str) -> None:
    assert said in str(explain_auth(error, REGION))


# Errors of the APIs.


@pytest.mark.parametrize(
    ("status", "error", "kind", "said"),
    [
        (403, {"details": [{"reason": "SERVICE_DISABLED"}]}, DisabledError, "is not turned on in the project yet"),
        (403, {"errors": [{"reason": "accessNotConfigured"}]}, DisabledError, "is not turned on in the project yet"),
        (403, {"status": "PERMISSION_DENIED"}, DeniedError, "docs/gcp-permissions.json"),
        (404, {}, MissingError, "there is no such thing"),
        (409, {}, TakenError, "GET x"),
        (401, {}, AccountError, "gcloud auth application-default login"),
        (403, {"details": [{"reason": "BILLING_DISABLED"}]}, AccountError, "gcloud billing projects link"),
        (403, {"errors": [{"reason": "accountDisabled"}]}, AccountError, "no billing account"),
        (429, {"message": "slow down"}, AccountError, "slow down"),
    ],
)
def test_an_error_of_an_api_is_told_apart(status: int, error: Any, kind: type[AccountError], said: str) -> None:
    told = explain(status, {"error": error}, "GET x")
    assert type(told) is kind
    assert said in str(told)


@pytest.mark.parametrize("answer", [{}, {"error": "invalid_grant"}, {"error": None}])
def test_an_answer_that_is_no_error_of_googles_is_told_all_the_same(answer: Any) -> None:
    assert isinstance(explain(403, answer, "GET x"), DeniedError)


def test_a_denial_is_not_a_missing_api() -> None:
    assert not isinstance(explain(403, {"error": {"message": "no"}}, "GET x"), DisabledError)


# Listings.


def test_every_page_is_read(api: Answers) -> None:
    def pages(asked: Asked) -> dict[str, Any]:
        if asked.query.get("pageToken") == "more":
            return {"items": [{"name": "two"}]}
        return {"items": [{"name": "one"}], "nextPageToken": "more"}

    api.given["GET global/networks"] = pages
    found = account_of()
    assert [each["name"] for each in found.every(found.compute("global/networks"), "items", filter="x")] == [
        "one",
        "two",
    ]
    assert [asked.query["filter"] for asked in api.of("global/networks")] == ["x", "x"]


def test_a_listing_of_all_zones_is_one_list(api: Answers) -> None:
    api.given["GET aggregated/disks"] = {
        "items": {
            "zones/a": {"disks": [{"name": "one"}]},
            "zones/b": {"warning": {}},
            "zones/c": {"disks": [{"name": "two"}]},
        }
    }
    found = account_of()
    assert [each["name"] for each in found.every(found.compute("aggregated/disks"), "disks")] == ["one", "two"]


def test_a_denied_question_is_told_with_the_file_of_permissions(api: Answers) -> None:
    api.given["GET global/networks"] = DENIED
    found = account_of()
    with pytest.raises(DeniedError, match=r"docs/gcp-permissions\.json"):
        list(found.every(found.compute("global/networks"), "items"))
