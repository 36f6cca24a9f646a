"""The recording Google Cloud by itself: what it takes, refuses and answers, without the engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from offline.recording.gcp.place import NUMBER, PROJECT
from offline.recording.gcp.provider import GcpRecorder
from offline.recording.store import Store
from offline.resource import InvalidInputsError, ResourceError
from offline.values import UNKNOWN, Map, Unknown
from tests.engine import recorded_gcp as gcp
from tests.engine.recorded_gcp import RecordedProject


@pytest.fixture
def project(tmp_path: Path) -> RecordedProject:
    return RecordedProject(Store(tmp_path / "recording.json"))


RANGES = {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"}


def standard(**more: Any) -> Map:
    return {"initialNodeCount": 1, "ipAllocationPolicy": RANGES, **more}


def autopilot(**more: Any) -> Map:
    return {"enableAutopilot": True, "ipAllocationPolicy": RANGES, **more}


def window(start: str, end: str, rule: str) -> Map:
    times = {"startTime": f"2026-01-03T{start}:00Z", "endTime": f"2026-01-03T{end}:00Z", "recurrence": rule}
    return standard(maintenancePolicy={"recurringWindow": times})


def nodes(**config: Any) -> Map:
    return {"cluster": "c", "nodeConfig": config}


def scaling(**bounds: int) -> Map:
    return {"cluster": "c", "autoscaling": bounds}


def given(role: str, member: str = "user:a@example.org", **more: Any) -> Map:
    return {"bucket": "b", "role": role, "member": member, **more}


def alert(**condition: Any) -> Map:
    return {"displayName": "a", "combiner": "OR", "conditions": [{"displayName": "c", **condition}]}


def board(**body: Any) -> Map:
    return {"dashboardJson": json.dumps({"displayName": "d", **body})}


def threshold(**more: Any) -> Map:
    return {"filter": 'metric.type="m" AND resource.type="r"', "comparison": "COMPARISON_GT", "duration": "60s", **more}


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (gcp.NETWORK, {"autoCreateSubnets": False}, "has no property 'autoCreateSubnets'"),
        (gcp.NETWORK, {"autoCreateSubnetworks": "no"}, "should be a bool"),
        (gcp.NETWORK, {"name": "n" * 64}, "has 64 characters; Google Cloud takes 63"),
        (gcp.NETWORK, {"name": "Upper"}, "is no name that Google Cloud takes for a network"),
        (gcp.SUBNET, {"ipCidrRange": "10.0.0.0/33", "network": "n"}, "is no network"),
        (gcp.SUBNET, {"ipCidrRange": "10.0.0.0/20"}, "network: is required"),
        (gcp.SERVICE, {"service": "compute"}, "'compute' is no API"),
        (gcp.CLUSTER, standard(name="c" * 41), "Google Cloud takes 40"),
        (gcp.CLUSTER, standard(releaseChannel={"channel": "FAST"}), "'FAST' is none of"),
        (gcp.CLUSTER, standard(loggingConfig={"enableComponents": ["PODS"]}), "'PODS' is none of"),
        (gcp.CLUSTER, standard(loggingConfig={"enableComponents": ["WORKLOADS"]}), "SYSTEM_COMPONENTS must be"),
        (gcp.CLUSTER, {"ipAllocationPolicy": RANGES}, "initialNodeCount: is needed"),
        (gcp.CLUSTER, {"initialNodeCount": 1}, "ipAllocationPolicy: is needed"),
        (gcp.CLUSTER, standard(databaseEncryption={"state": "ENCRYPTED"}), "ENCRYPTED needs a key"),
        (
            gcp.CLUSTER,
            standard(removeDefaultNodePool=True, nodeConfig={"labels": {"a": "b"}}),
            "of a removed default pool differs for ever",
        ),
        (
            gcp.CLUSTER,
            standard(datapathProvider="ADVANCED_DATAPATH", networkPolicy={"enabled": True}),
            "DatapathProvider=ADVANCED_DATAPATH",
        ),
        (gcp.CLUSTER, window("00:00", "03:00", "FREQ=DAILY"), "GKE needs windows of 4 h"),
        (gcp.CLUSTER, window("00:00", "09:00", "FREQ=WEEKLY;BYDAY=SA"), "48 h in 32 days"),
        (gcp.CLUSTER, autopilot(enableShieldedNodes=True), "enableShieldedNodes: conflicts with enableAutopilot"),
        (gcp.CLUSTER, autopilot(defaultMaxPodsPerNode=32), "conflicts with enableAutopilot"),
        (gcp.CLUSTER, autopilot(removeDefaultNodePool=True), "conflicts with enableAutopilot"),
        (
            gcp.CLUSTER,
            autopilot(loggingConfig={"enableComponents": ["SYSTEM_COMPONENTS"]}),
            "Autopilot clusters must have WORKLOADS",
        ),
        (gcp.CLUSTER, autopilot(releaseChannel={"channel": "UNSPECIFIED"}), "must be in a release channel"),
        (gcp.POOL, {"cluster": "c", "name": "n" * 41}, "Google Cloud takes 40"),
        (gcp.POOL, nodes(diskType="ssd"), "'ssd' is none of"),
        (gcp.POOL, nodes(imageType="COS"), "'COS' is none of"),
        (gcp.POOL, nodes(spot=True, preemptible=True), "conflicts with spot"),
        (gcp.POOL, nodes(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]), "'NoSchedule' is none of"),
        (gcp.POOL, nodes(labels={"kubernetes.io/role": "spot"}), "which GKE does not take"),
        (gcp.POOL, nodes(metadata={"a": "b"}), "differs for ever without disable-legacy-endpoints"),
        (gcp.POOL, nodes(resourceLabels={"Pool": "spot"}), "has the key 'Pool'"),
        (gcp.POOL, scaling(minNodeCount=0, totalMaxNodeCount=3), "minNodeCount and totalMaxNodeCount do not go"),
        (gcp.POOL, scaling(totalMinNodeCount=4, totalMaxNodeCount=3), "min 4 is more than max 3"),
        (gcp.POOL, {**scaling(totalMaxNodeCount=3), "nodeCount": 1}, "nodeCount: differs for ever"),
        (gcp.POOL, {"cluster": "c", "upgradeSettings": {"maxSurge": 0, "maxUnavailable": 0}}, "are not 1 to 20"),
        (gcp.ACCOUNT, {"accountId": "a" * 31}, "Google Cloud takes 30"),
        (gcp.ACCOUNT, {"accountId": "short"}, "is no name that Google Cloud takes for a account"),
        (gcp.ROLE, {"roleId": "with-dash", "title": "t", "permissions": ["a.b.c"]}, "is no name that Google Cloud"),
        (gcp.KEY, {"keyRing": "r", "rotationPeriod": "90d"}, "'90d' is not a day or more, in seconds"),
        (gcp.KEY, {"keyRing": "r", "purpose": "ENCRYPT"}, "'ENCRYPT' is none of"),
        (gcp.BUCKET, {"location": "EU", "name": "Upper"}, "is no name that Google Cloud takes"),
        (gcp.BUCKET, {"location": "EU", "name": "b" * 64}, "Google Cloud takes 63"),
        (gcp.BUCKET, {"location": "EU", "name": "my-google-data"}, "is no name that Google Cloud takes"),
        (gcp.BUCKET, {"location": "EU", "labels": {"Stack": "dev"}}, "has the key 'Stack'"),
        (gcp.BUCKET, {"location": "EU", "labels": {"stack": "v" * 64}}, "has the value"),
        (gcp.BUCKET, {"location": "EU", "publicAccessPrevention": "on"}, "'on' is none of"),
        (
            gcp.BUCKET,
            {"location": "EU", "softDeletePolicy": {"retentionDurationSeconds": 86_400}},
            "is neither 0 nor from 7 to 90 days",
        ),
        (
            gcp.BUCKET,
            {"location": "EU", "lifecycleRules": [{"action": {"type": "SetStorageClass"}, "condition": {"age": 1}}]},
            "a storage class goes with SetStorageClass",
        ),
        (gcp.BUCKET_ROLE, given("roles/storage.objectReader"), "is no role that the recording knows"),
        (gcp.BUCKET_ROLE, given("roles/logging.logWriter"), "is not supported for this resource"),
        (gcp.BUCKET_ROLE, given("roles/storage.objectViewer", "somebody"), "'somebody' is no principal"),
        (
            gcp.BUCKET_ROLE,
            given("roles/storage.objectViewer", condition={"title": "t", "expression": 'resource.name.startsWith("a)'}),
            "is no expression",
        ),
        (gcp.OBJECT, {"bucket": "b", "name": "o"}, "exactly one of content and source"),
        (gcp.FOLDER, {"bucket": "b", "name": "logs"}, "is no name that Google Cloud takes for a folder"),
        (gcp.REPOSITORY, {"format": "DOCKER", "repositoryId": "with_score"}, "is no name that Google Cloud takes"),
        (gcp.REPOSITORY, {"format": "IMAGES", "repositoryId": "r"}, "'IMAGES' is none of"),
        (
            gcp.REPOSITORY,
            {"format": "DOCKER", "repositoryId": "r", "mode": "REMOTE_REPOSITORY"},
            "goes with the mode REMOTE_REPOSITORY",
        ),
        (gcp.NAT, {"router": "r", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"}, "goes with LIST_OF"),
        (
            gcp.NAT,
            {
                "router": "r",
                "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
                "enableDynamicPortAllocation": True,
                "enableEndpointIndependentMapping": False,
                "minPortsPerVm": 100,
            },
            "100 is no power of two",
        ),
        (gcp.LOGS, {"project": "p", "location": "l", "bucketId": "b", "retentionDays": 0}, "is not from 1 to 3650"),
        (gcp.METRIC, {"filter": "f", "metricDescriptor": {"metricKind": "SUM"}}, "'SUM' is none of"),
        (gcp.CHANNEL, {"type": "email", "labels": {"email": "a@b.c"}}, "has the label email_address"),
        (gcp.ALERT, {**alert(conditionThreshold=threshold()), "combiner": "NONE"}, "'NONE' is none of"),
        (gcp.ALERT, alert(conditionThreshold=threshold(filter='metric.type="m"')), "one resource.type"),
        (gcp.ALERT, alert(conditionThreshold=threshold(duration="90s")), "'90s' is no whole number of minutes"),
        (gcp.ALERT, alert(conditionThreshold=threshold(comparison="COMPARISON_GE")), "'COMPARISON_GE' is none of"),
        (
            gcp.ALERT,
            alert(conditionThreshold=threshold()) | {"alertStrategy": {"notificationRateLimit": {"period": "300s"}}},
            "and no other has one",
        ),
        (gcp.ALERT, alert(conditionMatchedLog={"filter": "f"}), "needs a rate limit"),
        (gcp.ALERT, alert(), "is of one kind, and this of 0"),
        (gcp.DASHBOARD, {"dashboardJson": "{"}, "is no JSON"),
        (gcp.DASHBOARD, board(), "has one layout, and this has 0"),
        (gcp.DASHBOARD, board(mosaicLayout={"tiles": [{"xPos": 40, "width": 12}]}), "ends right of the dashboard's 48"),
        (gcp.BUDGET, {"billingAccount": "mine", "amount": {}}, "'mine' is no billing account"),
        (
            gcp.PROVIDER,
            {
                "workloadIdentityPoolId": "pool",
                "workloadIdentityPoolProviderId": "github",
                "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"},
                "attributeMapping": {"google.subject": "assertion.sub"},
            },
            "attributeCondition: an issuer that serves everyone",
        ),
    ],
)
def test_what_google_would_refuse_is_refused_before_anything_is_made(
    project: RecordedProject, token: str, inputs: Map, said: str
) -> None:
    with pytest.raises(InvalidInputsError, match=re.escape(said)):
        project.handler(token).check(project.request(token, "x", inputs=inputs))


def test_unknown_types_and_functions_are_errors(project: RecordedProject) -> None:
    with pytest.raises(ResourceError, match="does not know gcp:sql/user:User"):
        project.handler("gcp:sql/user:User")
    with pytest.raises(ResourceError, match="no function gcp:sql/getTiers:getTiers"):
        project.invoke("gcp:sql/getTiers:getTiers")


def test_settings_that_pulumi_gcp_does_not_have_are_errors(project: RecordedProject) -> None:
    recorder = GcpRecorder(project.store)
    recorder.check_config({"project": PROJECT, "region": gcp.REGION, "defaultLabels": "{}"})
    for config, said in (
        ({"project": PROJECT, "region": "europe-west5"}, "'europe-west5' is no region of Google Cloud"),
        ({"region": gcp.REGION}, "project: is missing"),
        ({"project": PROJECT, "region": gcp.REGION, "defaultTags": "{}"}, "pulumi-gcp has no such setting"),
    ):
        with pytest.raises(InvalidInputsError, match=said):
            recorder.check_config(config)


def test_a_name_that_the_program_leaves_out_is_chosen_as_pulumi_would(project: RecordedProject) -> None:
    assert project.make(gcp.RING, "dev-key-ring", location=gcp.REGION).id.endswith("/keyRings/dev-key-ring-0a1b2c3")
    made = project.make(gcp.ROLE, "devdeployer", title="t", permissions=["storage.buckets.get"])
    assert made.state["roleId"] == "devdeployer_0a1b2c3"
    with pytest.raises(InvalidInputsError, match="Google Cloud takes 30"):
        project.make(gcp.ACCOUNT, "a-name-that-is-too-long-for-it")


def test_outputs_look_as_in_google_cloud(project: RecordedProject) -> None:
    cluster = project.standing()
    assert cluster.id == f"projects/{PROJECT}/locations/europe-west4/clusters/c"
    assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", cluster.state["endpoint"])
    assert cluster.state["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"].endswith(".gke.goog")
    assert project.pool(cluster).id == f"{cluster.id}/nodePools/pool"
    assert project.account("runner") == f"runner@{PROJECT}.iam.gserviceaccount.com"
    agent = project.make(gcp.AGENT, "agent", service="container.googleapis.com")
    assert agent.state["member"] == f"serviceAccount:{gcp.GKE_AGENT}"
    bucket = project.make(gcp.BUCKET, "b", name="the-bucket", location="EU")
    assert (bucket.id, bucket.state["url"]) == ("the-bucket", "gs://the-bucket")
    channel = project.make(gcp.CHANNEL, "mail", type="email", labels={"email_address": "a@example.org"})
    assert re.fullmatch(rf"projects/{PROJECT}/notificationChannels/\d+", channel.id)


def test_outputs_are_unknown_before_they_exist_but_for_labels(project: RecordedProject) -> None:
    inputs: Map = {"name": "c", "resourceLabels": {"a": "b"}, "controlPlaneEndpointsConfig": {"ipEndpointsConfig": {}}}
    preview = project.handler(gcp.CLUSTER).create(project.request(gcp.CLUSTER, "c", inputs=inputs, preview=True))
    assert preview.state["name"] == "c"
    assert isinstance(preview.state["endpoint"], Unknown)
    assert preview.state["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] == {"endpoint": UNKNOWN}
    assert preview.state["pulumiLabels"] == {"project": "biojobs", "a": "b"}
    assert preview.state["effectiveLabels"]["goog-pulumi-provisioned"] == "true"


def test_labels_reach_what_has_some_and_nothing_else(project: RecordedProject) -> None:
    cluster = project.standing()
    assert cluster.state["effectiveLabels"]["project"] == "biojobs"
    assert "effectiveLabels" not in project.pool(cluster).state
    assert "effectiveLabels" not in project.make(gcp.RING, "ring", location=gcp.REGION).state


def test_what_only_a_new_resource_can_change_is_replaced(project: RecordedProject) -> None:
    cluster = project.standing()
    pool = project.pool(cluster, spot=True)
    changed = {"description": "d", "releaseChannel": {"channel": "STABLE"}, "enableAutopilot": True}
    expected = {"description": True, "releaseChannel": False, "enableAutopilot": True}
    assert project.replaced(gcp.CLUSTER, cluster, **changed) == expected
    fresh = {"machineType": "n2-standard-8", "diskType": "pd-balanced", "spot": True}
    assert project.replaced(gcp.POOL, pool, nodeConfig=fresh) == {"nodeConfig": False}
    assert project.replaced(gcp.POOL, pool, nodeConfig={**fresh, "spot": False})["nodeConfig"]
    assert project.replaced(gcp.POOL, pool, maxPodsPerNode=32) == {"maxPodsPerNode": True}


def test_functions_answer_from_what_is_recorded(project: RecordedProject) -> None:
    assert project.invoke("gcp:organizations/getProject:getProject")["number"] == NUMBER
    zones = project.invoke("gcp:compute/getZones:getZones", region="us-central1")["names"]
    assert zones == [f"us-central1-{letter}" for letter in "abcf"]
    with pytest.raises(ResourceError, match="404"):
        project.invoke("gcp:compute/getNetwork:getNetwork", name="default")
    network = project.network()
    assert project.invoke("gcp:compute/getNetwork:getNetwork", name="vpc")["id"] == network.id
    config = "gcp:organizations/getClientConfig:getClientConfig"
    first, second = (project.invoke(config)["accessToken"].value for _ in range(2))
    assert first != second
    words = 'name = "n2-standard-4" OR name = "n2-standard-5"'
    types = "gcp:compute/getMachineTypes:getMachineTypes"
    assert project.invoke(types, zone="europe-west4-a", filter=words)["machineTypes"] == [{"name": "n2-standard-4"}]
    with pytest.raises(ResourceError, match="Unknown zone"):
        project.invoke(types, zone="europe-west4-q", filter=words)
    with project.store.open() as content:
        content["invokes"]["gcp:storage/getBucket:getBucket"] = [{"args": {"name": "b"}, "error": "403 Forbidden"}]
    with pytest.raises(ResourceError, match="403 Forbidden"):
        project.invoke("gcp:storage/getBucket:getBucket", name="b")
