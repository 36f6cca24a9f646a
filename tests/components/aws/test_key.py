"""The stack's KMS key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.key import Key, key_policy
from tests.components.aws.conftest import ACCOUNT, REGION, AwsRecorder, MakeScope
from tests.iam import Request, allows

LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"


def built(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> dict[str, Any]:
    aws_mock.build(lambda: Key("dev-key", scope(**keys)))
    return aws_mock.one("Key", "dev-key-key")


def test_the_key_rotates_and_can_be_restored(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    key = built(aws_mock, scope)
    assert key["enableKeyRotation"] is True
    assert 7 <= key["deletionWindowInDays"] <= 30
    assert aws_mock.one("Alias", "dev-key-alias")["name"] == "alias/biojobs-dev"


def may_encrypt(aws_mock: AwsRecorder, scope: MakeScope, group: str, service: str) -> bool:
    policy = json.loads(built(aws_mock, scope)["policy"])
    context = {"kms:EncryptionContext:aws:logs:arn": group}
    return allows([policy], Request("kms:Encrypt", "*", context, f"Service:{service}"))


@pytest.mark.parametrize(
    "group",
    [
        "/aws/eks/biojobs-dev/cluster",
        "/aws/containerinsights/biojobs-dev/application",
        "/biojobs/dev/flow-logs",
    ],
)
def test_cloudwatch_may_encrypt_the_stacks_log_groups(aws_mock: AwsRecorder, scope: MakeScope, group: str) -> None:
    assert may_encrypt(aws_mock, scope, LOGS + group, f"logs.{REGION}.amazonaws.com")


@pytest.mark.parametrize(
    ("group", "service"),
    [
        (LOGS + "/aws/eks/biojobs-prod/cluster", f"logs.{REGION}.amazonaws.com"),
        (LOGS.replace(ACCOUNT, "999999999999") + "/aws/eks/biojobs-dev/cluster", f"logs.{REGION}.amazonaws.com"),
        (LOGS + "/aws/eks/biojobs-dev/cluster", "logs.us-east-1.amazonaws.com"),
        (LOGS + "/aws/eks/biojobs-dev/cluster", "ec2.amazonaws.com"),
    ],
)
def test_nothing_else_may_be_encrypted_with_the_key(
    aws_mock: AwsRecorder, scope: MakeScope, group: str, service: str
) -> None:
    assert not may_encrypt(aws_mock, scope, group, service)


def test_alarms_may_use_the_key_for_their_topic(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    policy = json.loads(built(aws_mock, scope)["policy"])
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:biojobs-dev-failed"
    context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": alarm}
    assert allows([policy], Request("kms:Decrypt", "*", context, "Service:cloudwatch.amazonaws.com"))


def test_everyone_else_needs_a_policy_of_the_account(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    documents: list[dict[str, Any]] = []
    aws_mock.build(lambda: documents.append(key_policy(scope())))
    principals = [statement["Principal"] for statement in documents[0]["Statement"]]
    assert {"AWS": f"arn:aws:iam::{ACCOUNT}:root"} in principals
    assert all(list(principal) == ["Service"] for principal in principals[1:])


@pytest.mark.parametrize("keep", [True, False])
def test_the_key_outlives_the_stack_if_its_logs_do(aws_mock: AwsRecorder, scope: MakeScope, keep: bool) -> None:
    built(aws_mock, scope, keepLogs=keep)
    options = aws_mock.options["dev-key-key"]
    assert (options.protect, options.retain_on_delete) == (keep, keep)
