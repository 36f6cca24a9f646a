"""Answers of AWS's API for the commands that ask it: real boto3 clients, whose requests are checked and never sent."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters
from moto import mock_aws  # imported before any session is made, which otherwise knows nothing of it

from components.aws import account
from components.aws.account import Account, sign_in
from settings import Settings
from tests.components.aws.conftest import ACCOUNT, REGION
from tests.components.stackfile import loaded

Parameters = Mapping[str, Any]
Answer = Mapping[str, Any] | Callable[[Parameters], "Mapping[str, Any] | Refused"]


@dataclass(frozen=True)
class Refused:
    """An error that AWS answers with."""

    code: str
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


WHO: Answer = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/someone", "UserId": "AIDA"}


@dataclass
class Answers:
    """What AWS answers, by operation; an operation without an answer fails the test."""

    given: dict[str, Answer | Refused] = field(default_factory=lambda: {"GetCallerIdentity": WHO})
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    """Operations with their parameters, in the order of the requests."""

    def client(self, service: str, region: str, config: Any) -> Any:
        client = _client(service, region, config)
        client.meta.events.register("before-parameter-build", self._remember)
        client.meta.events.register("before-call", self._answer)
        return client

    def _remember(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = dict(params)
        self.asked.append((model.name, context["asked"]))

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, Mapping[str, Any]]:
        if model.name not in self.given:
            raise AssertionError(f"no answer for {model.name}")
        answer = self.given[model.name]
        answer = answer(context["asked"]) if callable(answer) else answer
        if isinstance(answer, Refused):
            meta = {"HTTPStatusCode": answer.status, "HTTPHeaders": dict(answer.headers)}
            return _response(answer.status), {"Error": {"Code": answer.code, "Message": "no"}, "ResponseMetadata": meta}
        validate_parameters(answer, model.output_shape)
        return _response(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}

    def of(self, operation: str) -> list[dict[str, Any]]:
        """Parameters of all requests of an operation."""
        return [parameters for name, parameters in self.asked if name == operation]


def _client(service: str, region: str, config: Any) -> Any:
    make = cast(Callable[..., Any], _session().client)  # pyright: ignore[reportUnknownMemberType]
    return make(service, region_name=region, config=config)


@functools.cache
def _session() -> boto3.Session:
    """One for all tests: a session reads the descriptions of the services anew."""
    return boto3.Session("AKIATESTING", "testing")


def _response(status: int) -> AWSResponse:
    return AWSResponse("https://aws.invalid", status, cast(Any, {}), b"")


def signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without credentials, whatever the machine has."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with credentials that are good for nothing."""
    signed_out(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def answering(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """AWS that answers as told, to somebody who is signed in."""
    signed_in(monkeypatch)
    made = Answers()
    monkeypatch.setattr(account, "_client", made.client)
    return made


@contextmanager
def mocked(monkeypatch: pytest.MonkeyPatch) -> Generator[None, None, None]:
    """AWS as moto plays it, to somebody who is signed in."""
    signed_in(monkeypatch)
    monkeypatch.setattr(account, "_client", _client)
    with mock_aws():
        yield


def account_of(region: str = REGION) -> Account:
    """The account that the answers are of."""
    return sign_in(region)


def keys_of(**keys: str) -> dict[str, str]:
    """Keys of a stack on AWS as a stack file has them, structured ones as JSON."""
    return {"cloud": "aws", "region": REGION, "adminCidrs": '["1.2.3.4/32"]', **CLASSES, **keys}


def settings_of(stack: str = "dev", **keys: str) -> Settings:
    """Settings of a stack on AWS; keys as of `keys_of`."""
    return loaded(keys_of(**keys), stack)


CLASSES = {
    "classes": '{"small": {"cpu": "1", "memory": "4Gi", "scratch": "100Gi"}, '
    '"large": {"cpu": "94", "memory": "170Gi", "scratch": "400Gi"}, '
    '"huge": {"cpu": "16", "memory": "115Gi", "scratch": "200Gi"}}'
}
