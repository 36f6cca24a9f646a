"""Logs, alerts, dashboard and budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pulumi_gcp as gcp
import pytest

from components.gcp import dashboard, logs
from components.gcp.telemetry import Telemetry
from components.telemetry import failed_run_text
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION, STACK, GcpRecorder, MakeScope
from tests.components.gcp.logquery import found
from tests.components.grid import all_seen

CLUSTER = "biojobs-dev"
ACCOUNT = "0A1B2C-3D4E5F-6A7B8C"
PAID = {"alert_email": "team@example.org", "monthly_budget": 500, "billing_account": ACCOUNT}
METRIC = "dev-telemetry-failed-runs-metric"
ALL_POOLS = {"system", "spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge"}


class FakeCluster:
    def __init__(self, cluster: gcp.container.Cluster) -> None:
        self.cluster = cluster


def build(gcp_mock: GcpRecorder, scope: MakeScope, **keys: Any) -> None:
    gcp_mock.outputs[METRIC] = {"name": f"{METRIC}-1a2b3c4"}

    def make() -> None:
        service = gcp.projects.Service("dev-services-logging", service="logging.googleapis.com")
        cluster = gcp.container.Cluster("dev-cluster-cluster")
        nodes = gcp.container.NodePool("dev-nodes-system", cluster="x")
        Telemetry("dev-telemetry", scope(**keys), FakeCluster(cluster), [service], [nodes])

    gcp_mock.build(make)


def entry(kind: str = "k8s_container", log: str = "stderr", **more: Any) -> dict[str, Any]:
    labels = {"cluster_name": CLUSTER, "location": REGION, "namespace_name": "argo", **more.pop("labels", {})}
    return {
        "logName": f"projects/{PROJECT}/logs/{log}",
        "resource": {"type": kind, "labels": labels},
        "textPayload": 'level=INFO msg="updated phase" fromPhase=Running toPhase=Failed workflow=s1-0123',
        **more,
    }


def alerts(gcp_mock: GcpRecorder) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The role, the policy and its condition of every alert."""
    for name, policy in gcp_mock.of("AlertPolicy").items():
        (condition,) = policy["conditions"]
        yield name.removeprefix("dev-telemetry-"), policy, condition


