"""What Google Cloud offers a stack: billing, APIs, the region, machine types, GKE's versions, network and buckets.

Each function asks, and yields what it found; errors of the account go through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from components.checks import Result
from components.gcp.account import Account, MissingError
from components.gcp.services import services
from components.gcp.storage import far_place
from components.gcp.zones import kinds_of, missing_types, types_filter
from components.storage import ROLES
from settings import Settings
from settings_gcp import Gcp

CHANNEL: Final = "REGULAR"
_USAGE: Final = "constraints/gcp.restrictServiceUsage"
_LEAST_ZONES: Final = 2
_BILLING: Final = "https://cloudbilling.googleapis.com/v1"
_POLICY: Final = "https://cloudresourcemanager.googleapis.com/v1"
_SERVICES: Final = "https://serviceusage.googleapis.com/v1"
_GKE: Final = "https://container.googleapis.com/v1"
_STORAGE: Final = "https://storage.googleapis.com/storage/v1"


@dataclass(frozen=True)
class Region:
    """A region: its zones that are up, in the order of their names, and its quotas by metric: limit and usage."""

    zones: tuple[str, ...] = ()
    quotas: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, "tuple[float, float]"])


def billing(account: Account) -> Iterator[Result]:
    """Whether somebody pays: without that hardly an API can be turned on."""
    found = account.ask(f"{_BILLING}/projects/{account.project}/billingInfo")
    if found.get("billingEnabled"):
        yield Result("ok", "billing", str(found.get("billingAccountName", "")).rpartition("/")[2])
        return
    yield Result(
        "problem",
        "billing",
        f"biojobs:project: {account.project!r}: has no billing account that pays; `gcloud billing projects link "
        f"{account.project} --billing-account ...`",
    )


def apis(settings: Settings, account: Account) -> Iterator[Result]:
    """Which APIs are on, and whether a policy keeps any of the others off."""
    wanted = [f"{name}.googleapis.com" for name in services(settings.gcp)]
    barred = barred_apis(wanted, _policy(account))
    for name in barred:
        yield Result("problem", "apis", _barred(name, account.project))
    off = sorted(set(wanted) - _on(account))
    if not barred:
        yield Result("ok", "apis", f"`up` turns on {', '.join(off)}" if off else f"all {len(wanted)} are on")


def _on(account: Account) -> set[str]:
    listed = account.every(
        f"{_SERVICES}/projects/{account.number}/services", "services", filter="state:ENABLED", fields=_SERVICE_FIELDS
    )
    return {str(service.get("config", {}).get("name", "")) for service in listed}


_SERVICE_FIELDS: Final = "services/config/name,nextPageToken"


def _policy(account: Account) -> Mapping[str, Any]:
    return account.ask(
        f"{_POLICY}/projects/{account.project}:getEffectiveOrgPolicy", method="POST", body={"constraint": _USAGE}
    ).get("listPolicy", {})


def barred_apis(wanted: Sequence[str], policy: Mapping[str, Any]) -> list[str]:
    """Those of the APIs that the organization's policy on the use of services does not allow."""
    if policy.get("allValues") == "DENY":
        return list(wanted)
    allowed, denied = _names(policy.get("allowedValues", [])), _names(policy.get("deniedValues", []))
    return [name for name in wanted if name in denied or (allowed and name not in allowed)]


def _names(values: Sequence[str]) -> set[str]:
    return {value.removeprefix("is:") for value in values}


def _barred(name: str, project: str) -> str:
    return (
        f"biojobs:project: {project!r}: the organization's policy {_USAGE.rpartition('/')[2]} does not allow the API "
        f"{name}; have an administrator of the organization allow it there, or name a project elsewhere"
    )


def region_of(account: Account) -> Region:
    """The region of the stack. Raises MissingError where there is none of that name."""
    found = account.ask(account.compute(f"regions/{account.region}"))
    zones = account.every(account.compute("zones"), "items", fields=_ZONE_FIELDS)
    up = sorted(str(zone["name"]) for zone in zones if zone.get("status", "UP") == "UP")
    return Region(tuple(zone for zone in up if zone.rpartition("-")[0] == account.region), limits(found))


