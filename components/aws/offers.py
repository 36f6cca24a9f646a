"""What AWS offers a stack: zones, instance types, the Kubernetes version, add-ons, and the buckets that it names.

Each function asks, and yields what it found; errors of boto3 go through.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Final

import versions
from components.aws.account import Account, code_of
from components.checks import Result
from components.pools import key
from settings import Settings

_SOON: Final = datetime.timedelta(days=60)
_OBSERVABILITY: Final = "amazon-cloudwatch-observability"


def zones_of(account: Account) -> tuple[str, ...]:
    """The region's zones, in the order of their names."""
    answer = account.client("ec2").describe_availability_zones(
        Filters=[
            {"Name": "opt-in-status", "Values": ["opt-in-not-required"]},
            {"Name": "state", "Values": ["available"]},
        ]
    )
    return tuple(sorted(zone.get("ZoneName", "") for zone in answer["AvailabilityZones"]))


def chosen(settings: Settings, there: Sequence[str]) -> tuple[str, ...]:
    """The zones of the stack: those of the settings, or the region's first three."""
    return settings.aws.network.zones or tuple(there[:3])


def zones(settings: Settings, there: Sequence[str]) -> Iterator[Result]:
    """Whether the region has the zones that are wanted."""
    region, have = settings.aws.region, ", ".join(there)
    if unknown := [zone for zone in settings.aws.network.zones if zone not in there]:
        words = f"biojobs:network.zones: {', '.join(unknown)}: not in {region}, which has {have}; name some of those"
        yield Result("problem", "zones", words)
    elif len(there) < 2:
        words = f"biojobs:region: {region!r}: EKS takes two zones, and there is {have or 'none'}; name another region"
        yield Result("problem", "zones", words)
    else:
        yield Result("ok", "zones", ", ".join(chosen(settings, there)))


def instance_types(settings: Settings, account: Account, there: Sequence[str]) -> Iterator[Result]:
    """Whether the region has every type of every pool, and each zone at least one of a pool."""
    named = settings.aws.pools.named()
    kinds = sorted({kind for pool in named.values() for kind in pool.types})
    pages = account.client("ec2").get_paginator("describe_instance_type_offerings")
    offered = {
        (offer.get("InstanceType", ""), offer.get("Location", ""))
        for page in pages.paginate(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": kinds}]
        )
        for offer in page["InstanceTypeOfferings"]
    }
    found: list[Result] = []
    for name, pool in named.items():
        where = key(name, "types")
        missing = [kind for kind in pool.types if not any(kind == offer for offer, _ in offered)]
        if missing:
            words = f"{where}: {', '.join(missing)}: EC2 has none in {settings.aws.region}, and EKS refuses the pool; "
            found.append(Result("problem", "types", words + _others(len(missing) < len(pool.types))))
        bare = [zone for zone in chosen(settings, there) if not any((kind, zone) in offered for kind in pool.types)]
        if bare and len(missing) < len(pool.types):
            words = (
                f"{where}: none of them is to be had in {', '.join(bare)}; the pool has its nodes in the other zones"
            )
            found.append(Result("warning", "types", words))
    yield from found or [Result("ok", "types", f"all {len(kinds)} are offered in {settings.aws.region}")]


def _others(some: bool) -> str:
    listing = "`aws ec2 describe-instance-type-offerings`"
    return f"take {'them' if some else 'others from ' + listing}{' out' if some else ''}"


def kubernetes(settings: Settings, account: Account, today: datetime.date) -> Iterator[Result]:
    """Whether EKS has the version in standard support, and for how long."""
    version = settings.aws.kubernetes
    pages = account.client("eks").get_paginator("describe_cluster_versions").paginate(includeAll=True)
    sold = {found.get("clusterVersion", ""): found for page in pages for found in page["clusterVersions"]}
    standard = [name for name, found in sold.items() if found.get("versionStatus") == "STANDARD_SUPPORT"]
    if version not in standard:
        state = str(sold[version].get("versionStatus", "")).replace("_", " ").lower() if version in sold else "not sold"
        words = (
            f"biojobs:kubernetes: {version!r}: is {state}; EKS has {', '.join(sorted(standard))} in standard support"
        )
        yield Result("problem", "kubernetes", words)
        return
    end = sold[version].get("endOfStandardSupportDate")
    if end is not None and end.date() - today < _SOON:
        words = f"biojobs:kubernetes: {version!r}: leaves standard support on {end.date()}; name a newer one soon"
        yield Result("warning", "kubernetes", words)
    else:
        until = f" until {end.date()}" if end else ""
        yield Result("ok", "kubernetes", f"{version} is in standard support{until}")


def addons(settings: Settings, account: Account) -> Iterator[Result]:
    """Whether EKS has the pinned add-on versions for the Kubernetes version."""
    version = settings.aws.kubernetes
    pinned = {**versions.EKS_ADDONS.get(version, {}), _OBSERVABILITY: versions.EKS_OBSERVABILITY}
    pages = account.client("eks").get_paginator("describe_addon_versions").paginate(kubernetesVersion=version)
    offered = {
        addon.get("addonName", ""): [found.get("addonVersion", "") for found in addon.get("addonVersions", [])]
        for page in pages
        for addon in page["addons"]
    }
    gone = {name: wanted for name, wanted in pinned.items() if wanted not in offered.get(name, ())}
    for name, wanted in gone.items():
        have = ", ".join(offered.get(name, [])[:3]) or "none"
        words = f"{name} {wanted}: EKS has {have} for Kubernetes {version}; change its pin in versions.py"
        yield Result("problem", "add-ons", words)
    if not gone:
        yield Result("ok", "add-ons", f"all {len(pinned)} pinned versions are there")


def buckets(settings: Settings, account: Account) -> Iterator[Result]:
    """Whether the buckets that the settings name are there, can be reached, and are in the region."""
    from botocore.exceptions import ClientError

    named = {role: name for role, name in settings.aws.buckets if role in ("reads", "reference", "results") and name}
    for role, name in named.items():
        where = f"biojobs:buckets.{role}: {name!r}:"
        try:
            region = account.client("s3").head_bucket(Bucket=name).get("BucketRegion", account.region)
        except ClientError as error:
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            region = headers.get("x-amz-bucket-region", "")
            if code_of(error) in ("404", "NoSuchBucket"):
                yield Result("problem", "buckets", f"{where} there is no such bucket; make it, or leave the key empty")
                continue
            if code_of(error) in ("403", "AccessDenied"):
                words = f"{where} is another account's, or not yours to read; name one of account {account.id}"
                yield Result("problem", "buckets", words)
                continue
            if code_of(error) != "301":
                raise
        if region != account.region:
            words = f"{where} is in {region}: what is read crosses regions and is paid for; use one in {account.region}"
            yield Result("warning", "buckets", words)
        else:
            yield Result("ok", "buckets", f"{role}: {name}")
