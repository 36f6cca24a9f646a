"""Logs, alarms, dashboard and budget."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import Any

import pulumi
import pytest

import versions
from components.aws import dashboard, policies
from components.aws.scope import Scope
from components.aws.telemetry import FAILED_RUNS, Telemetry, alarm_arns, collector
from settings_cloud import PoolName
from tests.components.aws.conftest import ACCOUNT, REGION, AwsRecorder, MakeScope
from tests.components.aws.test_identity import FakeCluster
from tests.components.grid import all_seen
from tests.iam import Request, allows

E_MAIL = "team@example.org"
GROUPS: dict[PoolName, str] = {"system": "eks-system-1", "spot-large": "eks-spot-large-2"}
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/containerinsights/biojobs-dev"


class FakeNodes:
    def __init__(self) -> None:
        self.autoscaling_groups: dict[PoolName, pulumi.Output[str]] = {
            pool: pulumi.Output.from_input(group) for pool, group in GROUPS.items()
        }


class FakeKey:
    def __init__(self) -> None:
        self.arn = pulumi.Output.from_input(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1")


def build(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> None:
    aws_mock.build(lambda: Telemetry("dev-telemetry", scope(**keys), FakeCluster(), FakeNodes(), FakeKey()))


def test_pods_and_nodes_logs_are_kept_for_the_days_that_are_set_and_encrypted(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    build(aws_mock, scope, log_days=90)
    groups = aws_mock.of("LogGroup").values()
    assert {group["name"].removeprefix("/aws/containerinsights/biojobs-dev/") for group in groups} == {
        "application",
        "dataplane",
        "host",
    }
    assert {group["retentionInDays"] for group in groups} == {90}
    assert all(":key/" in group["kmsKeyId"] for group in groups)


def test_log_groups_are_there_before_anything_writes_to_them_and_go_after_it(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    build(aws_mock, scope)
    before = aws_mock.options["dev-telemetry-add-on"].depends_on
    assert {f"dev-telemetry-{kind}" for kind in ("application", "dataplane", "host")} <= before
    assert "dev-telemetry-collector-association" in before


@pytest.mark.parametrize("keep", [True, False])
def test_log_groups_outlive_the_stack_only_by_setting(aws_mock: AwsRecorder, scope: MakeScope, keep: bool) -> None:
    build(aws_mock, scope, keep_logs=keep)
    options = aws_mock.options["dev-telemetry-application"]
    assert (options.protect, options.retain_on_delete) == (keep, keep)


def test_the_collector_is_pinned_runs_on_every_node_and_meters_nothing(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope)
    (add_on,) = aws_mock.of("Addon").values()
    assert (add_on["addonName"], add_on["addonVersion"]) == (
        "amazon-cloudwatch-observability",
        versions.EKS_OBSERVABILITY,
    )
    found = json.loads(add_on["configurationValues"])
    assert found == collector()
    assert found["containerLogs"] == {"enabled": True}
    assert found["tolerations"] == [{"operator": "Exists"}]
    metered = ("applicationSignals", "containerInsights", "otelContainerInsights", "kubeStateMetrics", "nodeExporter")
    assert all(found[key] == {"enabled": False} for key in metered)
    assert found["agents"] == []


@pytest.mark.parametrize("pod_identity", [True, False])
def test_the_collector_writes_with_a_role_of_its_own(
    aws_mock: AwsRecorder, scope: MakeScope, pod_identity: bool
) -> None:
    build(aws_mock, scope, pod_identity=pod_identity)
    (add_on,) = aws_mock.of("Addon").values()
    assert ("serviceAccountRoleArn" in add_on) is not pod_identity
    associated = {(one["namespace"], one["serviceAccount"]) for one in aws_mock.of("PodIdentityAssociation").values()}
    assert associated == ({("amazon-cloudwatch", "cloudwatch-agent")} if pod_identity else set())


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("logs:PutLogEvents", f"{LOG_GROUP}/application:log-stream:node-1", True),
        ("logs:CreateLogStream", f"{LOG_GROUP}/host:log-stream:node-1", True),
        ("logs:CreateLogGroup", f"{LOG_GROUP}/application:", False),
        ("logs:DeleteLogGroup", f"{LOG_GROUP}/application:", False),
        ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/eks/biojobs-dev/cluster:x", False),
        ("logs:GetLogEvents", f"{LOG_GROUP}/application:log-stream:node-1", False),
    ],
)
def test_the_collector_may_write_the_stack_s_logs_and_no_more(
    aws_mock: AwsRecorder, scope: MakeScope, action: str, resource: str, allowed: bool
) -> None:
    build(aws_mock, scope)
    (policy,) = aws_mock.of("RolePolicy").values()
    assert allows([json.loads(policy["policy"])], Request(action, resource)) is allowed


def matches(pattern: str, event: dict[str, Any]) -> bool:
    """CloudWatch's JSON patterns, as far as they are used here: `=` on texts with wildcards, `&&`, `||`, brackets."""

    def term(found: re.Match[str]) -> str:
        value: Any = event
        for key in found[1].split("."):
            value = value.get(key, {})
        return str(isinstance(value, str) and fnmatch.fnmatchcase(value, found[2]))

    terms = re.sub(r'\$\.([\w.]+) = "([^"]*)"', term, pattern.strip("{} "))
    assert re.fullmatch(r"(True|False|&&|\|\||[() ])+", terms), f"not understood: {terms}"
    return bool(eval(terms.replace("&&", "and").replace("||", "or")))


