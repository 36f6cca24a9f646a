"""`python -m components.aws.audit STACK`: what of a stack is still in the account, found by tags and by names.

After `pulumi destroy` that is what is kept on purpose, and nothing else. While the stack is up, it is the stack.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from components import audits
from components.accounts import DeniedError
from components.audits import Audit, Fate
from components.aws.account import Account, T, asking, sign_in
from components.aws.check import read_settings
from components.checks import ROOT

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef
    from mypy_boto3_resourcegroupstaggingapi.type_defs import TagFilterTypeDef

# What AWS charges for, by service and kind of an ARN; the rest is free, and in the way of the next `up`.
_PAID: Final = {
    ("cloudwatch", "alarm"),
    ("ec2", "elastic-ip"),
    ("ec2", "instance"),
    ("ec2", "natgateway"),
    ("ec2", "snapshot"),
    ("ec2", "volume"),
    ("ec2", "vpc-endpoint"),
    ("ecr", "repository"),
    ("eks", "cluster"),
    ("elasticloadbalancing", "loadbalancer"),
    ("kms", "key"),
    ("logs", "log-group"),
}
_COMMANDS: Final[Mapping[tuple[str, str], str]] = {
    ("ec2", "elastic-ip"): "aws ec2 release-address --allocation-id",
    ("ec2", "instance"): "aws ec2 terminate-instances --instance-ids",
    ("ec2", "natgateway"): "aws ec2 delete-nat-gateway --nat-gateway-id",
    ("ec2", "network-interface"): "aws ec2 delete-network-interface --network-interface-id",
    ("ec2", "security-group"): "aws ec2 delete-security-group --group-id",
    ("ec2", "volume"): "aws ec2 delete-volume --volume-id",
    ("ec2", "vpc-endpoint"): "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids",
    ("eks", "cluster"): "aws eks delete-cluster --name",
    ("logs", "log-group"): "aws logs delete-log-group --log-group-name",
}


class Left(audits.Left):
    """Something that is there, by its ARN."""

    cloud = "AWS"

    @property
    def kind(self) -> tuple[str, str]:
        """Service and kind of the ARN."""
        service, resource = self.name.split(":", 5)[2::3]
        match = re.match(r"([a-z-]+)[:/]", resource)
        return service, match[1] if match else {"s3": "bucket", "sns": "topic"}.get(service, "")

    @property
    def id(self) -> str:
        """The name within the account."""
        resource = self.name.split(":", 5)[5]
        return re.sub(r"^[a-z-]+[:/]", "", resource)

    @property
    def command(self) -> str:
        """AWS's command line."""
        command = _COMMANDS.get(self.kind)
        return f"{command} {self.id}" if command else ""


def audit(account: Account, stack: str, *, keep_logs: bool) -> Audit:
    """Looks for everything of a stack in the account's region. Raises AccountError when AWS cannot be asked."""
    found: dict[str, Left] = {}
    unchecked: list[str] = []
    for action, look in _LOOKS.items():
        try:
            for arn in _all(partial(look, account, stack), action, account):
                left = Left(arn, "free")
                found[arn] = replace(left, fate=_fate(left, stack, keep_logs=keep_logs))
        except DeniedError as error:
            unchecked.append(str(error))
    for kind in sorted({left.kind for left in found.values()} & _ASKED):
        alike = {left.id: arn for arn, left in found.items() if left.kind == kind}
        try:
            fates = dict(_all(partial(_ask_again, account, kind, list(alike)), f"looking at {kind[1]}s", account))
        except DeniedError as error:
            unchecked.append(f"{error}; what is listed of {kind[1]}s may be gone already")
            continue
        for name, arn in alike.items():
            fate = fates.get(name, "gone")
            if fate == "gone":
                del found[arn]
            elif fate != "there":
                found[arn] = replace(found[arn], fate=fate)
    return audits.sorted_audit(list(found.values()), unchecked)


def _all(ask: Callable[[], Iterable[T]], action: str, account: Account) -> list[T]:
    return asking(lambda: list(ask()), action, account.region)


def _fate(left: Left, stack: str, *, keep_logs: bool) -> Fate:
    if left.kind == ("s3", "bucket") and left.id.startswith(f"biojobs-{stack}-"):
        return "kept"
    if left.kind == ("logs", "log-group") and keep_logs:
        return "kept"
    return "paid" if left.kind in _PAID else "free"


def _tagged(account: Account, stack: str) -> Iterator[str]:
    """What Pulumi tagged, and what EKS, its controllers and CSI drivers made and tagged for the cluster."""
    cluster = f"biojobs-{stack}"
    wanted: list[list[TagFilterTypeDef]] = [
        [{"Key": "project", "Values": ["biojobs"]}, {"Key": "stack", "Values": [stack]}],
        # Subnets that exist already are `shared`, and nobody's of ours.
        [{"Key": f"kubernetes.io/cluster/{cluster}", "Values": ["owned"]}],
        [{"Key": "eks:cluster-name", "Values": [cluster]}],
        [{"Key": "aws:eks:cluster-name", "Values": [cluster]}],
        [{"Key": "cluster.k8s.amazonaws.com/name", "Values": [cluster]}],
        [{"Key": "elbv2.k8s.aws/cluster", "Values": [cluster]}],
    ]
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for filters in wanted:
        for page in pages.paginate(TagFilters=filters):
            for resource in page["ResourceTagMappingList"]:
                yield resource.get("ResourceARN", "")


