"""A recording mock of AWS: every resource with its inputs and options, every call with an answer.

A component is built by `aws_mock.build(lambda: Component("dev-x", scope(), ...))`, which runs every output to its end.
`aws_mock.of("Vpc")` then gives the inputs of all VPCs by resource name, `aws_mock.options["dev-x-vpc"]` what the engine
was told besides. A test answers a call of its own with `aws_mock.answers["aws:ec2/getVpc:getVpc"] = {...}`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol, cast

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime.mocks import MockMonitor

from components.aws.scope import Scope
from settings_aws import Aws
from tests.components.conftest import Recorder, drained

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
STACK = "dev"
ECR_PASSWORD = "a-short-lived-password"

Answer = Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]]


class RefusedError(Exception):
    """Raised by an answer: AWS refuses the call, as the program sees it."""


@dataclass(frozen=True)
class Options:
    """What the engine is told of a resource besides its inputs. Others are given by their names."""

    parent: str
    provider: str
    protect: bool
    retain_on_delete: bool
    depends_on: frozenset[str]
    """Also what its inputs were made from."""
    deleted_with: str
    ignore_changes: tuple[str, ...]


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
class AwsRecorder(Recorder):
    """Records inputs and options of all resources but components, and calls; fails on a call without an answer."""

    options: dict[str, Options] = field(default_factory=dict[str, Options])
    """By resource name."""
    answers: dict[str, Answer] = field(default_factory=_default_answers)
    """What calls return, by token; a function of the call's arguments where it depends on them."""
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Outputs that a test wants of a resource, by its name, over the default ones."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, {}
        if not args.typ.startswith(("aws:", "docker:")):
            return super().new_resource(args)
        inputs = cast(dict[str, Any], args.inputs)  # pyright: ignore[reportUnknownMemberType]
        kind = args.typ.rsplit(":", 1)[-1]
        self.resources[(kind, args.name)] = inputs
        service, own = args.typ.split(":")[1].split("/")[0], inputs.get("name", args.name)
        common = {"arn": _arn(service, f"{kind[0].lower()}{kind[1:]}/{own}"), "name": args.name}
        made = {**common, **inputs, **_default_outputs(kind, args.name, inputs), **self.outputs.get(args.name, {})}
        return _id(kind, args.name, inputs), made

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        given = cast(dict[str, Any], args.args)  # pyright: ignore[reportUnknownMemberType]
        self.calls.append((args.token, given))
        if args.token not in self.answers:
            raise AssertionError(f"no answer for a call of {args.token} with {given}")
        answer = self.answers[args.token]
        try:
            return {**given, **(answer(given) if callable(answer) else answer)}
        except RefusedError as error:
            return {}, [("", str(error))]

    def names(self) -> set[str]:
        """Names of all resources."""
        return {name for _, name in self.resources}

    def build(self, make: Callable[[], object]) -> None:
        """Runs a program to the end of all its outputs; raises what it raises."""

        @drained
        def run() -> None:
            make()

        run()


class _Monitor(MockMonitor):
    """Keeps the options, which mocks are not given."""

    def __init__(self, recorder: AwsRecorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        def name(urn: str) -> str:
            return urn.rsplit("::", 1)[-1]

        self._recorder.options[request.name] = Options(
            parent=name(request.parent),
            # A provider is referred to by urn::id.
            provider=name(request.provider.rpartition("::")[0]),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            depends_on=frozenset(map(name, request.dependencies)),
            deleted_with=name(request.deletedWith),
            ignore_changes=tuple(request.ignoreChanges),
        )
        return cast(Any, super().RegisterResource(request))  # pyright: ignore[reportUnknownMemberType]


@pytest.fixture
def aws_mock() -> AwsRecorder:
    made = AwsRecorder()
    pulumi.runtime.set_mocks(made, project="biojobs", stack=STACK, preview=False, monitor=_Monitor(made))
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
