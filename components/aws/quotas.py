"""Service quotas: what a stack wants of an account, what the account has, and how to ask for more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components import quotas
from components.accounts import DeniedError
from components.aws.account import Account, code_of, explain
from components.aws.machines import shape
from components.pools import is_spot, key
from settings import Settings
from settings_aws import Pool

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import TagTypeDef

_AT_ONCE: Final = 8


@dataclass(frozen=True)
class _Family:
    """Instance families that share a quota, which AWS counts in vCPUs."""

    what: str
    spot: str
    on_demand: str
    default: float


_STANDARD: Final = _Family("standard families (A, C, D, H, I, M, R, T, Z)", "L-34B43A08", "L-1216C47A", 5)
_FAMILIES: Final = {
    "g": _Family("G and VT families", "L-3819A6DF", "L-DB2E81BA", 0),
    "x": _Family("X family", "L-E3A00192", "L-7295265B", 0),
}
"""By the first letter of the type."""


@dataclass(frozen=True, kw_only=True)
class Quota(quotas.Quota):
    """A limit of AWS, by its codes. `asked` is the region whose Service Quotas has the value, where it is not the
    stack's own.
    """

    service: str
    code: str
    asked: str = ""


Finding = quotas.Finding[Quota]


def wanted(settings: Settings, zones: int = 3) -> tuple[Quota, ...]:
    """What the settings want, in a VPC that spans `zones` availability zones.

    Raises LookupError for an instance type that does not exist.
    """
    return (*_vcpus(settings), *_disks(settings), *_network(settings, zones), *_others(settings))


def _vcpus(settings: Settings) -> Iterator[Quota]:
    groups: dict[tuple[_Family, bool], list[tuple[str, Pool, int]]] = {}
    for name, pool in settings.aws.pools.named().items():
        group = (_FAMILIES.get(pool.types[0][0], _STANDARD), is_spot(name))
        groups.setdefault(group, []).append(
            (key(name, "max").removeprefix("biojobs:"), pool, max(shape(kind).vcpu for kind in pool.types))
        )
    for (family, spot), members in groups.items():
        yield Quota(
            service="ec2",
            code=family.spot if spot else family.on_demand,
            what=f"vCPUs of {'spot' if spot else 'on-demand'} instances, {family.what}",
            keys=", ".join(key for key, _, _ in members),
            # What is always there, and one more node of the largest pool.
            least=sum(pool.min * vcpu for _, pool, vcpu in members)
            + max((vcpu for _, pool, vcpu in members if pool.max > pool.min), default=0),
            wanted=sum(pool.max * vcpu for _, pool, vcpu in members),
            default=family.default,
        )


def _disks(settings: Settings) -> Iterator[Quota]:
    pools = settings.aws.pools.named().values()
    yield Quota(
        service="ebs",
        code="L-7A658B76",
        what="gp3 volumes, TiB",
        keys="pools.*.max, pools.*.diskGib",
        least=max(pool.disk_gib for pool in pools) / 1024,
        wanted=sum(pool.max * pool.disk_gib for pool in pools) / 1024,
        default=50,
    )


def _network(settings: Settings, zones: int) -> Iterator[Quota]:
    network = settings.aws.network
    if network.vpc_id:
        return
    gateways = {"single": 1, "per-zone": zones, "none": 0}[network.nat]
    yield _count("vpc", "L-F678F1CE", "VPCs in the region", "network.vpcId", 1, 5)
    if gateways:
        yield _count("ec2", "L-0263D0A3", "Elastic IP addresses", "network.nat", gateways, 5)
        yield _count("vpc", "L-FE5A380F", "NAT gateways in a zone", "network.nat", 1, 5)


def _others(settings: Settings) -> Iterator[Quota]:
    buckets = settings.aws.buckets
    own = sum(not name for name in (buckets.reads, buckets.reference, buckets.results))
    yield _count("eks", "L-1194D53C", "EKS clusters in the region", "region", 1, 100)
    # Buckets count for the account as a whole, and one region of a partition has their quota.
    if own and not settings.aws.region.startswith(("cn-", "us-gov-")):
        yield _count("s3", "L-DC2B2D3D", "buckets of the account", "buckets", own, 10_000, asked="us-east-1")


def _count(service: str, code: str, what: str, keys: str, number: float, default: float, asked: str = "") -> Quota:
    """Something of which the stack takes a number, all or nothing."""
    return Quota(
        service=service, code=code, what=what, keys=keys, least=number, wanted=number, default=default, asked=asked
    )


def compare(wants: Iterable[Quota], account: Account, stack: str) -> list[Finding]:
    """Every quota beside the account's value and what others use of it. Never raises for what AWS denies: that is told
    in the finding. Raises AccountError when AWS cannot be asked at all."""
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        started = [workers.submit(_compare, quota, account, stack) for quota in wants]
        return [each.result() for each in started]


def _compare(quota: Quota, account: Account, stack: str) -> Finding:
    have, doubt = _value(quota, account)
    count = _USED.get(quota.code)
    if count is None:
        return Finding(quota, have, None, doubt)
    try:
        return Finding(quota, have, _asked(lambda: count(account, stack), "counting " + quota.what, account), doubt)
    except DeniedError:
        return Finding(quota, have, None, doubt)


def _value(quota: Quota, account: Account) -> tuple[float, str]:
    """The account's value of a quota, or AWS's default with the reason."""
    client = account.client("service-quotas", quota.asked)

    def own() -> float:
        answer = client.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
        return answer["Quota"].get("Value", quota.default)

    def default() -> float:
        answer = client.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
        return answer["Quota"].get("Value", quota.default)

    doubt = ""
    for ask in (own, default):
        try:
            return _asked(ask, "servicequotas:GetServiceQuota", account), doubt
        except DeniedError as error:
            return quota.default, str(error)
        except LookupError:
            # Where a value was never changed, Service Quotas may know the default alone.
            doubt = "Service Quotas has no value for the account"
    return quota.default, doubt


def _asked(ask: Callable[[], float], action: str, account: Account) -> float:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except (ClientError, BotoCoreError) as error:
        if code_of(error) == "NoSuchResourceException":
            raise LookupError(action) from None
        raise explain(error, action, account.region) from None


def _others_of(stack: str, tags: Sequence[TagTypeDef]) -> bool:
    """Whether something belongs to others than the stack, which counts what it has already as its own."""
    told = {tag.get("Key"): tag.get("Value") for tag in tags}
    return (told.get("project"), told.get("stack")) != ("biojobs", stack)


def _vpcs(account: Account, stack: str) -> int:
    pages = account.client("ec2").get_paginator("describe_vpcs").paginate()
    return sum(_others_of(stack, vpc.get("Tags", [])) for page in pages for vpc in page["Vpcs"])


def _addresses(account: Account, stack: str) -> int:
    found = account.client("ec2").describe_addresses()["Addresses"]
    return sum(_others_of(stack, address.get("Tags", [])) for address in found)


def _gateways(account: Account, stack: str) -> int:
    """Those of the zone that has most."""
    client = account.client("ec2")
    pages = client.get_paginator("describe_nat_gateways").paginate(
        Filters=[{"Name": "state", "Values": ["pending", "available"]}]
    )
    found = [gateway for page in pages for gateway in page["NatGateways"] if _others_of(stack, gateway.get("Tags", []))]
    subnets = [gateway.get("SubnetId", "") for gateway in found]
    if not subnets:
        return 0
    zones = {
        subnet.get("SubnetId"): subnet.get("AvailabilityZone", "")
        for page in client.get_paginator("describe_subnets").paginate(SubnetIds=sorted(set(subnets)))
        for subnet in page["Subnets"]
    }
    counted = [zones.get(subnet) for subnet in subnets]
    return max(counted.count(zone) for zone in counted)


def _clusters(account: Account, stack: str) -> int:
    pages = account.client("eks").get_paginator("list_clusters").paginate()
    return sum(name != f"biojobs-{stack}" for page in pages for name in page["clusters"])


def _buckets(account: Account, stack: str) -> int:
    found = account.client("s3").list_buckets()["Buckets"]
    return sum(not bucket.get("Name", "").startswith(f"biojobs-{stack}-") for bucket in found)


_USED: Final[dict[str, Callable[[Account, str], int]]] = {
    "L-F678F1CE": _vpcs,
    "L-0263D0A3": _addresses,
    "L-FE5A380F": _gateways,
    "L-1194D53C": _clusters,
    "L-DC2B2D3D": _buckets,
}


def remedy(finding: Finding, region: str) -> str:
    """The command that asks AWS for enough, and the settings that want less."""
    quota = finding.quota
    value = math.ceil(quota.wanted + (finding.used or 0))
    return (
        f"lower biojobs:{quota.keys}, or `aws service-quotas request-service-quota-increase --region "
        f"{quota.asked or region} --service-code {quota.service} --quota-code {quota.code} --desired-value {value}`"
    )


def describe(finding: Finding, region: str) -> str:
    """A finding in one line: what, wanted, have and, where that is not enough, the remedy."""
    return quotas.describe(finding, "AWS", remedy(finding, region))
