"""Quotas of Compute Engine: what a stack wants of a project, what the project has, and how to ask for more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components import quotas
from components.gcp.account import Account
from components.gcp.machines import LOCAL_SSD_GIB, family, shape
from components.gcp.offers import Region, limits
from components.gcp.pools import boot_gib
from components.gcp.prices import autopilot_machines
from components.pools import is_spot, key
from settings import Settings
from settings_cloud import PoolName
from settings_gcp import Pool

SPOT_CPUS: Final = "PREEMPTIBLE_CPUS"
_SHARED: Final = ("e2", "n1")
"""Families that share the quota CPUS; each other one has its own."""
_WITHOUT: Final = ("g2", "a2")
"""Families that are counted by their GPUs."""
_CPUS_DEFAULT: Final = 24.0
"""What a new project usually has of a family in a region; some have less."""
_FIRST_NODES: Final = 3
_FIRST_DISK_GB: Final = 100
"""GKE makes a Standard cluster with a node in each of three zones, which go at once."""


@dataclass(frozen=True, kw_only=True)
class Quota(quotas.Quota):
    """A limit of Compute Engine, by its metric; one of the whole project or of the region."""

    metric: str
    everywhere: bool = False

    @property
    def id(self) -> str:
        """As Cloud Quotas calls it."""
        return f"{self.metric.replace('_', '-')}-per-project{'' if self.everywhere else '-region'}"


Finding = quotas.Finding[Quota]


@dataclass
class _Demand:
    """What pools want of one metric."""

    keys: list[str] = field(default_factory=list[str])
    always: float = 0
    one_more: float = 0
    wanted: float = 0

    def add(self, group: _Group, size: int, *, alone: bool) -> None:
        """Adds a pool whose nodes take so much each; `alone` where it has nothing else to take."""
        self.keys.append(group.key)
        self.wanted += group.max * size
        if alone:
            self.always += group.min * size
            self.one_more = max(self.one_more, size if group.max > group.min else 0)

    def quota(self, metric: str, what: str, default: float, *, everywhere: bool = False) -> Quota:
        """As a quota: a first sample takes what is always there, and one more node of the largest pool."""
        return Quota(
            metric=metric,
            everywhere=everywhere,
            what=what,
            keys=", ".join(dict.fromkeys(self.keys)),
            least=self.always + self.one_more,
            wanted=self.wanted,
            default=default,
        )


@dataclass(frozen=True)
class _Group:
    """A pool: how many nodes there always are and at most, and of which types."""

    key: str
    types: tuple[str, ...]
    min: int
    max: int
    spot: bool
    disk_gib: int
    local_ssds: int


def wanted(settings: Settings, *, spot_quota: bool = False) -> tuple[Quota, ...]:
    """What the settings want. `spot_quota`: whether the project has one for spot machines; without it they count as all
    others do.

    Raises LookupError for a machine type that does not exist.
    """
    groups = _groups(settings)
    first = 0 if settings.gcp.autopilot else _FIRST_NODES
    return (*_cpus(groups, spot_quota=spot_quota), *_disks(groups, first), *_others(settings, groups, first))


def _groups(settings: Settings) -> list[_Group]:
    if not settings.gcp.autopilot:
        return [_group(name, pool) for name, pool in settings.gcp.pools.named().items()]
    # One node of each compute class: nobody says how many there may be.
    return [
        _Group("classes", types, 0, 1, is_spot(name), _FIRST_DISK_GB, 0)
        for name, types in autopilot_machines(settings).items()
    ]


def _group(name: PoolName, pool: Pool) -> _Group:
    where = key(name, "max").removeprefix("biojobs:")
    return _Group(where, pool.types, pool.min, pool.max, is_spot(name), boot_gib(pool), pool.local_ssds)


def metric_of(machine_type: str, *, spot: bool) -> str:
    """The quota that a type's vCPUs, or its GPUs, count against."""
    name = family(machine_type)
    if name in _WITHOUT:
        gpu = shape(machine_type).gpu_type.replace("nvidia-tesla-", "nvidia-").replace("-", "_").upper()
        return f"{'PREEMPTIBLE_' if spot else ''}{gpu}_GPUS"
    if spot:
        return SPOT_CPUS
    return "CPUS" if name in _SHARED else f"{name.upper()}_CPUS"


