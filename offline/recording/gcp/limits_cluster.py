"""What GKE, or pulumi-gcp before it, refuses of a cluster or a node pool by looking at the request alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, cast

from offline.recording.strict.cloud import Problems
from offline.recording.strict.kind import at
from offline.recording.strict.limits import is_kubelets, is_label
from offline.values import Map

_NOT_ON_AUTOPILOT = (
    *("addonsConfig.networkPolicyConfig", "addonsConfig.dnsCacheConfig", "addonsConfig.statefulHaConfig"),
    *("clusterAutoscaling.enabled", "clusterAutoscaling.resourceLimits", "binaryAuthorization.enabled"),
    *("enableShieldedNodes", "networkPolicy", "nodePools", "nodeConfig", "removeDefaultNodePool"),
    *("defaultMaxPodsPerNode", "enableIntranodeVisibility"),
)
_WINDOWS = ("dailyMaintenanceWindow", "recurringWindow", "recurringMaintenanceWindow")
_LEAST_WINDOW = 4  # hours
_LEAST_SHARE = 48 / 32 / 24  # of all time: 48 hours in 32 days


def cluster(inputs: Map) -> Problems:
    """A GKE cluster, Standard or Autopilot."""
    if inputs.get("enableAutopilot"):
        yield from _autopilot(inputs)
    else:
        yield from _standard(inputs)
    allocation = cast(Map, inputs.get("ipAllocationPolicy") or {})
    for key in ("cluster", "services"):
        if allocation.get(f"{key}SecondaryRangeName") and allocation.get(f"{key}Ipv4CidrBlock"):
            yield f"ipAllocationPolicy.{key}Ipv4CidrBlock", "conflicts with the secondary range's name"
    if not allocation and not inputs.get("clusterIpv4Cidr"):
        yield "ipAllocationPolicy", "is needed: the cluster would have ranges that nobody planned"
    for where, value in at(inputs, "databaseEncryption.state"):
        if value == "ENCRYPTED" and not cast(Map, inputs["databaseEncryption"]).get("keyName"):
            yield where, "ENCRYPTED needs a key"
    if inputs.get("datapathProvider") == "ADVANCED_DATAPATH" and _on(inputs, "networkPolicy.enabled"):
        yield "networkPolicy.enabled", "Enabling NetworkPolicy for clusters with DatapathProvider=ADVANCED_DATAPATH"
    if inputs.get("addonsConfig") is not None and not any(cast(Map, inputs["addonsConfig"]).values()):
        yield "addonsConfig", "is empty"
    yield from _maintenance(cast(Map, inputs.get("maintenancePolicy") or {}))
    components = [str(value) for _, value in at(inputs, "loggingConfig.enableComponents[]")]
    if components and "SYSTEM_COMPONENTS" not in components:
        yield "loggingConfig.enableComponents", "SYSTEM_COMPONENTS must be enabled to enable any other"


def _autopilot(inputs: Map) -> Problems:
    for path in _NOT_ON_AUTOPILOT:
        # False is as good as nothing to the provider where the property is a flag.
        for where, value in at(inputs, path):
            if value is not False:
                yield where, "conflicts with enableAutopilot"
    for where, value in at(inputs, "releaseChannel.channel"):
        if value == "UNSPECIFIED":
            yield where, "Autopilot clusters must be in a release channel"
    for kind, needed in (("logging", {"SYSTEM_COMPONENTS", "WORKLOADS"}), ("monitoring", {"SYSTEM_COMPONENTS"})):
        for where, value in at(inputs, f"{kind}Config.enableComponents"):
            if missing := needed - set(cast(list[str], value)):
                yield where, f"Autopilot clusters must have {', '.join(sorted(missing))}"


def _standard(inputs: Map) -> Problems:
    if inputs.get("removeDefaultNodePool") and inputs.get("nodePools"):
        yield "nodePools", "belong to no cluster whose default pool is removed"
    if not inputs.get("initialNodeCount") and not inputs.get("nodePools"):
        yield "initialNodeCount", "is needed: exactly one of initialNodeCount and nodePools must be specified"
    if inputs.get("removeDefaultNodePool") and inputs.get("nodeConfig"):
        # The default pool is gone: what is said of it comes back as a difference (pulumi-gcp#744, #2247).
        yield "nodeConfig", "of a removed default pool differs for ever; describe nodes in pools of their own"


def _maintenance(policy: Map) -> Problems:
    if not policy:
        return
    windows = [key for key in _WINDOWS if policy.get(key)]
    if len(windows) != 1:
        yield "maintenancePolicy", f"has one window, and this has {len(windows)}"
    window = cast(Map, policy.get("recurringWindow") or {})
    start, end, rule = (window.get(key) for key in ("startTime", "endTime", "recurrence"))
    if not (isinstance(start, str) and isinstance(end, str) and isinstance(rule, str)):
        return
    where = "maintenancePolicy.recurringWindow"
    try:
        hours = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600
    except ValueError as error:
        yield where, f"is no time as of RFC 3339: {error}"
        return
    days = len(re.findall(r"\b(?:MO|TU|WE|TH|FR|SA|SU)\b", rule)) or (7 if "FREQ=DAILY" in rule else 1)
    if hours < _LEAST_WINDOW or hours * days / (7 * 24) < _LEAST_SHARE:
        yield where, f"{hours:g} h on {days} days a week: GKE needs windows of 4 h, and 48 h in 32 days"


def node_pool(inputs: Map) -> Problems:
    """A node pool of a Standard cluster."""
    yield from _sizes(inputs)
    config = cast(Map, inputs.get("nodeConfig") or {})
    if config.get("spot") and config.get("preemptible"):
        yield "nodeConfig.preemptible", "conflicts with spot"
    for where, value in at(config, "labels"):
        for key, text in cast(Map, value).items():
            if not is_label(key, text) or is_kubelets(key):
                yield f"nodeConfig.{where}", f"has the label {key}={text}, which GKE does not take"
    for where, value in at(config, "metadata"):
        if cast(Map, value).get("disable-legacy-endpoints") != "true":
            yield f"nodeConfig.{where}", "differs for ever without disable-legacy-endpoints, which GKE adds"
    for where, value in at(config, "taints[].key"):
        if not is_label(str(value), ""):
            yield f"nodeConfig.{where}", f"{value!r} is no taint's key"
    upgrade = cast(Map, inputs.get("upgradeSettings") or {})
    surge, out = upgrade.get("maxSurge", 1), upgrade.get("maxUnavailable", 0)
    known = isinstance(surge, int) and isinstance(out, int)
    if known and upgrade.get("strategy", "SURGE") == "SURGE" and not 1 <= surge + out <= 20:
        yield "upgradeSettings", f"maxSurge {surge} and maxUnavailable {out} are not 1 to 20 together"


def _sizes(inputs: Map) -> Problems:
    scaling = cast(Map, inputs.get("autoscaling") or {})
    of_zone = [key for key in ("minNodeCount", "maxNodeCount") if scaling.get(key) is not None]
    total = [key for key in ("totalMinNodeCount", "totalMaxNodeCount") if scaling.get(key) is not None]
    if of_zone and total:
        yield "autoscaling", f"{of_zone[0]} and {total[0]} do not go together"
    if scaling and not of_zone and not total:
        yield "autoscaling", "has no bounds"
    bounds = [scaling.get(key) for key in (total or of_zone)]
    if len(bounds) == 2 and all(isinstance(size, int) for size in bounds) and bounds != sorted(cast(list[int], bounds)):
        yield "autoscaling", f"min {bounds[0]} is more than max {bounds[1]}"
    if scaling and inputs.get("nodeCount") is not None:
        yield "nodeCount", "differs for ever where the autoscaler counts the nodes"


def _on(inputs: Map, path: str) -> Any:
    return any(value for _, value in at(inputs, path))
