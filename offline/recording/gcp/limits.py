"""What Google Cloud, or pulumi-gcp before it, refuses by looking at a request alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from offline.recording.gcp import limits_cluster
from offline.recording.gcp.roles import BASIC, GIVEN_ON, NOT_ON_PROJECT, PREDEFINED
from offline.recording.strict.cloud import Problems
from offline.recording.strict.kind import Kind, at
from offline.recording.strict.limits import json_problems
from offline.values import Map

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_LABELS = 64
_DAY = 86_400
_COLUMNS = 48
_PRINCIPAL = re.compile(
    r"(user|group|serviceAccount):[^@\s]+@[^@\s]+|domain:\S+|principal(Set)?://iam\.googleapis\.com/\S+"
    r"|serviceAccount:\S+\.svc\.id\.goog\[\S+/\S+\]|allUsers|allAuthenticatedUsers|project(Owner|Editor|Viewer):\S+"
)


def limits(kind: Kind, inputs: Map) -> Problems:
    """Labels, roles and principals, and what each type has of its own."""
    for path in ("labels", "resourceLabels", "userLabels", "nodeConfig.resourceLabels"):
        # A notification channel's labels are its address.
        for where, value in at(inputs, path) if (kind.called, path) != ("channel", "labels") else ():
            yield from _labels(where, cast(Map, value))
    if "member" in kind.replace:
        yield from _role(kind, inputs)
    if more := _MORE.get(kind.called):
        yield from more(inputs)


def _labels(where: str, labels: Map) -> Problems:
    if len(labels) > _LABELS:
        yield where, f"has {len(labels)} labels; Google Cloud takes {_LABELS}"
    for key, value in labels.items():
        if not _KEY.fullmatch(key):
            yield where, f"has the key {key!r}; Google Cloud takes up to 63 of a-z, 0-9, _ and -"
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            yield where, f"has the value {value!r} of {key}; Google Cloud takes up to 63 of a-z, 0-9, _ and -"


def _role(kind: Kind, inputs: Map) -> Problems:
    for where, value in at(inputs, "role"):
        role = str(value)
        if role.startswith("roles/") and role not in PREDEFINED:
            yield where, f"{role!r} is no role that the recording knows; see offline/recording/gcp/roles.py"
        elif not role.startswith(("roles/", "projects/", "organizations/")):
            yield where, f"{role!r} is no role: roles/... or projects/<project>/roles/..."
        allowed = GIVEN_ON.get(kind.called)
        if allowed and role.startswith("roles/") and not role.startswith(allowed):
            yield where, f"{role} is not supported for this resource"
        if not allowed and role.startswith(NOT_ON_PROJECT):
            yield where, f"{role} is not supported for this resource"
        if role in BASIC and inputs.get("condition"):
            yield "condition", f"{role} is a basic role, which takes no condition"
    for where, value in at(inputs, "member"):
        if not _PRINCIPAL.fullmatch(str(value)):
            yield where, f"{value!r} is no principal"
    for where, value in at(inputs, "condition.expression"):
        if str(value).count('"') % 2 or str(value).count("(") != str(value).count(")"):
            yield where, f"{value!r} is no expression"


def _bucket(inputs: Map) -> Problems:
    for where, value in at(inputs, "softDeletePolicy.retentionDurationSeconds"):
        if int(value) and not 7 * _DAY <= int(value) <= 90 * _DAY:
            yield where, f"{value} is neither 0 nor from 7 to 90 days"
    for index, rule in enumerate(cast(list[Map], inputs.get("lifecycleRules") or [])):
        action = cast(Map, rule.get("action") or {})
        if not any(value for value in cast(Map, rule.get("condition") or {}).values()):
            yield f"lifecycleRules[{index}].condition", "has no condition"
        if (action.get("type") == "SetStorageClass") != bool(action.get("storageClass")):
            yield f"lifecycleRules[{index}].action", "a storage class goes with SetStorageClass, and with it alone"


def _object(inputs: Map) -> Problems:
    if ("content" in inputs) == ("source" in inputs):
        yield "source", "exactly one of content and source is needed"


def _repository(inputs: Map) -> Problems:
    remote = inputs.get("mode") == "REMOTE_REPOSITORY"
    config = cast(Map, inputs.get("remoteRepositoryConfig") or {})
    if remote != bool(config):
        yield "remoteRepositoryConfig", "goes with the mode REMOTE_REPOSITORY, and with it alone"
    sources = [key for key in config if key.endswith("Repository")]
    if remote and len(sources) != 1:
        yield "remoteRepositoryConfig", f"has one upstream, and this has {len(sources)}"
    docker = cast(Map, config.get("dockerRepository") or {})
    if docker and ("publicRepository" in docker) == ("customRepository" in docker):
        yield "remoteRepositoryConfig.dockerRepository", "is a public or a custom repository"
    for where, value in at(docker, "customRepository.uri"):
        if not str(value).startswith("https://"):
            yield f"remoteRepositoryConfig.dockerRepository.{where}", f"{value!r} does not begin with https://"
    ids = [str(policy.get("id")) for policy in cast(list[Map], inputs.get("cleanupPolicies") or [])]
    if len(set(ids)) < len(ids) or len(ids) > 10:
        yield "cleanupPolicies", f"has the ids {', '.join(ids)}; up to ten, each once"
    for where, value in at(inputs, "cleanupPolicies[].condition.olderThan"):
        if not re.fullmatch(r"\d+[smhd]", str(value)):
            yield f"cleanupPolicies{where}", f"{value!r} is no duration, such as 30d"
    if remote and at_any(inputs, "dockerConfig.immutableTags"):
        yield "dockerConfig.immutableTags", "a remote repository has no immutable tags"


def _key(inputs: Map) -> Problems:
    for where, value in at(inputs, "rotationPeriod"):
        found = re.fullmatch(r"(\d+)(\.\d+)?s", str(value))
        if not found or int(found[1]) < _DAY:
            yield where, f"{value!r} is not a day or more, in seconds such as 7776000s"
    if inputs.get("rotationPeriod") and inputs.get("purpose", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        yield "rotationPeriod", "only keys that encrypt and decrypt rotate"


def _identity_provider(inputs: Map) -> Problems:
    if len([key for key in ("aws", "oidc", "saml", "x509") if inputs.get(key)]) != 1:
        yield "oidc", "exactly one of aws, oidc, saml and x509 is needed"
    if inputs.get("oidc") and "google.subject" not in cast(Map, inputs.get("attributeMapping") or {}):
        yield "attributeMapping", "google.subject must be mapped"
    github = any("token.actions.githubusercontent.com" in str(value) for _, value in at(inputs, "oidc.issuerUri"))
    if github and not inputs.get("attributeCondition"):
        yield "attributeCondition", "an issuer that serves everyone needs a condition"


def _router_nat(inputs: Map) -> Problems:
    dynamic = bool(inputs.get("enableDynamicPortAllocation"))
    if inputs.get("natIpAllocateOption") == "MANUAL_ONLY" and not inputs.get("natIps"):
        yield "natIps", "MANUAL_ONLY needs addresses"
    listed = inputs.get("sourceSubnetworkIpRangesToNat") == "LIST_OF_SUBNETWORKS"
    if listed != bool(inputs.get("subnetworks")):
        yield "subnetworks", "goes with LIST_OF_SUBNETWORKS, and with it alone"
    if dynamic and inputs.get("enableEndpointIndependentMapping") is not False:
        yield "enableEndpointIndependentMapping", "must be false where ports are allocated dynamically"
    for key in ("minPortsPerVm", "maxPortsPerVm"):
        for where, value in at(inputs, key):
            count = int(value)
            if dynamic and (count < 32 or count & (count - 1)):
                yield where, f"{count} is no power of two from 32, as dynamic allocation needs"


def _firewall(inputs: Map) -> Problems:
    if bool(inputs.get("allows")) == bool(inputs.get("denies")):
        yield "allows", "exactly one of allows and denies is needed"


def _alert(inputs: Map) -> Problems:
    conditions = cast(list[Map], inputs.get("conditions") or [])
    if not 1 <= len(conditions) <= 6:
        yield "conditions", f"has {len(conditions)}; Cloud Monitoring takes one to six"
    for index, condition in enumerate(conditions):
        kinds = [key for key in condition if key.startswith("condition")]
        if len(kinds) != 1:
            yield f"conditions[{index}]", f"is of one kind, and this of {len(kinds)}"
        if ("conditionMatchedLog" in kinds) != at_any(inputs, "alertStrategy.notificationRateLimit.period"):
            yield (
                "alertStrategy.notificationRateLimit",
                "an alert on log entries needs a rate limit, and no other has one",
            )
        for where, value in at(condition, "conditionThreshold.filter"):
            text = str(value)
            if "metric.type" not in text or "resource.type" not in text:
                yield f"conditions[{index}].{where}", "must name one metric.type and one resource.type"
        for key in ("conditionThreshold", "conditionAbsent"):
            for where, value in at(condition, f"{key}.duration"):
                if not re.fullmatch(r"\d+s", str(value)) or int(str(value)[:-1]) % 60:
                    yield f"conditions[{index}].{where}", f"{value!r} is no whole number of minutes, such as 300s"


def _dashboard(inputs: Map) -> Problems:
    for where, value in at(inputs, "dashboardJson"):
        if found := list(json_problems(where, str(value))):
            yield from found
            return
        body = cast(Map, json.loads(value))
        if not body.get("displayName"):
            yield where, "has no displayName"
        layouts = [key for key in ("gridLayout", "mosaicLayout", "rowLayout", "columnLayout") if key in body]
        if len(layouts) != 1:
            yield where, f"has one layout, and this has {len(layouts)}"
        mosaic = cast(Map, body.get("mosaicLayout") or {})
        columns = int(mosaic.get("columns") or _COLUMNS)
        for index, tile in enumerate(cast(list[Map], mosaic.get("tiles") or [])):
            if int(tile.get("xPos", 0)) + int(tile.get("width", 1)) > columns or columns > _COLUMNS:
                yield f"{where}.tiles[{index}]", f"ends right of the dashboard's {columns} columns"


def _channel(inputs: Map) -> Problems:
    if inputs.get("type") == "email" and "email_address" not in cast(Map, inputs.get("labels") or {}):
        yield "labels", "an e-mail channel has the label email_address"


def _budget(inputs: Map) -> Problems:
    for where, value in at(inputs, "billingAccount"):
        if not re.fullmatch(r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}", str(value)):
            yield where, f"{value!r} is no billing account"
    for where, value in at(inputs, "allUpdatesRule.monitoringNotificationChannels"):
        if len(cast(list[Any], value)) > 5:
            yield where, "has over five channels"


def _service(inputs: Map) -> Problems:
    for where, value in at(inputs, "service"):
        if not re.fullmatch(r"[a-z0-9-]+\.googleapis\.com", str(value)):
            yield where, f"{value!r} is no API, such as compute.googleapis.com"


def at_any(inputs: Map, path: str) -> bool:
    """Whether anything is at the path, or anything but False."""
    return any(value for _, value in at(inputs, path))


_MORE: Mapping[str, Callable[[Map], Problems]] = {
    "service": _service,
    "service-agent": _service,
    "bucket": _bucket,
    "object": _object,
    "repository": _repository,
    "key": _key,
    "identity-provider": _identity_provider,
    "nat": _router_nat,
    "firewall": _firewall,
    "alert": _alert,
    "dashboard": _dashboard,
    "channel": _channel,
    "budget": _budget,
    "cluster": limits_cluster.cluster,
    "node-pool": limits_cluster.node_pool,
}
