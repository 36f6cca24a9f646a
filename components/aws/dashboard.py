"""The stack's dashboard: nodes, waiting pods, failed runs, and what nodes do. Only the runs' metric has a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from components import telemetry
from components.names import ARGO_NAMESPACE

Body = dict[str, Any]

RUNS_METRIC: Final = "FailedRuns"
_ACROSS, _COLUMNS, _HEIGHT = 24, 2, 6
"""CloudWatch's grid, in its own units."""


def runs_namespace(stack: str) -> str:
    """Namespace of the stack's own metrics."""
    return f"biojobs/{stack}"


def body(stack: str, region: str, cluster: str, groups: Mapping[str, str], log_group: str) -> Body:
    """A dashboard of CloudWatch. `groups` are the Auto Scaling groups by pool, `log_group` has the pods' logs."""
    nodes = ("AWS/AutoScaling", "GroupInServiceInstances", "Average")
    widgets = [
        _metrics("Nodes in service, by pool", region, _by_pool(groups, *nodes), stacked=True),
        _metrics(
            "Pods that wait for a node",
            region,
            [
                [
                    "AWS/EKS",
                    "scheduler_pending_pods",
                    "ClusterName",
                    cluster,
                    {"stat": "Sum", "label": "waiting", "period": 60},
                ]
            ],
        ),
        _metrics(
            "Failed runs",
            region,
            [[runs_namespace(stack), RUNS_METRIC, {"stat": "Sum", "label": "failed", "period": 300}]],
        ),
        _metrics("CPU, %", region, _by_pool(groups, "AWS/EC2", "CPUUtilization", "Average")),
        _metrics("Written to volumes, bytes", region, _by_pool(groups, "AWS/EC2", "EBSWriteBytes", "Sum")),
        _metrics("Received, bytes", region, _by_pool(groups, "AWS/EC2", "NetworkIn", "Sum")),
    ]
    laid_out = telemetry.placed(widgets, _ACROSS, _COLUMNS, _HEIGHT)
    return {"widgets": [*laid_out, _failures(region, log_group, y=telemetry.below(widgets, _COLUMNS, _HEIGHT))]}


def _by_pool(groups: Mapping[str, str], namespace: str, metric: str, statistic: str) -> list[list[Any]]:
    return [
        [namespace, metric, "AutoScalingGroupName", group, {"stat": statistic, "label": pool}]
        for pool, group in groups.items()
    ]


def _metrics(title: str, region: str, metrics: Sequence[Any], stacked: bool = False) -> Body:
    shown = {"title": title, "region": region, "view": "timeSeries", "stacked": stacked, "metrics": list(metrics)}
    # EC2 reports every five minutes, the others every minute.
    return {"type": "metric", "properties": {**shown, "period": 300, "yAxis": {"left": {"min": 0}}}}


def _failures(region: str, log_group: str, y: int) -> Body:
    query = (
        f"SOURCE '{log_group}' | fields @timestamp, log"
        f" | filter kubernetes.namespace_name = '{ARGO_NAMESPACE}' and log like /{telemetry.PHASE_CHANGED}/"
        f" | filter log like /{'|'.join(telemetry.BAD_ENDS)}/"
        " | sort @timestamp desc | limit 50"
    )
    shown = {"title": "Runs that failed", "region": region, "view": "table", "query": query}
    return {"type": "log", "x": 0, "y": y, "width": _ACROSS, "height": _HEIGHT, "properties": shown}
