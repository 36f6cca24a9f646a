"""Logs of pods, nodes and control plane in a bucket of their own, a dashboard, alerts and a budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pulumi
import pulumi_gcp as gcp

from components import telemetry
from components.gcp import dashboard, logs
from components.gcp.scope import Scope
from settings_cloud import PoolName

_WORKFLOW: Final = 'REGEXP_EXTRACT(textPayload, "workflow=([^ ]+)")'
_RATE_LIMIT: Final = "300s"
_AUTO_CLOSE: Final = "86400s"


class HasCluster(Protocol):
    """The stack's cluster: `GkeCluster`."""

    @property
    def cluster(self) -> gcp.container.Cluster:
        """The cluster itself."""
        ...


class Telemetry(pulumi.ComponentResource):
    """What is seen of the stack. `after` must be there before anything: the services. `nodes` are what is watched.

    GKE's own agent collects the logs. They go to a bucket of the stack's own, for as long as the settings say, and are
    taken out of the project's `_Default` one, or everything would be paid twice. Metrics are those of GKE that have no
    price; how much memory a step took is in its record.
    """

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: HasCluster,
        after: Sequence[pulumi.Resource] = (),
        nodes: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:gcp:Telemetry", name, None, opts)
        self._name, self._scope, self._after = name, scope, tuple(after)
        metric = self._failed_runs()
        self.bucket = self._bucket(metric)
        self._route()
        channels = [self._channel()] if scope.target.alert_email else []
        watched = (cluster.cluster, *nodes)
        self._alerts(channels, watched)
        self._dashboard(metric, watched)
        if scope.target.monthly_budget:
            self._budget(channels)
        self.register_outputs({"bucket": self.bucket.bucket_id})

    def _failed_runs(self) -> gcp.logging.Metric:
        """Counted in everything that the project logs, whatever sinks make of it. Pulumi makes the name up."""
        return gcp.logging.Metric(
            f"{self._name}-failed-runs-metric",
            description=f"Runs of the stack {self._scope.stack} that failed.",
            filter=logs.failed_runs(self._scope),
            metric_descriptor={"metric_kind": "DELTA", "value_type": "INT64", "unit": "1"},
            opts=self._child(),
        )

    def _bucket(self, metric: gcp.logging.Metric) -> gcp.logging.ProjectBucketConfig:
        """The name of a log bucket is taken for a week after its deletion, and Pulumi makes up none: it is that of the
        metric, whose end is made anew with every stack."""
        scope = self._scope
        options = pulumi.ResourceOptions(ignore_changes=["bucketId"])  # A new metric must not cost the logs.
        return gcp.logging.ProjectBucketConfig(
            f"{self._name}-logs",
            project=scope.project,
            location=scope.region,
            bucket_id=metric.name.apply(lambda name: logs.bucket_id(scope.cluster_name, name)),
            retention_days=scope.target.log_days,
            description=f"Logs of the stack {scope.stack}.",
            opts=pulumi.ResourceOptions.merge(telemetry.kept(self._child(), scope.target.keep_logs), options),
        )

    def _route(self) -> None:
        scope, found = self._scope, logs.cluster_logs(self._scope)
        sink = gcp.logging.ProjectSink(
            f"{self._name}-sink",
            name=f"{scope.cluster_name}-logs",
            destination=pulumi.Output.concat(
                f"logging.googleapis.com/projects/{scope.project}/locations/{scope.region}/buckets/",
                self.bucket.bucket_id,
            ),
            filter=found,
            # Into a bucket of the same project nobody needs to be let.
            unique_writer_identity=False,
            opts=self._child(),
        )
        gcp.logging.ProjectExclusion(
            f"{self._name}-exclusion",
            name=f"{scope.cluster_name}-logs",
            description=f"The sink {scope.cluster_name}-logs keeps them.",
            filter=found,
            # The other way round, what is logged meanwhile would be lost.
            opts=self._child(sink),
        )

    def _channel(self) -> pulumi.Output[str]:
        channel = gcp.monitoring.NotificationChannel(
            f"{self._name}-e-mail",
            display_name=self._scope.cluster_name,
            type="email",
            labels={"email_address": self._scope.target.alert_email},
            user_labels=self._scope.labels,
            opts=self._child(),
        )
        return channel.id

    def _alerts(self, channels: Sequence[pulumi.Output[str]], watched: Sequence[pulumi.Resource]) -> None:
        scope = self._scope
        said = f"{telemetry.failed_run_text(scope.stack)}: ${{log.extracted_label.workflow}}"
        # By the log and not by the metric: an alert on a metric that is minutes old is refused, and each run is told.
        self._log_alert("failed-runs", channels, said, logs.failed_runs(scope), {"workflow": _WORKFLOW})
        said = f"The cluster {scope.cluster_name} gets no nodes: a quota or an address range is used up"
        self._log_alert("no-room", channels, said, logs.no_room(scope), {})
        for pool, most in pool_limits(scope).items():
            self._at_max(pool, most, channels, watched)

    def _log_alert(
        self,
        role: str,
        channels: Sequence[pulumi.Output[str]],
        says: str,
        found: str,
        extractors: Mapping[str, str],
    ) -> None:
        condition: dict[str, Any] = {"filter": found, **({"label_extractors": extractors} if extractors else {})}
        self._alert(
            role,
            channels,
            says,
            {"display_name": says.partition(":")[0], "condition_matched_log": condition},
            {"notification_rate_limit": {"period": _RATE_LIMIT}, "auto_close": _AUTO_CLOSE},
            (),
        )

    def _at_max(
        self,
        pool: PoolName,
        most: int,
        channels: Sequence[pulumi.Output[str]],
        watched: Sequence[pulumi.Resource],
    ) -> None:
        scope = self._scope
        says = telemetry.at_max_text(pool, most)
        found = f'{dashboard.nodes_of(scope.cluster_name, scope.region)} AND {dashboard.POOL}="{pool}"'
        threshold = {
            "filter": found,
            "aggregations": [
                {
                    "alignment_period": "60s",
                    "per_series_aligner": "ALIGN_MEAN",
                    "cross_series_reducer": "REDUCE_COUNT",
                }
            ],
            # There is no "at least".
            "comparison": "COMPARISON_GT",
            "threshold_value": most - 1,
            "duration": f"{telemetry.PERIOD_SECONDS * telemetry.AT_MAX_PERIODS}s",
        }
        condition = {"display_name": says.partition(":")[0], "condition_threshold": threshold}
        self._alert(f"{pool}-at-max", channels, says, condition, {"auto_close": _AUTO_CLOSE}, watched)

    def _alert(
        self,
        role: str,
        channels: Sequence[pulumi.Output[str]],
        says: str,
        condition: Mapping[str, Any],
        strategy: Mapping[str, Any],
        watched: Sequence[pulumi.Resource],
    ) -> None:
        gcp.monitoring.AlertPolicy(
            f"{self._name}-{role}",
            display_name=f"{self._scope.cluster_name}-{role}",
            documentation={"content": says, "mime_type": "text/markdown"},
            combiner="OR",
            conditions=[gcp.monitoring.AlertPolicyConditionArgs(**condition)],
            alert_strategy=gcp.monitoring.AlertPolicyAlertStrategyArgs(**strategy),
            notification_channels=list(channels),
            severity="WARNING",
            user_labels=self._scope.labels,
            opts=self._child(*watched),
        )

    def _dashboard(self, metric: gcp.logging.Metric, watched: Sequence[pulumi.Resource]) -> None:
        scope = self._scope
        panels = {
            "Runs that failed": logs.failed_runs(scope),
            "Nodes that the autoscaler did not get": logs.no_nodes(scope),
        }

        def text(name: str) -> str:
            metric_type = f"logging.googleapis.com/user/{name}"
            return json.dumps(
                dashboard.body(
                    scope.cluster_name, scope.region, scope.stack, scope.target.autopilot, metric_type, panels
                ),
                sort_keys=True,
            )

        gcp.monitoring.Dashboard(
            f"{self._name}-dashboard", dashboard_json=metric.name.apply(text), opts=self._child(*watched)
        )

    def _budget(self, channels: Sequence[pulumi.Output[str]]) -> None:
        """Counts what carries the label `stack` in this project: not traffic, NAT and logs, which carry none."""
        scope = self._scope
        gcp.billing.Budget(
            f"{self._name}-budget",
            billing_account=scope.target.billing_account,
            display_name=scope.cluster_name,
            amount={"specified_amount": {"units": str(scope.target.monthly_budget)}},
            budget_filter={
                "projects": [f"projects/{scope.number}"],
                "labels": {"stack": scope.stack},
                "calendar_period": "MONTH",
            },
            threshold_rules=[
                {"threshold_percent": telemetry.FORECAST_PERCENT / 100, "spend_basis": "FORECASTED_SPEND"},
                {"threshold_percent": telemetry.ACTUAL_PERCENT / 100, "spend_basis": "CURRENT_SPEND"},
            ],
            all_updates_rule={
                "monitoring_notification_channels": list(channels),
                "disable_default_iam_recipients": True,
            },
            opts=self._child(),
        )

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return self._scope.child(self, *self._after, *after)


def pool_limits(scope: Scope) -> dict[PoolName, int]:
    """The most nodes by pool: `max` for each of its types. None on Autopilot, which has no pools."""
    if scope.target.autopilot:
        return {}
    return {name: pool.max * len(pool.types) for name, pool in scope.target.pools.named().items()}