@pytest.mark.parametrize(
    ("namespace", "message", "counts"),
    [
        ("argo", "fromPhase=Running toPhase=Failed", True),
        ("argo", "toPhase=Error fromPhase=Running", True),
        ("argo", "fromPhase=Running toPhase=Succeeded", False),
        ("argo", 'fromPhase="" toPhase=Running', False),
        ("biojobs", "fromPhase=Running toPhase=Failed", False),
    ],
)
def test_a_failed_run_is_counted_and_nothing_else(namespace: str, message: str, counts: bool) -> None:
    line = f'time=2026-11-21T10:00:00Z level=INFO msg="updated phase" {message} namespace=biojobs workflow=s1-0123'
    event = {"log": line, "stream": "stderr", "kubernetes": {"namespace_name": namespace, "pod_name": "argo-x"}}
    assert matches(FAILED_RUNS, event) is counts
    assert not matches(FAILED_RUNS, {**event, "log": 'msg="node failed" toPhase=Failed'})


def test_failed_runs_raise_an_alarm_at_once(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope)
    metric = aws_mock.one("LogMetricFilter", "dev-telemetry-failed-runs-filter")
    assert metric["logGroupName"] == "/aws/containerinsights/biojobs-dev/application"
    counted = metric["metricTransformation"]
    alarm = aws_mock.one("MetricAlarm", "dev-telemetry-failed-runs")
    assert (alarm["namespace"], alarm["metricName"]) == (counted["namespace"], counted["name"])
    assert (alarm["threshold"], alarm["statistic"], alarm["evaluationPeriods"]) == (1, "Sum", 1)
    assert alarm["comparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_a_pool_that_stays_at_its_max_raises_an_alarm(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope, pools={"spotLarge": {"types": ["m5.24xlarge"], "max": 7}})
    found = {name: one for name, one in aws_mock.of("MetricAlarm").items() if name.endswith("-at-max")}
    assert set(found) == {f"dev-telemetry-{pool}-at-max" for pool in GROUPS}
    alarm = found["dev-telemetry-spot-large-at-max"]
    assert alarm["dimensions"] == {"AutoScalingGroupName": GROUPS["spot-large"]}
    assert (alarm["threshold"], alarm["statistic"]) == (7, "Minimum")
    assert alarm["period"] * alarm["evaluationPeriods"] == 30 * 60


def test_alarms_write_to_the_address_that_is_set(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope, alert_email=E_MAIL)
    (subscription,) = aws_mock.of("TopicSubscription").values()
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", E_MAIL)
    topic = aws_mock.one("Topic", "dev-telemetry-topic")
    assert ":key/" in topic["kmsMasterKeyId"]
    for alarm in aws_mock.of("MetricAlarm").values():
        assert [arn.rsplit("/", 1)[-1] for arn in alarm["alarmActions"]] == ["biojobs-dev-alarms"]


def test_without_an_address_there_is_no_topic_and_alarms_only_show(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope)
    assert not aws_mock.of("Topic")
    assert not aws_mock.of("TopicSubscription")
    assert all(not alarm["alarmActions"] for alarm in aws_mock.of("MetricAlarm").values())


def asked_by(alarm: str, account: str = ACCOUNT) -> dict[str, str]:
    return {"aws:SourceAccount": account, "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{account}:alarm:{alarm}"}


def test_only_the_stack_s_alarms_publish_and_use_the_key(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    scopes: list[Scope] = []
    aws_mock.build(lambda: scopes.append(scope()))
    build(aws_mock, scope, alert_email=E_MAIL)
    alarms = {alarm["name"] for alarm in aws_mock.of("MetricAlarm").values()}
    document = json.loads(aws_mock.one("Topic", "dev-telemetry-topic")["policy"])
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:biojobs-dev-alarms"
    key_policy = policies.document(policies.alarms_use_key(ACCOUNT, alarm_arns(scopes[0])))
    service = "Service:cloudwatch.amazonaws.com"
    for name in alarms:
        assert allows([document], Request("sns:Publish", topic, asked_by(name), service))
        assert allows([key_policy], Request("kms:GenerateDataKey", "*", asked_by(name), service))
    for context in (asked_by("somebody-elses"), asked_by("biojobs-dev-x", "999999999999"), {}):
        assert not allows([document], Request("sns:Publish", topic, context, service))
        assert not allows([key_policy], Request("kms:Decrypt", "*", context, service))
    assert not allows([document], Request("sns:Publish", topic, asked_by("biojobs-dev-x"), "Service:events"))


def test_a_budget_tells_at_80_percent_foreseen_and_at_100_spent(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope, alert_email=E_MAIL, monthly_budget=500)
    (budget,) = aws_mock.of("Budget").values()
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("500", "USD", "MONTHLY")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:stack$dev"]}]
    told = {
        (one["notificationType"], one["threshold"], *one["subscriberEmailAddresses"]) for one in budget["notifications"]
    }
    assert told == {("FORECASTED", 80, E_MAIL), ("ACTUAL", 100, E_MAIL)}


def test_without_a_budget_there_is_none(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope, alert_email=E_MAIL)
    assert not aws_mock.of("Budget")


def test_the_dashboard_shows_every_pool_and_the_failed_runs(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    build(aws_mock, scope)
    (made,) = aws_mock.of("Dashboard").values()
    widgets = json.loads(made["dashboardBody"])["widgets"]
    nodes = next(widget["properties"]["metrics"] for widget in widgets if "Nodes" in widget["properties"]["title"])
    assert {(metric[3], metric[4]["label"]) for metric in nodes} == {(group, pool) for pool, group in GROUPS.items()}
    (query,) = (widget["properties"]["query"] for widget in widgets if widget["type"] == "log")
    assert "/aws/containerinsights/biojobs-dev/application" in query
    shown = {metric[1] for widget in widgets for metric in widget["properties"].get("metrics", [])}
    assert {dashboard.RUNS_METRIC, "scheduler_pending_pods", "GroupInServiceInstances"} <= shown


def test_widgets_lie_beside_each_other_and_never_over() -> None:
    widgets = dashboard.body("dev", REGION, "biojobs-dev", {"system": "g"}, "/x")["widgets"]
    assert all_seen([(one["x"], one["y"], one["width"], one["height"]) for one in widgets], 24)
