"""A recording mock of AWS: every resource with its inputs and options, every call with an answer.

A component is built by `aws_mock.build(lambda: Component("dev-x", scope(), ...))`, which runs every output to its end.
`aws_mock.of("Vpc")` then gives the inputs of all VPCs by resource name, `aws_mock.options["dev-x-vpc"]` what the engine
was told besides. A test answers a call of its own with `aws_mock.answers["aws:ec2/getVpc:getVpc"] = {...}`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.scope import Scope
from settings_aws import Aws
from tests.components.cloud import Answer, CloudRecorder, install

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
STACK = "dev"
ECR_PASSWORD = "a-short-lived-password"


def _arn(service: str, resource: str) -> str:
    account = "" if service == "s3" else ACCOUNT
    region = "" if service in ("s3", "iam") else REGION
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def _default_outputs(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs of a kind that AWS makes up, over those that all resources have."""
    own = inputs.get("name", name)
    made: dict[str, dict[str, Any]] = {
        "Bucket": {"arn": f"arn:aws:s3:::{inputs.get('bucket', name)}", "region": REGION},
        "Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{own}", "registryId": ACCOUNT},
        "Key": {"keyId": f"{name}-id"},
        "LogGroup": {"arn": _arn("logs", f"log-group:{own}")},
        "LaunchTemplate": {"latestVersion": 1},
        "OpenIdConnectProvider": {"arn": _arn("iam", f"oidc-provider/{inputs.get('url', '')}".replace("https://", ""))},
        "Cluster": {
            "arn": _arn("eks", f"cluster/{own}"),
            "endpoint": "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
            "certificateAuthority": {"data": base64.b64encode(b"a certificate").decode()},
            "identities": [{"oidcs": [{"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"}]}],
            "vpcConfig": {**inputs.get("vpcConfig", {}), "clusterSecurityGroupId": "sg-0cc"},
        },
        "NodeGroup": {"resources": [{"autoscalingGroups": [{"name": f"eks-{inputs.get('nodeGroupName', name)}"}]}]},
        "RemoteImage": {"imageId": f"sha256:{'c' * 64}", "repoDigest": f"x@sha256:{'d' * 64}"},
        "RegistryImage": {"sha256Digest": f"sha256:{'d' * 64}"},
    }
    return made.get(kind, {})


def _id(kind: str, name: str, inputs: dict[str, Any]) -> str:
    """The resource's id: its own name for those that AWS knows by name."""
    if kind in ("Bucket", "BucketPolicy", "BucketVersioning"):
        return str(inputs.get("bucket", name))
    if kind in ("Role", "Repository", "LogGroup", "Cluster"):
        return str(inputs.get("name", name))
    return f"{name}-id"


def _default_answers() -> dict[str, Answer]:
    token = base64.b64encode(f"AWS:{ECR_PASSWORD}".encode()).decode()
    return {
        "aws:index/getCallerIdentity:getCallerIdentity": {
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/someone",
            "userId": "AIDA",
            "id": ACCOUNT,
        },
        "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"},
        "aws:index/getRegion:getRegion": {"region": REGION, "id": REGION},
        "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": list(ZONES), "zoneIds": [], "id": REGION},
        "aws:ecr/getAuthorizationToken:getAuthorizationToken": {
            "authorizationToken": token,
            "userName": "AWS",
            "password": ECR_PASSWORD,
            "proxyEndpoint": f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com",
            "expiresAt": "2026-11-30T12:00:00Z",
            "id": REGION,
        },
        "aws:s3/getBucket:getBucket": lambda args: {
            "id": args["bucket"],
            "bucket": args["bucket"],
            "arn": f"arn:aws:s3:::{args['bucket']}",
            "bucketRegion": REGION,
        },
        "docker:index/getRegistryImage:getRegistryImage": lambda args: {
            "id": "1",
            "name": args["name"],
            "sha256Digest": f"sha256:{'d' * 64}",
        },
    }


@dataclass
class AwsRecorder(CloudRecorder):
    """The recorder of AWS."""

    packages = ("aws", "docker")
    answers: dict[str, Answer] = field(default_factory=_default_answers)

    def made(self, token: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind, service = token.rsplit(":", 1)[-1], token.split(":")[1].split("/")[0]
        own = inputs.get("name", name)
        common = {"arn": _arn(service, f"{kind[0].lower()}{kind[1:]}/{own}"), "name": name}
        return _id(kind, name, inputs), {**common, **inputs, **_default_outputs(kind, name, inputs)}


@pytest.fixture
def aws_mock() -> AwsRecorder:
    made = AwsRecorder()
    install(made, STACK)
    return made


def settings(**keys: Any) -> Aws:
    """Settings of the AWS stack: what must be set, and `keys` over it, as a stack file has them or by field name."""
    # Without a NAT there must be copies of what others' registries have.
    mirror = keys.get("network", {}).get("nat") == "none"
    return Aws.model_validate({"region": REGION, "adminCidrs": ["192.0.2.7/32"], "mirror": mirror, **keys})


def some_key() -> Any:
    """Stands in for the stack's KMS key where another component is tested."""
    return SimpleNamespace(arn=pulumi.Output.from_input(_arn("kms", "key/some-key")))


class MakeScope(Protocol):
    def __call__(self, *, zones: tuple[str, ...] = ZONES, **keys: Any) -> Scope:
        """A scope of the stack `dev`; `keys` as of `settings`."""
        ...


@pytest.fixture
def scope(aws_mock: AwsRecorder) -> MakeScope:  # pyright: ignore[reportUnusedParameter]
    """Makes scopes; called inside `aws_mock.build`, since it makes a provider."""

    def make(*, zones: tuple[str, ...] = ZONES, **keys: Any) -> Scope:
        provider = aws.Provider("dev-aws", region=REGION)
        return Scope(STACK, settings(**keys), ACCOUNT, REGION, "aws", zones, provider)

    return make