def _security_groups(account: Account, stack: str) -> Iterator[str]:
    """The group that EKS makes for a cluster, by its name."""
    named: list[FilterTypeDef] = [{"Name": "group-name", "Values": [f"eks-cluster-sg-biojobs-{stack}-*"]}]
    for page in account.client("ec2").get_paginator("describe_security_groups").paginate(Filters=named):
        for group in page["SecurityGroups"]:
            yield _arn(account, "ec2", f"security-group/{group.get('GroupId', '')}")


def _interfaces(account: Account, stack: str) -> Iterator[str]:
    """The control plane's network interfaces, which carry no tag of ours."""
    described: list[FilterTypeDef] = [{"Name": "description", "Values": [f"Amazon EKS biojobs-{stack}"]}]
    for page in account.client("ec2").get_paginator("describe_network_interfaces").paginate(Filters=described):
        for interface in page["NetworkInterfaces"]:
            yield _arn(account, "ec2", f"network-interface/{interface.get('NetworkInterfaceId', '')}")


def _log_groups(account: Account, stack: str) -> Iterator[str]:
    """Agents make a group anew, without tags, when they write after it was deleted."""
    cluster = f"biojobs-{stack}"
    for prefix in (f"/aws/eks/{cluster}/", f"/aws/containerinsights/{cluster}/", f"/biojobs/{stack}/"):
        pages = account.client("logs").get_paginator("describe_log_groups")
        for page in pages.paginate(logGroupNamePrefix=prefix):
            for group in page["logGroups"]:
                yield _arn(account, "logs", f"log-group:{group.get('logGroupName', '')}")


def _roles(account: Account, stack: str) -> Iterator[str]:
    """The tagging API lists no roles; one that is left keeps the next `up` from making it."""
    for page in account.client("iam").get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(f"biojobs-{stack}-"):
                yield f"arn:{account.partition}:iam::{account.id}:role/{role['RoleName']}"


def _arn(account: Account, service: str, resource: str) -> str:
    return f"arn:{account.partition}:{service}:{account.region}:{account.id}:{resource}"


_LOOKS: Final[Mapping[str, Callable[[Account, str], Iterator[str]]]] = {
    "tag:GetResources": _tagged,
    "ec2:DescribeSecurityGroups": _security_groups,
    "ec2:DescribeNetworkInterfaces": _interfaces,
    "logs:DescribeLogGroups": _log_groups,
    "iam:ListRoles": _roles,
}

# The tagging API goes on listing what was deleted, for hours: what EC2's Describe calls list, and how they name it.
_EC2: Final[Mapping[str, tuple[str, str]]] = {
    "elastic-ip": ("Addresses", "AllocationId"),
    "instance": ("Instances", "InstanceId"),
    "internet-gateway": ("InternetGateways", "InternetGatewayId"),
    "natgateway": ("NatGateways", "NatGatewayId"),
    "network-interface": ("NetworkInterfaces", "NetworkInterfaceId"),
    "route-table": ("RouteTables", "RouteTableId"),
    "security-group": ("SecurityGroups", "GroupId"),
    "subnet": ("Subnets", "SubnetId"),
    "volume": ("Volumes", "VolumeId"),
    "vpc": ("Vpcs", "VpcId"),
    "vpc-endpoint": ("VpcEndpoints", "VpcEndpointId"),
}
_ASKED: Final = {("kms", "key"), *(("ec2", kind) for kind in _EC2)}
_GONE: Final = ("terminated", "deleted")
_GOING: Final = ("shutting-down", "deleting", "PendingDeletion")


def _ask_again(account: Account, kind: tuple[str, str], ids: list[str]) -> Iterator[tuple[str, Fate | str]]:
    """What became of resources: "there", "gone", or their fate; what is not told of is gone."""
    if kind == ("kms", "key"):
        for name in ids:
            state = account.client("kms").describe_key(KeyId=name)["KeyMetadata"].get("KeyState", "")
            yield name, "going" if state in _GOING else "there"
        return
    listed, named = _EC2[kind[1]]
    operation = f"describe_{_snake(listed)}"
    client: Any = account.client("ec2")
    query = {"Filters": [{"Name": _snake(named).replace("_", "-"), "Values": ids}]}
    pages = client.get_paginator(operation).paginate(**query) if client.can_paginate(operation) else None
    for page in pages or [getattr(client, operation)(**query)]:
        holders = page["Reservations"] if listed == "Instances" else [page]
        for thing in (thing for holder in holders for thing in holder[listed]):
            yield thing[named], _state(thing)


def _state(thing: Mapping[str, Any]) -> Fate | str:
    # An instance's state is a mapping, all others are words.
    told: Any = thing.get("State", "")
    state: str = told if isinstance(told, str) else told["Name"]
    if state in _GONE:
        return "gone"
    if state in _GOING:
        return "going"
    return "free" if thing.get("VpcEndpointType") == "Gateway" else "there"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def report(audit: Audit, stack: str, region: str) -> Iterator[str]:
    """The audit as text, a line each."""
    return audits.report(audit, stack, region, "AWS", "data in S3 and logs are paid for by the GB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what is left; 0 when nothing unexpected is, 1 when something is, 2 when that could not be found out."""
    parser = argparse.ArgumentParser(prog="python -m components.aws.audit", description=__doc__)
    parser.add_argument("--region", help="where to look, for a stack whose Pulumi.STACK.yaml is gone")
    return audits.command(parser, _look, arguments)


def _look(options: argparse.Namespace) -> tuple[Audit, Iterator[str]]:
    region, keep_logs = options.region, False
    if not region:
        target = read_settings(options.stack, ROOT).aws
        region, keep_logs = target.region, target.keep_logs
    found = audit(sign_in(region), options.stack, keep_logs=keep_logs)
    return found, report(found, options.stack, region)


if __name__ == "__main__":
    sys.exit(main())
