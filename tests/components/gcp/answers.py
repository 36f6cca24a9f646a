"""Answers of Google Cloud's APIs for the commands that ask them: real sessions, whose requests are never sent."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from components.gcp import account
from components.gcp.account import Account, sign_in
from settings import Settings
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION
from tests.components.stackfile import loaded


@dataclass(frozen=True)
class Asked:
    """A request: its method, its address without the query, and what it asks with."""

    method: str
    url: str
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Refused:
    """An error that an API answers with; old APIs have no details."""

    status: int
    reason: str = ""
    message: str = "no"
    old: bool = False


Answer = Mapping[str, Any] | Refused | Callable[[Asked], "Mapping[str, Any] | Refused"]

WHO: Answer = {"name": f"projects/{NUMBER}", "projectId": PROJECT, "state": "ACTIVE"}
OFF = Refused(403, "SERVICE_DISABLED", "API has not been used in project before or it is disabled.")
DENIED = Refused(403, "IAM_PERMISSION_DENIED", "Permission denied")


@dataclass
class Answers(BaseAdapter):
    """What Google Cloud answers, by method and end of the address; a request without an answer fails the test."""

    given: dict[str, Answer] = field(default_factory=lambda: {f"GET v3/projects/{PROJECT}": WHO})
    asked: list[Asked] = field(default_factory=list[Asked])
    others: Answer | None = None
    """What everything else is answered with."""

    def __post_init__(self) -> None:
        super().__init__()

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Answers a request."""
        url, query = str(request.url).partition("?")[::2]
        body = json.loads(request.body) if request.body else None
        words = dict(urllib.parse.parse_qsl(query))
        asked = Asked(str(request.method), urllib.parse.unquote(url), words, body)
        self.asked.append(asked)
        fitting = [key for key in self.given if f"{asked.method} {asked.url}".endswith(_tail(key, asked.method))]
        answer = self.given[max(fitting, key=len)] if fitting else self.others
        if answer is None:
            raise AssertionError(f"no answer for {asked}")
        answer = answer(asked) if callable(answer) else answer
        return _refusal(answer) if isinstance(answer, Refused) else _response(200, answer)

    def close(self) -> None:
        """Nothing is open."""

    def of(self, end: str, method: str = "GET") -> list[Asked]:
        """Requests whose address ends so."""
        return [each for each in self.asked if each.method == method and each.url.endswith(end)]


def _tail(key: str, method: str) -> str:
    """What an address with an answer ends with; no other method's."""
    wanted, _, end = key.partition(" ")
    return f"/{end}" if wanted == method else "\0"


def _refusal(refused: Refused) -> Response:
    error: dict[str, Any] = {"code": refused.status, "message": refused.message}
    if refused.old:
        error["errors"] = [{"reason": refused.reason, "message": refused.message}]
    elif refused.reason:
        service = {"service": "compute.googleapis.com"} if refused.reason == "SERVICE_DISABLED" else {}
        error["details"] = [{"reason": refused.reason, "metadata": service}]
    return _response(refused.status, {"error": error})


def _response(status: int, body: Mapping[str, Any]) -> Response:
    made = Response()
    made.status_code = status
    made.encoding = "utf-8"
    cast(Any, made)._content = json.dumps(body).encode()
    return made


def signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without credentials, whatever the machine has."""
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_CLOUD_KEYFILE_JSON",
        "GCLOUD_KEYFILE_JSON",
        "GOOGLE_CLOUD_PROJECT",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    monkeypatch.setattr("google.auth.compute_engine._metadata._NO_GCE_CHECK", True)


def answering(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Google Cloud that answers as told, to somebody who is signed in."""
    signed_out(monkeypatch)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "good-for-nothing")
    made = Answers()

    def session(_: str) -> tuple[AuthorizedSession, str]:
        opened = AuthorizedSession(Credentials("good-for-nothing"))  # pyright: ignore[reportUnknownMemberType]
        opened.mount("https://", made)
        return opened, "your own credentials"

    monkeypatch.setattr(account, "_session", session)
    return made


def account_of() -> Account:
    """The project that the answers are of."""
    return sign_in(PROJECT, REGION)


def keys_of(**keys: str) -> dict[str, str]:
    """Keys of a stack on Google Cloud as a stack file has them, structured ones as JSON."""
    usual = {"cloud": "gcp", "project": PROJECT, "region": REGION, "adminCidrs": '["1.2.3.4/32"]'}
    return {**usual, "classes": CLASSES, **keys}


def settings_of(stack: str = "dev", **keys: str) -> Settings:
    """Settings of a stack on Google Cloud; keys as of `keys_of`."""
    return loaded(keys_of(**keys), stack)


CLASSES = (
    '{"small": {"cpu": "1", "memory": "4Gi", "scratch": "100Gi"}, '
    '"large": {"cpu": "84", "memory": "165Gi", "scratch": "340Gi"}, '
    '"huge": {"cpu": "16", "memory": "115Gi", "scratch": "200Gi"}}'
)