def _size(machine_type: str) -> int:
    machine = shape(machine_type)
    return machine.gpus if family(machine_type) in _WITHOUT else machine.vcpu


def _cpus(groups: Sequence[_Group], *, spot_quota: bool) -> Iterator[Quota]:
    demands: dict[str, _Demand] = {}
    for group in groups:
        sizes = _sizes(group, spot_quota=spot_quota)
        for metric, size in sizes.items():
            demand = demands.setdefault(metric, _Demand())
            # A family of several may have no quota at all, as long as the others have some: `starved` looks after that.
            demand.add(group, size, alone=len(sizes) == 1)
    total = _Demand()
    for group in groups:
        total.add(group, max(shape(kind).vcpu for kind in group.types), alone=True)
    for metric, demand in demands.items():
        default = 0 if metric.endswith("GPUS") or metric == SPOT_CPUS else _CPUS_DEFAULT
        yield demand.quota(metric, _words(metric), default)
    yield total.quota("CPUS_ALL_REGIONS", "vCPUs of all regions together", 32, everywhere=True)


def _sizes(group: _Group, *, spot_quota: bool) -> dict[str, int]:
    """The most that a node of a pool takes of each metric that its types count against."""
    found: dict[str, int] = {}
    for kind in group.types:
        metric = metric_of(kind, spot=group.spot and spot_quota)
        found[metric] = max(found.get(metric, 0), _size(kind))
    return found


def _words(metric: str) -> str:
    if metric == SPOT_CPUS:
        return "vCPUs of spot machines"
    if metric == "CPUS":
        return "vCPUs of e2 machines"
    name, _, what = metric.rpartition("_")
    return f"{'vCPUs' if what == 'CPUS' else 'GPUs'} {name.lower().replace('_', ' ')}"


def _disks(groups: Sequence[_Group], first: int) -> Iterator[Quota]:
    always = sum(group.min * group.disk_gib for group in groups)
    yield Quota(
        metric="SSD_TOTAL_GB",
        what="pd-balanced disks, GB",
        keys="pools.*.max, pools.*.diskGib",
        least=max(always + max(group.disk_gib for group in groups), first * _FIRST_DISK_GB),
        wanted=max(sum(group.max * group.disk_gib for group in groups), first * _FIRST_DISK_GB),
        default=500,
    )
    local = [(group, group.local_ssds * LOCAL_SSD_GIB) for group in groups if group.local_ssds]
    if local:
        yield Quota(
            metric="LOCAL_SSD_TOTAL_GB",
            what="local SSDs, GB",
            keys="pools.*.max, pools.*.localSsds",
            least=max(size for _, size in local),
            wanted=sum(group.max * size for group, size in local),
            default=0,
        )


def _others(settings: Settings, groups: Sequence[_Group], first: int) -> Iterator[Quota]:
    most = max(sum(group.max for group in groups), first)
    yield _count("INSTANCES", "machines in the region", "pools.*.max", max(1, first), most, 24)
    if settings.gcp.network.nat:
        yield _count("IN_USE_ADDRESSES", "addresses in use in the region", "network.nat", 1, 1, 8)
        yield _count("ROUTERS", "Cloud Routers of the project", "network.nat", 1, 1, 10, everywhere=True)
    if not settings.gcp.network.name:
        yield _count("NETWORKS", "VPCs of the project", "network.name", 1, 1, 5, everywhere=True)


def _count(
    metric: str, what: str, keys: str, least: float, wanted: float, default: float, *, everywhere: bool = False
) -> Quota:
    return Quota(
        metric=metric, what=what, keys=keys, least=least, wanted=wanted, default=default, everywhere=everywhere
    )


