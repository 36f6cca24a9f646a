"""The state's backend in AWS: made once, safe to make again, and never in somebody else's bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.accounts import AccountError
from components.aws import backend
from components.aws.account import Account, sign_in
from components.aws.backend import KEY_ALIAS, bucket_policy, main, make, with_ours
from tests.components.aws.answers import Refused, account_of, answering, mocked
from tests.components.aws.conftest import ACCOUNT, REGION

BUCKET = f"biojobs-state-{ACCOUNT}-{REGION}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with mocked(monkeypatch):
        yield sign_in(REGION)


def keys(account: Account) -> list[str]:
    return [key.get("KeyId", "") for key in account.client("kms").list_keys()["Keys"]]


def statements(account: Account) -> dict[str, Any]:
    policy = json.loads(account.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_a_bucket_and_a_key_are_made_and_named(account: Account) -> None:
    made = make(account)
    assert made.bucket == BUCKET
    assert made.url == f"s3://{BUCKET}?region={REGION}"
    assert made.secrets_provider == f"awskms://alias/biojobs-state?region={REGION}"
    assert account.client("s3").head_bucket(Bucket=BUCKET)["BucketRegion"] == REGION
    assert account.client("kms").describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]["KeyId"] in keys(account)


def test_the_bucket_is_versioned_encrypted_private_and_takes_tls_alone(account: Account) -> None:
    make(account)
    s3 = account.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET).get("Status") == "Enabled"
    private = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert list(private.values()) == [True] * 4
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") == "AES256"
    tls = statements(account)["TlsOnly"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert tls["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]


def test_a_state_that_was_written_over_can_be_brought_back_for_a_while(account: Account) -> None:
    make(account)
    (rule,) = account.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rule.get("NoncurrentVersionExpiration") == {"NoncurrentDays": 90}
    assert "Expiration" not in rule, "a state that is in use never goes"


def test_the_key_is_rotated(account: Account) -> None:
    make(account)
    assert account.client("kms").get_key_rotation_status(KeyId=keys(account)[0])["KeyRotationEnabled"] is True


def test_made_again_nothing_changes(account: Account) -> None:
    first = make(account)
    again = make(account)
    assert first.done
    assert again.done == ()
    assert len(keys(account)) == 1


def test_the_oldest_region_takes_no_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    with mocked(monkeypatch):
        assert make(sign_in("us-east-1")).bucket == f"biojobs-state-{ACCOUNT}-us-east-1"


STEPS = [
    ("kms", "CreateAlias"),
    ("kms", "EnableKeyRotation"),
    ("s3", "CreateBucket"),
    ("s3", "PutBucketVersioning"),
    ("s3", "PutPublicAccessBlock"),
    ("s3", "PutBucketPolicy"),
    ("s3", "PutBucketLifecycleConfiguration"),
    ("s3", "PutBucketTagging"),
]


@pytest.mark.parametrize(("service", "operation"), STEPS)
def test_interrupted_anywhere_the_next_try_completes_it(account: Account, service: str, operation: str) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    clients: dict[str, Any] = {"kms": account.client("kms"), "s3": account.client("s3")}
    events = clients[service].meta.events
    events.register(f"before-call.{service}.{operation}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(account)
    events.unregister(f"before-call.{service}.{operation}", interrupt)
    make(account)
    assert len(keys(account)) == 1, "an interrupted try leaves no second key to pay for"
    assert make(account).done == ()
    assert set(statements(account)) == {"TlsOnly", "NoOldTls"}


def test_what_was_opened_by_hand_is_closed_again(account: Account) -> None:
    make(account)
    s3 = account.client("s3")
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket=BUCKET)
    done = make(account).done
    assert done == ("turned its versioning on", "closed it to the public", "refused access without TLS")


def test_statements_of_ones_own_stay_in_the_policy(account: Account) -> None:
    make(account)
    mine = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}
    policy = with_ours({"Version": "2012-10-17", "Statement": [mine]}, bucket_policy(BUCKET, "aws"))
    account.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    assert make(account).done == ()
    assert set(statements(account)) == {"Mine", "TlsOnly", "NoOldTls"}


def test_a_statement_of_ours_that_was_changed_is_put_right() -> None:
    ours = bucket_policy(BUCKET, "aws")
    changed = json.loads(json.dumps(ours).replace('"Deny"', '"Allow"'))
    assert with_ours(changed, ours)["Statement"] == ours["Statement"]


def test_a_policy_is_of_the_partition() -> None:
    assert bucket_policy("b", "aws-cn")["Statement"][0]["Resource"][0] == "arn:aws-cn:s3:::b"


def test_a_key_that_is_about_to_be_deleted_is_refused_with_the_way_back(account: Account) -> None:
    make(account)
    (key,) = keys(account)
    account.client("kms").schedule_key_deletion(KeyId=key)
    with pytest.raises(AccountError, match=f"aws kms cancel-key-deletion --region {REGION} --key-id {key}"):
        make(account)
    assert len(keys(account)) == 1


def test_a_disabled_key_is_refused_with_the_way_back(account: Account) -> None:
    make(account)
    account.client("kms").disable_key(KeyId=keys(account)[0])
    with pytest.raises(AccountError, match="aws kms enable-key"):
        make(account)


def test_a_key_of_an_earlier_backend_that_is_being_deleted_is_not_taken_up(account: Account) -> None:
    make(account)
    (old,) = keys(account)
    account.client("kms").delete_alias(AliasName=KEY_ALIAS)
    account.client("kms").schedule_key_deletion(KeyId=old)
    make(account)
    assert account.client("kms").describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]["KeyId"] != old


@pytest.mark.parametrize("code", ["403", "AccessDenied"])
def test_a_bucket_of_somebody_else_is_refused_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    api = answering(monkeypatch)
    api.given |= {
        "DescribeKey": {"KeyMetadata": {"KeyId": "k", "KeyState": "Enabled"}},
        "GetKeyRotationStatus": {"KeyRotationEnabled": True},
        "HeadBucket": Refused(code, 403),
    }
    with pytest.raises(AccountError, match=f"exists, and is not account {ACCOUNT}'s or not yours to use"):
        make(account_of())
    assert api.of("HeadBucket") == [{"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}]
    assert {name for name, _ in api.asked} == {
        "GetCallerIdentity",
        "DescribeKey",
        "GetKeyRotationStatus",
        "HeadBucket",
    }


@pytest.mark.parametrize(
    ("code", "said"), [("BucketAlreadyExists", "is not account"), ("OperationAborted", "is still deleting")]
)
def test_a_name_that_is_taken_meanwhile_is_refused(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    api = answering(monkeypatch)
    api.given |= {
        "DescribeKey": {"KeyMetadata": {"KeyId": "k", "KeyState": "Enabled"}},
        "GetKeyRotationStatus": {"KeyRotationEnabled": True},
        "HeadBucket": Refused("404", 404),
        "CreateBucket": Refused(code, 409),
    }
    with pytest.raises(AccountError, match=said):
        make(account_of())


def test_whoever_may_not_make_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    api = answering(monkeypatch)
    api.given["DescribeKey"] = Refused("AccessDeniedException", 400)
    with pytest.raises(AccountError, match=r"is denied; docs/aws-permissions\.json"):
        make(account_of())


def test_every_write_names_the_owner_that_is_expected(account: Account) -> None:
    asked: list[tuple[str, Any]] = []

    def remember(params: Any, model: Any, **_: object) -> None:
        asked.append((model.name, dict(params)))

    account.client("s3").meta.events.register("provide-client-params.s3", remember)
    make(account)
    owners = {params.get("ExpectedBucketOwner") for name, params in asked if name != "CreateBucket"}
    assert owners == {ACCOUNT}


def test_the_command_prints_what_to_type_next(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aws"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"export PULUMI_BACKEND_URL='s3://{BUCKET}?region={REGION}'",
        f"pulumi stack init aws --secrets-provider='awskms://alias/biojobs-state?region={REGION}'",
    ]
    assert "made a KMS key" in err
    assert main(["aws"]) == 0
    assert "everything is there already" in capsys.readouterr().err


def test_the_backend_belongs_to_no_stack(account: Account) -> None:
    make(account)
    tags = account.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == backend.TAGS
    assert "stack" not in backend.TAGS
