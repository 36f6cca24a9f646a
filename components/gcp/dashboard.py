"""The stack's dashboard: nodes, failed runs, what nodes do, and what the logs say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from components import telemetry

Body = dict[str, Any]

_ACROSS, _COLUMNS, _HEIGHT = 48, 2, 16
"""Cloud Monitoring's grid, in its own units."""
POOL: Final = 'metadata.user_labels."biojobs/pool"'
"""The label of a node, as Cloud Monitoring has it."""
_CLASS: Final = 'metadata.user_labels."cloud.google.com/compute-class"'
_NODES: Final = "kubernetes.io/node/cpu/total_cores"


def node_filter(metric: str, cluster: str, region: str) -> str:
    """Time series of a metric of a cluster's nodes."""
    labels = f'resource.labels.cluster_name="{cluster}" AND resource.labels.location="{region}"'
    return f'metric.type="{metric}" AND resource.type="k8s_node" AND {labels}'


def nodes_of(cluster: str, region: str) -> str:
    """One time series a node."""
    return node_filter(_NODES, cluster, region)


def body(cluster: str, region: str, stack: str, autopilot: bool, metric: str, logs: Mapping[str, str]) -> Body:
    """A dashboard of Cloud Monitoring. `metric` counts failed runs, `logs` are filters of logs by the panel's title."""
    by = _CLASS if autopilot else POOL

    def shown(what: str, name: str, aligner: str, reducer: str) -> Body:
        return _chart(what, [_series(node_filter(name, cluster, region), aligner, reducer, by)])

    charts = [
        _chart("Nodes", [_series(nodes_of(cluster, region), "ALIGN_MEAN", "REDUCE_COUNT", by)], "STACKED_BAR"),
        _chart(
            "Failed runs",
            [_series(f'metric.type="{metric}" AND resource.type="k8s_container"', "ALIGN_DELTA", "REDUCE_SUM")],
            "STACKED_BAR",
        ),
        shown("CPU in use, of what pods may have", _of("cpu/allocatable_utilization"), "ALIGN_MEAN", "REDUCE_MEAN"),
        shown("Memory in use, bytes", _of("memory/used_bytes"), "ALIGN_MEAN", "REDUCE_SUM"),
        shown("Scratch and images on disks, bytes", _of("ephemeral_storage/used_bytes"), "ALIGN_MEAN", "REDUCE_SUM"),
        shown("Received, bytes a second", _of("network/received_bytes_count"), "ALIGN_RATE", "REDUCE_SUM"),
    ]
    panels = [{"title": title, "logsPanel": {"filter": found}} for title, found in logs.items()]
    return {
        "displayName": cluster,
        "labels": {"stack": stack},
        "mosaicLayout": {"columns": _ACROSS, "tiles": _tiles(charts, panels)},
    }


def _of(metric: str) -> str:
    return f"kubernetes.io/node/{metric}"


def _tiles(charts: Sequence[Body], panels: Sequence[Body]) -> list[Body]:
    grid = telemetry.placed([{"widget": chart} for chart in charts], _ACROSS, _COLUMNS, _HEIGHT)
    first = telemetry.below(charts, _COLUMNS, _HEIGHT)
    rows = telemetry.placed([{"widget": panel} for panel in panels], _ACROSS, 1, _HEIGHT)
    return [_tile(each) for each in [*grid, *({**row, "y": row["y"] + first} for row in rows)]]


def _tile(found: Body) -> Body:
    """Under the names that Cloud Monitoring has for a tile's place. It leaves zeros out of what it gives back."""
    tile = {"xPos": found["x"], "yPos": found["y"], "width": found["width"], "height": found["height"]}
    return {**{key: value for key, value in tile.items() if value}, "widget": found["widget"]}


def _chart(title: str, series: Sequence[Body], plot: str = "LINE") -> Body:
    sets = [{"plotType": plot, "timeSeriesQuery": {"timeSeriesFilter": each}} for each in series]
    return {"title": title, "xyChart": {"dataSets": sets}}


def _series(found: str, aligner: str, reducer: str, by: str = "") -> Body:
    grouped: Body = {"groupByFields": [by]} if by else {}
    aggregation = {"alignmentPeriod": "60s", "perSeriesAligner": aligner, "crossSeriesReducer": reducer, **grouped}
    return {"filter": found, "aggregation": aggregation}