_ZONE_FIELDS: Final = "items(name,status),nextPageToken"


def limits(found: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Limit and usage of every quota of a region or project, by metric."""
    quotas = cast(Sequence[Mapping[str, Any]], found.get("quotas", []))
    return {str(each["metric"]): (float(each.get("limit", 0)), float(each.get("usage", 0))) for each in quotas}


def zones(settings: Settings, region: Region) -> Iterator[Result]:
    """Whether the region has the zones that are wanted."""
    target, have = settings.gcp, ", ".join(region.zones)
    if unknown := [zone for zone in target.zones if zone not in region.zones]:
        words = f"biojobs:zones: {', '.join(unknown)}: not to be had in {target.region}, which has {have}; name others"
        yield Result("problem", "zones", words)
    elif len(region.zones) < _LEAST_ZONES:
        words = f"biojobs:region: {target.region!r}: has {have or 'no zone'}; name a region with two zones or more"
        yield Result("problem", "zones", words)
    else:
        yield Result("ok", "zones", ", ".join(target.zones) or f"of {have} GKE takes up to three")


def machine_types(settings: Settings, account: Account, region: Region) -> Iterator[Result]:
    """Whether the zones have every type of every pool. Autopilot takes what there is."""
    target = settings.gcp
    if target.autopilot:
        yield Result("ok", "types", "Autopilot takes what the region has")
        return
    problems = list(missing_types(target, offered(target, account, target.zones or region.zones)))
    yield from (Result("problem", "types", problem) for problem in problems)
    if not problems:
        yield Result("ok", "types", f"all {len(kinds_of(target))} are offered in {target.region}")


def offered(target: Gcp, account: Account, there: Sequence[str]) -> dict[str, frozenset[str]]:
    """Machine types of the pools that each zone has."""
    words = types_filter(target)
    return {
        zone: frozenset(
            str(found["name"])
            for found in account.every(
                account.compute(f"zones/{zone}/machineTypes"), "items", filter=words, fields="items/name,nextPageToken"
            )
        )
        for zone in there
    }


def gke_versions(account: Account) -> Iterator[Result]:
    """Which version GKE makes clusters of in the channel of the stack."""
    found = account.ask(f"{_GKE}/projects/{account.project}/locations/{account.region}/serverConfig")
    channels = {each.get("channel"): each for each in found.get("channels", [])}
    version = channels.get(CHANNEL, {}).get("defaultVersion", "")
    if version:
        yield Result("ok", "gke", f"{version}, the default of the channel {CHANNEL}")
    else:
        words = f"biojobs:region: {account.region!r}: GKE has no channel {CHANNEL} there; name another region"
        yield Result("problem", "gke", words)


def network(settings: Settings, account: Account) -> Iterator[Result]:
    """Whether the VPC that the settings name is there, and no subnet of it is in the way."""
    name = settings.gcp.network.name
    if not name:
        return
    try:
        found = account.ask(account.compute(f"global/networks/{name}"))
    except MissingError:
        words = f"biojobs:network.name: {name!r}: there is no such VPC in {account.project}; name one that `gcloud "
        yield Result("problem", "network", f"{words}compute networks list` lists, or leave the key empty")
        return
    yield Result("ok", "network", f"{name}, with {len(found.get('subnetworks', []))} subnets")


def buckets(settings: Settings, account: Account) -> Iterator[Result]:
    """Whether the buckets that the settings name are there, can be reached, and are in the region."""
    for role in ROLES:
        if not (name := str(getattr(settings.gcp.buckets, role))):
            continue
        key = f"biojobs:buckets.{role}: {name!r}:"
        try:
            found = account.ask(f"{_STORAGE}/b/{name}", fields="location,customPlacementConfig")
        except MissingError:
            yield Result("problem", "buckets", f"{key} there is no such bucket; make it, or leave the key empty")
            continue
        pair = found.get("customPlacementConfig", {}).get("dataLocations", [])
        if place := far_place(str(found.get("location", "")), pair, account.region):
            words = f"{key} is in {place}: what is read may cross regions and be paid for; use one in {account.region}"
            yield Result("warning", "buckets", words)
        else:
            yield Result("ok", "buckets", f"{role}: {name}")
