"""Logs of pods and nodes in CloudWatch, a dashboard, alarms and a budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pulumi
import pulumi_aws as aws

import versions
from components import telemetry
from components.aws import dashboard, policies
from components.aws.identity import IssuesIdentity, WorkloadRole
from components.aws.scope import Scope
from components.names import ARGO_NAMESPACE
from settings_cloud import PoolName

NAMESPACE: Final = "amazon-cloudwatch"
ADD_ON: Final = "amazon-cloudwatch-observability"
SERVICE_ACCOUNT: Final = "cloudwatch-agent"
"""Fluent Bit runs as it too."""

LOGS: Final = ("application", "dataplane", "host")
"""What Fluent Bit tells apart: all pods' logs, those of kubelet, containerd, kube-proxy and the CNI, and the node's."""

_BAD_ENDS: Final = " || ".join(f'($.log = "*{end}*")' for end in telemetry.BAD_ENDS)
FAILED_RUNS: Final = (
    f'{{ ($.kubernetes.namespace_name = "{ARGO_NAMESPACE}") && ($.log = "*{telemetry.PHASE_CHANGED}*")'
    f" && ({_BAD_ENDS}) }}"
)
"""The line of a run that ended badly, as Fluent Bit wraps it."""


class HasArn(Protocol):
    """The stack's key: `Key`."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """ARN of the key."""
        ...


class HasGroups(Protocol):
    """The stack's nodes: `NodeGroups`."""

    @property
    def autoscaling_groups(self) -> Mapping[PoolName, pulumi.Output[str]]:
        """Names of the Auto Scaling groups, by pool."""
        ...


