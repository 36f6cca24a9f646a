"""The stack's dashboard: nodes, waiting pods, failed runs, and what nodes do. Only the runs' metric has a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Body = dict[str, Any]

RUNS_METRIC: Final = "FailedRuns"
_COLUMNS, _HEIGHT = 2, 6
_WIDTH = 24 // _COLUMNS


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
    return {"widgets": [*_placed(widgets), _failures(region, log_group, y=_rows(widgets) * _HEIGHT)]}


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
        " | filter kubernetes.namespace_name = 'argo' and log like /updated phase/"
        " | filter log like /toPhase=(Failed|Error)/"
        " | sort @timestamp desc | limit 50"
    )
    shown = {"title": "Runs that failed", "region": region, "view": "table", "query": query}
    return {"type": "log", "x": 0, "y": y, "width": 24, "height": _HEIGHT, "properties": shown}


def _placed(widgets: Sequence[Body]) -> list[Body]:
    return [
        {
            "x": index % _COLUMNS * _WIDTH,
            "y": index // _COLUMNS * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            **widget,
        }
        for index, widget in enumerate(widgets)
    ]


def _rows(widgets: Sequence[Body]) -> int:
    return -(-len(widgets) // _COLUMNS)
