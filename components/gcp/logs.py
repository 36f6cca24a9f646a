"""Which logs are the stack's, in Cloud Logging's query language."""

from __future__ import annotations

from typing import Final

from components import telemetry
from components.gcp.scope import Scope
from components.names import ARGO_NAMESPACE

_KINDS: Final = ("k8s_cluster", "k8s_container", "k8s_control_plane_component", "k8s_node", "k8s_pod")
"""What GKE's logs are of."""
_FREE: Final = ("cloudaudit.googleapis.com/activity", "cloudaudit.googleapis.com/system_event")
"""Audit logs that every project keeps for 400 days without a price; a copy of them would have one."""
_AUTOSCALER: Final = "container.googleapis.com/cluster-autoscaler-visibility"
_NO_ROOM: Final = ("scale.up.error.quota.exceeded", "scale.up.error.ip.space.exhausted")
"""Why the autoscaler gets no node, where time does not help: somebody has to raise a quota or a range. That a zone has
no spot machines left is not among them: it passes, and shows on the dashboard."""


def bucket_id(cluster: str, metric: str) -> str:
    """Name of the log bucket: the cluster's, and the end that Pulumi made up for the metric's."""
    return f"{cluster}-logs-{metric.rpartition('-')[2]}"


def cluster_logs(scope: Scope) -> str:
    """All logs of the cluster and of what runs in it, in Cloud Logging's query language."""
    kinds = " OR ".join(f'"{kind}"' for kind in _KINDS)
    free = "".join(f' AND NOT log_id("{log}")' for log in _FREE)
    return f"resource.type=({kinds}) AND {_of(scope)}{free}"


def failed_runs(scope: Scope) -> str:
    """The line of a run that ended badly: text on one line, which GKE's agent leaves as it is."""
    ends = " OR ".join(f'textPayload:"{end}"' for end in telemetry.BAD_ENDS)
    return (
        f'resource.type="k8s_container" AND {_of(scope)} AND resource.labels.namespace_name="{ARGO_NAMESPACE}"'
        f' AND textPayload:"{telemetry.PHASE_CHANGED}" AND ({ends})'
    )


def no_nodes(scope: Scope) -> str:
    """What the cluster's autoscaler tried and did not get, and pods that it has no nodes for."""
    return (
        f'resource.type="k8s_cluster" AND {_of(scope)} AND log_id("{_AUTOSCALER}")'
        " AND (jsonPayload.resultInfo.results.errorMsg.messageId:* OR jsonPayload.noDecisionStatus.noScaleUp:*)"
    )


def no_room(scope: Scope) -> str:
    """The autoscaler's errors that somebody has to do something about."""
    errors = " OR ".join(f'"{error}"' for error in _NO_ROOM)
    return (
        f'resource.type="k8s_cluster" AND {_of(scope)} AND log_id("{_AUTOSCALER}")'
        f" AND jsonPayload.resultInfo.results.errorMsg.messageId=({errors})"
    )


def _of(scope: Scope) -> str:
    return f'resource.labels.cluster_name="{scope.cluster_name}" AND resource.labels.location="{scope.region}"'