class Telemetry(pulumi.ComponentResource):
    """What is seen of the stack. `after` must be there before a pod can run.

    Logs are collected by the add-on that EKS keeps, and not by a Fluent Bit of our own: its images come from the
    region's own registry, it is pinned by one version, and EKS takes it away before the nodes. Its Container Insights
    is off: it is priced by observation, at some 3 USD a day for an idle cluster, half of that for the control plane.
    EC2, Auto Scaling and EKS report CPU, network, volumes, sizes of pools and waiting pods without a price, also for
    pools at zero; how much memory a step took is in its record.
    """

    log_groups: Mapping[str, aws.cloudwatch.LogGroup]
    add_on: aws.eks.Addon

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: IssuesIdentity,
        nodes: HasGroups,
        key: HasArn,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:Telemetry", name, None, opts)
        self._name, self._scope = name, scope
        self.log_groups = {kind: self._log_group(kind, key) for kind in LOGS}
        self.add_on = self._collect(cluster, after)
        actions = self._topic(key) if scope.target.alert_email else []
        self._failed_runs(actions)
        for pool, group in nodes.autoscaling_groups.items():
            self._at_max(pool, group, actions)
        self._dashboard(nodes)
        if scope.target.monthly_budget:
            self._budget()
        self.register_outputs({})

    def _log_group(self, kind: str, key: HasArn) -> aws.cloudwatch.LogGroup:
        """Made here and not by Fluent Bit, whose groups would keep logs for ever, in clear."""
        return aws.cloudwatch.LogGroup(
            f"{self._name}-{kind}",
            name=f"/aws/containerinsights/{self._scope.cluster_name}/{kind}",
            retention_in_days=self._scope.target.log_days,
            kms_key_id=key.arn,
            opts=telemetry.kept(self._scope.child(self), self._scope.target.keep_logs),
        )

    def _collect(self, cluster: IssuesIdentity, after: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        scope = self._scope
        groups = [scope.arn("logs", f"log-group:/aws/containerinsights/{scope.cluster_name}/{kind}") for kind in LOGS]
        role = WorkloadRole(
            f"{self._name}-collector",
            scope,
            cluster,
            NAMESPACE,
            SERVICE_ACCOUNT,
            policies.log_writer(groups),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.eks.Addon(
            f"{self._name}-add-on",
            cluster_name=cluster.name,
            addon_name=ADD_ON,
            addon_version=versions.EKS_OBSERVABILITY,
            configuration_values=json.dumps(collector()),
            # With Pod Identity the association of the role is enough.
            service_account_role_arn=None if scope.target.pod_identity else role.arn,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=scope.child(self, *self.log_groups.values(), *role.resources, *after),
        )

    def _topic(self, key: HasArn) -> list[pulumi.Output[str]]:
        scope, called = self._scope, f"{self._scope.cluster_name}-alarms"
        document = policies.alarm_topic(scope.account, scope.arn("sns", called), alarm_arns(scope))
        topic = aws.sns.Topic(
            f"{self._name}-topic",
            name=called,
            kms_master_key_id=key.arn,
            policy=json.dumps(document),
            opts=scope.child(self),
        )
        aws.sns.TopicSubscription(
            f"{self._name}-e-mail",
            topic=topic.arn,
            protocol="email",
            endpoint=scope.target.alert_email,
            opts=scope.child(self),
        )
        return [topic.arn]

    def _failed_runs(self, actions: Sequence[pulumi.Input[str]]) -> None:
        namespace = dashboard.runs_namespace(self._scope.stack)
        aws.cloudwatch.LogMetricFilter(
            f"{self._name}-failed-runs-filter",
            name=f"{self._scope.cluster_name}-failed-runs",
            log_group_name=self.log_groups["application"].name,
            pattern=FAILED_RUNS,
            metric_transformation={
                "name": dashboard.RUNS_METRIC,
                "namespace": namespace,
                "value": "1",
                "default_value": "0",
            },
            opts=self._scope.child(self),
        )
        self._alarm(
            "failed-runs",
            actions,
            telemetry.failed_run_text(self._scope.stack),
            namespace=namespace,
            metric_name=dashboard.RUNS_METRIC,
            statistic="Sum",
            threshold=1,
        )

    def _at_max(self, pool: PoolName, group: pulumi.Output[str], actions: Sequence[pulumi.Input[str]]) -> None:
        """EKS has the metrics of its node groups' Auto Scaling groups on, by default and without a price."""
        most = self._scope.target.pools.named()[pool].max
        self._alarm(
            f"{pool}-at-max",
            actions,
            telemetry.at_max_text(pool, most),
            namespace="AWS/AutoScaling",
            metric_name="GroupInServiceInstances",
            dimensions={"AutoScalingGroupName": group},
            statistic="Minimum",
            threshold=most,
            evaluation_periods=telemetry.AT_MAX_PERIODS,
        )

    def _alarm(
        self,
        role: str,
        actions: Sequence[pulumi.Input[str]],
        description: str,
        *,
        namespace: str,
        metric_name: str,
        statistic: str,
        threshold: int,
        dimensions: Mapping[str, pulumi.Input[str]] | None = None,
        evaluation_periods: int = 1,
    ) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{role}",
            name=f"{self._scope.cluster_name}-{role}",
            alarm_description=description,
            alarm_actions=list(actions),
            namespace=namespace,
            metric_name=metric_name,
            dimensions=dimensions,
            statistic=statistic,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=threshold,
            period=telemetry.PERIOD_SECONDS,
            evaluation_periods=evaluation_periods,
            treat_missing_data="notBreaching",
            opts=self._scope.child(self),
        )

    def _dashboard(self, nodes: HasGroups) -> None:
        scope, log_group = self._scope, f"/aws/containerinsights/{self._scope.cluster_name}/application"

        def text(groups: Mapping[str, str]) -> str:
            return json.dumps(dashboard.body(scope.stack, scope.region, scope.cluster_name, groups, log_group))

        aws.cloudwatch.Dashboard(
            f"{self._name}-dashboard",
            dashboard_name=scope.cluster_name,
            dashboard_body=pulumi.Output.all(**dict(nodes.autoscaling_groups)).apply(text),
            opts=scope.child(self),
        )

    def _budget(self) -> None:
        """Counts what carries the tag `stack`: someone must have activated it as a cost allocation tag once."""
        target = self._scope.target

        def notice(kind: str, percent: int) -> aws.budgets.BudgetNotificationArgs:
            return aws.budgets.BudgetNotificationArgs(
                comparison_operator="GREATER_THAN",
                notification_type=kind,
                threshold=percent,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=[target.alert_email],
            )

        aws.budgets.Budget(
            f"{self._name}-budget",
            name=self._scope.cluster_name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(target.monthly_budget),
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:stack${self._scope.stack}"]}],
            notifications=[
                notice("FORECASTED", telemetry.FORECAST_PERCENT),
                notice("ACTUAL", telemetry.ACTUAL_PERCENT),
            ],
            opts=self._scope.child(self),
        )


def alarm_arns(scope: Scope) -> str:
    """A pattern of the ARNs of the stack's alarms."""
    return scope.arn("cloudwatch", f"alarm:{scope.cluster_name}-*")


def collector() -> dict[str, Any]:
    """The add-on's configuration: Fluent Bit on every node, whatever its taints, and nothing else.

    Without Application Signals the add-on leaves other people's pods alone; with it, it puts an agent into every Java
    program that it finds. An empty list of agents is no agent: one without anything to collect would crash for ever.
    """
    off = {"enabled": False}
    return {
        "agents": [],
        "applicationSignals": off,
        "containerInsights": off,
        "containerLogs": {"enabled": True},
        "dcgmExporter": off,
        "kubeStateMetrics": off,
        "neuronMonitor": off,
        "nodeExporter": off,
        "otelContainerInsights": off,
        "tolerations": [{"operator": "Exists"}],
    }