def findings(settings: Settings, account: Account, region: Region) -> list[Finding]:
    """Every quota beside the project's value and what others use of it. Raises AccountError."""
    project = limits(account.ask(account.compute("").rstrip("/"), fields="quotas"))
    has_spot = region.quotas.get(SPOT_CPUS, (0.0, 0.0))[0] > 0
    wants = wanted(settings, spot_quota=has_spot)
    own = usage(account, settings.stack, spot_quota=has_spot)
    return [_compare(quota, project if quota.everywhere else region.quotas, own) for quota in wants]


def _compare(quota: Quota, known: Mapping[str, tuple[float, float]], own: Mapping[str, float]) -> Finding:
    if quota.metric not in known:
        return Finding(quota, quota.default, None, "Compute Engine lists no such quota; see the console's Quotas page")
    limit, used = known[quota.metric]
    return Finding(quota, limit, max(0.0, used - own.get(quota.metric, 0.0)))


def starved(settings: Settings, found: Iterable[Finding]) -> Iterator[str]:
    """Pools of which no type has a quota for a single node, though others of the same families might have."""
    free = {finding.quota.metric: finding.free for finding in found if not finding.doubt}
    for group in _groups(settings):
        sizes = _sizes(group, spot_quota=SPOT_CPUS in free)
        if len(sizes) > 1 and all(free.get(metric, size) < size for metric, size in sizes.items()):
            least = ", ".join(f"{metric} has {free[metric]:,.6g} of {size}" for metric, size in sizes.items())
            yield f"{group.key}: none of {', '.join(group.types)} has a quota for one node: {least}"


def usage(account: Account, stack: str, *, spot_quota: bool) -> dict[str, float]:
    """What the stack has already, which counts as its own, by metric."""
    cluster, own = f"biojobs-{stack}", dict[str, float]()
    machines = account.every(
        account.compute("aggregated/instances"), "instances", filter=f'labels.goog-k8s-cluster-name = "{cluster}"'
    )
    for machine in machines:
        for metric, amount in _machine_usage(machine, spot_quota=spot_quota):
            own[metric] = own.get(metric, 0.0) + amount
    for kind, metric in (("global/networks", "NETWORKS"), ("aggregated/routers", "ROUTERS")):
        found = account.every(account.compute(kind), kind.rpartition("/")[2] if "aggregated" in kind else "items")
        own[metric] = float(sum(each.get("name") == cluster for each in found))
    own["IN_USE_ADDRESSES"] = own["ROUTERS"]
    return own


def _machine_usage(machine: Mapping[str, Any], *, spot_quota: bool) -> Iterator[tuple[str, float]]:
    kind = str(machine.get("machineType", "")).rpartition("/")[2]
    spot = machine.get("scheduling", {}).get("provisioningModel") == "SPOT" and spot_quota
    yield "INSTANCES", 1.0
    for disk in machine.get("disks", []):
        yield (
            "LOCAL_SSD_TOTAL_GB" if disk.get("type") == "SCRATCH" else "SSD_TOTAL_GB",
            float(disk.get("diskSizeGb", 0)),
        )
    try:
        yield metric_of(kind, spot=spot), float(_size(kind))
        yield "CPUS_ALL_REGIONS", float(shape(kind).vcpu)
    except LookupError:
        return  # not one of ours to reckon with


def remedy(finding: Finding, account: Account) -> str:
    """The command that asks Google for enough, and the settings that want less."""
    quota = finding.quota
    value = math.ceil(quota.wanted + (finding.used or 0))
    place = "" if quota.everywhere else f" --dimensions region={account.region}"
    return (
        f"lower biojobs:{quota.keys}, or `gcloud beta quotas preferences create --service compute.googleapis.com "
        f"--project {account.project} --quota-id {quota.id} --preferred-value {value}{place}`"
    )


def describe(finding: Finding, account: Account) -> str:
    """A finding in one line: what, wanted, have and, where that is not enough, the remedy."""
    return quotas.describe(finding, "Google", remedy(finding, account))
