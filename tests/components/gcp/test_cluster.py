"""The control plane, Standard and Autopilot: who may reach it, what it keeps, and what GKE decides itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.gcp.cluster import authorized_networks, problems
from tests.components.built import known
from tests.components.gcp.conftest import PROJECT, REGION, GcpRecorder, MakeScope, settings
from tests.components.gcp.stack import DNS_NAME, NODE_ACCOUNT, build

NAME = "dev-cluster-cluster"
STANDARD: dict[str, Any] = {}
AUTOPILOT: dict[str, Any] = {"gke": "autopilot"}

both_kinds = pytest.mark.parametrize("kind", [STANDARD, AUTOPILOT], ids=["standard", "autopilot"])


def cluster(gcp_mock: GcpRecorder, scope: MakeScope, **keys: Any) -> dict[str, Any]:
    build(gcp_mock, scope, **keys)
    return gcp_mock.one("Cluster", NAME)


def kubeconfig(gcp_mock: GcpRecorder, scope: MakeScope, **keys: Any) -> dict[str, Any]:
    return json.loads(known(build(gcp_mock, scope, **keys).cluster.kubeconfig))


@both_kinds
def test_the_cluster_is_regional_and_in_the_regular_channel(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    assert (made["name"], made["location"], made["project"]) == ("biojobs-dev", REGION, PROJECT)
    assert made["releaseChannel"] == {"channel": "REGULAR"}
    # GKE keeps the version of a channel; a version here would be a difference with every upgrade.
    assert "minMasterVersion" not in made


@both_kinds
def test_nodes_are_private_and_take_their_addresses_from_the_plan(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    assert made["privateClusterConfig"]["enablePrivateNodes"] is True
    assert (made["network"], made["subnetwork"]) == ("biojobs-dev-id", "biojobs-dev-id")
    assert made["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    }


@both_kinds
def test_the_public_endpoint_is_open_to_administrators_alone(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, adminCidrs=["192.0.2.7/32", "198.51.100.0/24"], **kind)
    assert made["privateClusterConfig"]["enablePrivateEndpoint"] is False
    networks = made["masterAuthorizedNetworksConfig"]
    assert [block["cidrBlock"] for block in networks["cidrBlocks"]] == ["192.0.2.7/32", "198.51.100.0/24"]
    # Or whoever rents a machine of Google's could talk to it.
    assert networks["gcpPublicCidrsAccessEnabled"] is False


@both_kinds
def test_without_administrators_networks_there_is_no_public_endpoint(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, adminCidrs=[], **kind)
    assert made["privateClusterConfig"]["enablePrivateEndpoint"] is True
    assert not made["masterAuthorizedNetworksConfig"].get("cidrBlocks")


def test_authorized_networks_are_never_left_out() -> None:
    # GKE reads a cluster without them as one for everyone.
    assert authorized_networks([]) == {"cidr_blocks": [], "gcp_public_cidrs_access_enabled": False}


@both_kinds
@pytest.mark.parametrize("wanted", [True, False])
def test_the_dns_endpoint_is_open_only_when_wanted(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any], wanted: bool
) -> None:
    made = cluster(gcp_mock, scope, dnsEndpoint=wanted, **kind)["controlPlaneEndpointsConfig"]
    assert made["dnsEndpointConfig"] == {"allowExternalTraffic": wanted}


@both_kinds
def test_pods_have_identities_of_their_own_and_nobody_has_a_certificate(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    assert made["workloadIdentityConfig"] == {"workloadPool": f"{PROJECT}.svc.id.goog"}
    assert made["masterAuth"] == {"clientCertificateConfig": {"issueClientCertificate": False}}


@both_kinds
def test_secrets_are_encrypted_with_the_stacks_key_once_gke_may_use_it(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    assert made["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": "dev-key-key-id"}
    assert "dev-key-container" in gcp_mock.options[NAME].depends_on


@both_kinds
def test_the_cluster_comes_after_the_apis_and_the_way_out_and_so_goes_before_them(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    cluster(gcp_mock, scope, **kind)
    needed = {"dev-services-container", "dev-network-subnet", "dev-network-nat"}
    assert needed <= gcp_mock.options[NAME].depends_on


@both_kinds
def test_upgrades_keep_to_weekends_with_as_many_hours_as_gke_asks_for(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    window = cluster(gcp_mock, scope, **kind)["maintenancePolicy"]["recurringWindow"]
    assert window["recurrence"] == "FREQ=WEEKLY;BYDAY=SA,SU"
    start, end = (int(window[key].partition("T")[2][:2]) for key in ("startTime", "endTime"))
    assert end - start >= 4
    # 32 days have four Saturdays and four Sundays at least.
    assert (end - start) * 8 >= 48


@both_kinds
def test_costs_are_told_by_namespace_and_the_control_plane_writes_its_logs(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    assert made["costManagementConfig"] == {"enabled": True}
    logs = {"SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"}
    assert set(made["loggingConfig"]["enableComponents"]) == logs


@both_kinds
@pytest.mark.parametrize("protect", [True, False])
def test_the_cluster_is_protected_only_when_wanted(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any], protect: bool
) -> None:
    # GKE's provider protects it where nothing is said, and `destroy` would fail.
    assert cluster(gcp_mock, scope, protectCluster=protect, **kind)["deletionProtection"] is protect


def test_a_standard_cluster_has_no_pool_of_its_own(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = cluster(gcp_mock, scope)
    assert (made["initialNodeCount"], made["removeDefaultNodePool"]) == (1, True)
    assert not {"nodeConfig", "nodePools", "nodeVersion", "enableAutopilot"} & set(made)


def test_idle_nodes_of_a_standard_cluster_go_soon_and_no_pool_is_made_but_ours(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    assert cluster(gcp_mock, scope)["clusterAutoscaling"] == {"autoscalingProfile": "OPTIMIZE_UTILIZATION"}


@both_kinds
def test_what_gke_fills_in_itself_is_no_difference(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = cluster(gcp_mock, scope, **kind)
    ignored = set(gcp_mock.options[NAME].ignore_changes)
    assert ignored == {"dnsConfig", "nodeConfig", "nodePools"}
    # What is ignored cannot be changed by a setting any more.
    assert not ignored & set(made)


def test_a_standard_cluster_has_dataplane_v2_shielded_nodes_and_room_for_pods_as_planned(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    made = cluster(gcp_mock, scope)
    assert made["datapathProvider"] == "ADVANCED_DATAPATH"
    # Dataplane V2 enforces network policies; GKE refuses the other engine beside it.
    assert "networkPolicy" not in made
    assert made["enableShieldedNodes"] is True
    assert made["defaultMaxPodsPerNode"] == 64


def test_a_standard_cluster_is_watched_by_managed_prometheus(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = cluster(gcp_mock, scope)["monitoringConfig"]
    assert made["managedPrometheus"] == {"enabled": True}
    assert {"SYSTEM_COMPONENTS", "POD", "KUBELET"} <= set(made["enableComponents"])


def test_nodes_are_in_the_chosen_zones_or_where_gke_puts_them(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert "nodeLocations" not in cluster(gcp_mock, scope)
    zones = [f"{REGION}-a", f"{REGION}-b"]
    assert cluster(gcp_mock, scope, zones=zones)["nodeLocations"] == zones


def test_autopilot_is_told_nothing_that_it_refuses(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = cluster(gcp_mock, scope, **AUTOPILOT)
    assert made["enableAutopilot"] is True
    refused = {
        "addonsConfig",
        "datapathProvider",
        "defaultMaxPodsPerNode",
        "enableIntranodeVisibility",
        "enableShieldedNodes",
        "initialNodeCount",
        "networkPolicy",
        "nodeConfig",
        "nodeLocations",
        "nodePools",
        "removeDefaultNodePool",
    }
    assert not refused & set(made)
    assert not {"enabled", "resourceLimits"} & set(made["clusterAutoscaling"])


def test_autopilots_nodes_have_the_stacks_account_and_never_the_projects_own(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    nodes = cluster(gcp_mock, scope, **AUTOPILOT)["clusterAutoscaling"]["autoProvisioningDefaults"]
    assert nodes["serviceAccount"] == NODE_ACCOUNT
    assert nodes["oauthScopes"] == ["https://www.googleapis.com/auth/cloud-platform"]


@both_kinds
def test_a_kubeconfig_asks_for_a_token_with_the_programs_own_credentials_and_has_none(
    gcp_mock: GcpRecorder, scope: MakeScope, kind: dict[str, Any]
) -> None:
    made = kubeconfig(gcp_mock, scope, **kind)
    (user,) = made["users"]
    assert list(user["user"]) == ["exec"]
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert user["user"]["exec"]["args"] == ["--use_application_default_credentials"]
    assert "gcloud components install" in user["user"]["exec"]["installHint"]
    assert made["current-context"] == "biojobs-dev"


def test_the_api_server_is_reached_by_its_address_and_known_by_its_own_authority(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    (found,) = kubeconfig(gcp_mock, scope)["clusters"]
    assert found["cluster"]["server"] == "https://203.0.113.10"
    assert found["cluster"]["certificate-authority-data"]


def test_with_the_dns_endpoint_the_api_server_is_reached_by_its_name(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    built = build(gcp_mock, scope, dnsEndpoint=True, adminCidrs=[])
    assert known(built.cluster.endpoint) == DNS_NAME
    (found,) = kubeconfig(gcp_mock, scope, dnsEndpoint=True, adminCidrs=[])["clusters"]
    # Its certificate is signed by an authority of the web's, and the cluster's own would not fit.
    assert found["cluster"] == {"server": f"https://{DNS_NAME}"}


def test_default_settings_have_no_problem() -> None:
    assert problems(settings()) == []
    assert problems(settings(gke="autopilot")) == []


def test_a_network_without_room_for_all_nodes_is_refused() -> None:
    assert problems(settings(network={"cidr": "10.0.0.0/17"})) == [
        "biojobs:network.cidr: '10.0.0.0/17': has addresses for 128 nodes of 64 pods, and biojobs:pools may have 208; "
        "use a bigger network, or lower `max` of pools"
    ]
    # Autopilot has as many nodes as its pods need, and fewer pods on each.
    assert problems(settings(gke="autopilot", network={"cidr": "10.0.0.0/17"})) == []


def test_zones_are_refused_where_autopilot_takes_them_itself() -> None:
    (problem,) = problems(settings(gke="autopilot", zones=[f"{REGION}-a"]))
    assert problem == "biojobs:zones: 'europe-west4-a': Autopilot takes the zones by itself; remove the key"
    assert problems(settings(zones=[f"{REGION}-a"])) == []