def test_the_cluster_s_logs_go_to_a_bucket_that_keeps_them_for_the_days_that_are_set(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    build(gcp_mock, scope, log_days=90)
    bucket = gcp_mock.one("ProjectBucketConfig", "dev-telemetry-logs")
    assert (bucket["retentionDays"], bucket["location"], bucket["project"]) == (90, REGION, PROJECT)
    sink = gcp_mock.one("ProjectSink", "dev-telemetry-sink")
    assert sink["destination"].endswith(f"/projects/{PROJECT}/locations/{REGION}/buckets/{bucket['bucketId']}")


def test_a_log_bucket_s_name_is_another_one_after_a_destroy_and_stays_until_then(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    build(gcp_mock, scope)
    assert "name" not in gcp_mock.one("Metric", METRIC), "Pulumi must make the name up"
    assert gcp_mock.one("ProjectBucketConfig", "dev-telemetry-logs")["bucketId"] == "biojobs-dev-logs-1a2b3c4"
    assert gcp_mock.options["dev-telemetry-logs"].ignore_changes == ("bucketId",)


def test_logs_are_paid_once(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    sink = gcp_mock.one("ProjectSink", "dev-telemetry-sink")
    exclusion = gcp_mock.one("ProjectExclusion", "dev-telemetry-exclusion")
    assert exclusion["filter"] == sink["filter"]
    # What is taken out of the default bucket must have another one by then.
    assert "dev-telemetry-sink" in gcp_mock.options["dev-telemetry-exclusion"].depends_on


@pytest.mark.parametrize(
    ("logged", "kept"),
    [
        (entry(), True),
        (entry("k8s_node", "kubelet"), True),
        (entry("k8s_cluster", "container.googleapis.com/cluster-autoscaler-visibility"), True),
        (entry("k8s_control_plane_component", "container.googleapis.com/scheduler"), True),
        (entry("k8s_cluster", "cloudaudit.googleapis.com/activity"), False),
        (entry("k8s_cluster", "cloudaudit.googleapis.com/system_event"), False),
        (entry("gce_instance", "syslog"), False),
        (entry(labels={"cluster_name": "biojobs-prod"}), False),
        (entry(labels={"location": "us-central1"}), False),
    ],
)
def test_a_log_is_taken_if_it_is_of_this_cluster_and_has_a_price(
    gcp_mock: GcpRecorder, scope: MakeScope, logged: dict[str, Any], kept: bool
) -> None:
    build(gcp_mock, scope)
    assert found(gcp_mock.one("ProjectSink", "dev-telemetry-sink")["filter"], logged) is kept


@pytest.mark.parametrize("keep", [True, False])
def test_the_log_bucket_outlives_the_stack_only_by_setting(gcp_mock: GcpRecorder, scope: MakeScope, keep: bool) -> None:
    build(gcp_mock, scope, keep_logs=keep)
    options = gcp_mock.options["dev-telemetry-logs"]
    assert (options.protect, options.retain_on_delete) == (keep, keep)


@pytest.mark.parametrize(
    ("text", "labels", "counts"),
    [
        ('msg="updated phase" fromPhase=Running toPhase=Failed workflow=s1-0123', {}, True),
        ('msg="updated phase" toPhase=Error fromPhase=Running workflow=s1-0123', {}, True),
        ('msg="updated phase" fromPhase=Running toPhase=Succeeded', {}, False),
        ('msg="node failed" toPhase=Failed', {}, False),
        ('msg="updated phase" toPhase=Failed', {"namespace_name": "biojobs"}, False),
        ('msg="updated phase" toPhase=Failed', {"cluster_name": "biojobs-prod"}, False),
    ],
)
def test_a_failed_run_is_counted_and_told_and_nothing_else(
    gcp_mock: GcpRecorder, scope: MakeScope, text: str, labels: dict[str, str], counts: bool
) -> None:
    build(gcp_mock, scope)
    logged = entry(textPayload=text, labels=labels)
    assert found(gcp_mock.one("Metric", METRIC)["filter"], logged) is counts
    told = {role: condition for role, _, condition in alerts(gcp_mock)}["failed-runs"]
    assert found(told["conditionMatchedLog"]["filter"], logged) is counts


def test_an_alert_on_a_failed_run_names_the_run(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    policy = gcp_mock.one("AlertPolicy", "dev-telemetry-failed-runs")
    (condition,) = policy["conditions"]
    assert list(condition["conditionMatchedLog"]["labelExtractors"]) == ["workflow"]
    said = policy["documentation"]["content"]
    assert said.startswith(failed_run_text(STACK))
    assert "${log.extracted_label.workflow}" in said
    # An alert on logs without it is refused.
    assert policy["alertStrategy"]["notificationRateLimit"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("scale.up.error.quota.exceeded", True),
        ("scale.up.error.ip.space.exhausted", True),
        ("scale.up.error.out.of.resources", False),
    ],
)
def test_nodes_that_cannot_be_had_are_told_where_somebody_must_act_and_shown_always(
    gcp_mock: GcpRecorder, scope: MakeScope, error: str, told: bool
) -> None:
    build(gcp_mock, scope)
    payload = {"resultInfo": {"results": [{"errorMsg": {"messageId": error}}]}}
    logged = entry("k8s_cluster", "container.googleapis.com/cluster-autoscaler-visibility", jsonPayload=payload)
    condition = {role: condition for role, _, condition in alerts(gcp_mock)}["no-room"]
    assert found(condition["conditionMatchedLog"]["filter"], logged) is told
    scopes: list[str] = []
    gcp_mock.build(lambda: scopes.append(logs.no_nodes(scope())))
    assert found(scopes[0], logged)


def test_a_pool_that_stays_at_the_most_nodes_of_all_its_types_is_told(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope, pools={"spotLarge": {"types": ["n2-standard-96", "c3-standard-88"], "max": 7}})
    conditions = {role.removesuffix("-at-max"): one for role, _, one in alerts(gcp_mock) if role.endswith("-at-max")}
    assert set(conditions) == ALL_POOLS
    condition = conditions["spot-large"]["conditionThreshold"]
    assert (condition["comparison"], condition["thresholdValue"]) == ("COMPARISON_GT", 2 * 7 - 1)
    assert condition["duration"] == f"{30 * 60}s"
    assert 'metadata.user_labels."biojobs/pool"="spot-large"' in condition["filter"]
    assert condition["aggregations"][0]["crossSeriesReducer"] == "REDUCE_COUNT"


def test_on_autopilot_there_are_no_pools_to_watch(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope, gke="autopilot")
    assert {role for role, _, _ in alerts(gcp_mock)} == {"failed-runs", "no-room"}
    shown = json.loads(gcp_mock.one("Dashboard", "dev-telemetry-dashboard")["dashboardJson"])
    assert "compute-class" in json.dumps(shown)
    assert "biojobs/pool" not in json.dumps(shown)


def test_alerts_and_budget_write_to_the_address_that_is_set(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope, **PAID)
    channel = gcp_mock.one("NotificationChannel", "dev-telemetry-e-mail")
    assert (channel["type"], channel["labels"]) == ("email", {"email_address": PAID["alert_email"]})
    channels = ["dev-telemetry-e-mail-id"]
    assert all(policy["notificationChannels"] == channels for _, policy, _ in alerts(gcp_mock))
    budget = gcp_mock.one("Budget", "dev-telemetry-budget")
    assert budget["allUpdatesRule"]["monitoringNotificationChannels"] == channels


def test_without_an_address_alerts_only_show(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope)
    assert not gcp_mock.of("NotificationChannel")
    assert not gcp_mock.of("Budget")
    assert all(not policy["notificationChannels"] for _, policy, _ in alerts(gcp_mock))


def test_a_budget_counts_the_stack_and_tells_at_80_percent_foreseen_and_at_100_spent(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    build(gcp_mock, scope, **PAID)
    budget = gcp_mock.one("Budget", "dev-telemetry-budget")
    assert (budget["billingAccount"], budget["amount"]) == (ACCOUNT, {"specifiedAmount": {"units": "500"}})
    counted = {"projects": [f"projects/{NUMBER}"], "labels": {"stack": STACK}, "calendarPeriod": "MONTH"}
    assert budget["budgetFilter"] == counted
    assert {(rule["spendBasis"], rule["thresholdPercent"]) for rule in budget["thresholdRules"]} == {
        ("FORECASTED_SPEND", 0.8),
        ("CURRENT_SPEND", 1),
    }


def test_nothing_comes_before_the_services_and_alerts_come_after_what_they_watch(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    build(gcp_mock, scope, **PAID)
    made = {name: options for name, options in gcp_mock.options.items() if name.startswith("dev-telemetry-")}
    assert len(made) > 10
    assert all("dev-services-logging" in options.depends_on for options in made.values())
    assert all(options.provider == "dev-gcp" for options in made.values())
    for name in ("dev-telemetry-spot-small-at-max", "dev-telemetry-dashboard"):
        assert {"dev-cluster-cluster", "dev-nodes-system"} <= made[name].depends_on


def test_what_the_provider_does_not_label_is_labelled_here(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    build(gcp_mock, scope, **PAID)
    labelled = [*gcp_mock.of("AlertPolicy").values(), *gcp_mock.of("NotificationChannel").values()]
    assert all(one["userLabels"] == {"project": "biojobs", "stack": STACK, "managed-by": "pulumi"} for one in labelled)


def test_the_dashboard_shows_nodes_by_pool_failed_runs_and_what_the_logs_say(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    build(gcp_mock, scope)
    shown = json.loads(gcp_mock.one("Dashboard", "dev-telemetry-dashboard")["dashboardJson"])
    widgets = {tile["widget"]["title"]: tile["widget"] for tile in shown["mosaicLayout"]["tiles"]}
    (nodes,) = widgets["Nodes"]["xyChart"]["dataSets"]
    query = nodes["timeSeriesQuery"]["timeSeriesFilter"]
    assert f'cluster_name="{CLUSTER}"' in query["filter"]
    assert query["aggregation"]["groupByFields"] == [dashboard.POOL]
    (runs,) = widgets["Failed runs"]["xyChart"]["dataSets"]
    assert f"logging.googleapis.com/user/{METRIC}-1a2b3c4" in runs["timeSeriesQuery"]["timeSeriesFilter"]["filter"]
    assert found(widgets["Runs that failed"]["logsPanel"]["filter"], entry())


def test_tiles_lie_beside_each_other_and_never_over() -> None:
    made = dashboard.body(CLUSTER, REGION, STACK, False, "x", {"one": "a", "two": "b"})
    tiles = made["mosaicLayout"]["tiles"]
    places = [(tile.get("xPos", 0), tile.get("yPos", 0), tile["width"], tile["height"]) for tile in tiles]
    assert len(tiles) == 8
    assert all_seen(places, made["mosaicLayout"]["columns"])
