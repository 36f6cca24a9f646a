"""The node pools of GKE Standard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_gcp as gcp
import pytest

from components.gcp.nodes import NodePools
from tests.components.built import Once
from tests.components.gcp.conftest import PROJECT, REGION, GcpRecorder, MakeScope

if TYPE_CHECKING:
    from components.gcp.cluster import GkeCluster

ACCOUNT = f"biojobs-dev-nodes@{PROJECT}.iam.gserviceaccount.com"
POOLS = {
    "system": {"e2-standard-2"},
    "spot-small": {"n2-standard-4", "n2d-standard-4", "e2-standard-4"},
    "on-demand-small": {"n2-standard-4", "n2d-standard-4"},
    "spot-large": {"n2-standard-96", "n2d-standard-96", "c3-standard-88"},
    "on-demand-large": {"n2-standard-96", "n2d-standard-96"},
    "huge": {"n2-highmem-32", "n2d-highmem-32"},
}
GPU: dict[str, Any] = {"gpu": {"types": ["g2-standard-24"], "max": 2}}
SPOT = "spot-small-n2-standard-4"


@dataclass
class FakeCluster:
    cluster: gcp.container.Cluster
    name: pulumi.Output[str]


_ONCE = Once[NodePools]()


def build(gcp_mock: GcpRecorder, make_scope: MakeScope, **keys: Any) -> NodePools:
    def make() -> NodePools:
        scope = make_scope(**keys)
        opts = pulumi.ResourceOptions(provider=scope.provider)
        cluster = gcp.container.Cluster("dev-cluster-cluster", name="biojobs-dev", location=REGION, opts=opts)
        role = gcp.projects.IAMMember(
            "dev-node-role", project=PROJECT, role="roles/x", member="serviceAccount:x", opts=opts
        )
        fake = cast("GkeCluster", FakeCluster(cluster, cluster.name))
        return NodePools("dev-nodes", scope, fake, ACCOUNT, after=[role])

    return _ONCE.build(gcp_mock, keys, make)


def node_pools(gcp_mock: GcpRecorder, scope: MakeScope, **keys: Any) -> dict[str, dict[str, Any]]:
    """Node pools by GKE's name of each."""
    build(gcp_mock, scope, **keys)
    return {name.removeprefix("dev-nodes-"): made for name, made in gcp_mock.of("NodePool").items()}


def of(made: dict[str, dict[str, Any]], pool: str) -> list[dict[str, Any]]:
    """Those that are a pool of ours."""
    return [one for one in made.values() if one["nodeConfig"]["labels"]["biojobs/pool"] == pool]


def test_there_is_a_node_pool_for_every_type_of_every_pool_that_is_on(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = node_pools(gcp_mock, scope)
    assert {pool: {one["nodeConfig"]["machineType"] for one in of(made, pool)} for pool in POOLS} == POOLS
    assert len(made) == sum(map(len, POOLS.values()))
    assert all(one["name"] == name for name, one in made.items())


def test_another_type_is_another_node_pool_so_that_new_nodes_come_before_old_ones_go(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    made = node_pools(gcp_mock, scope, pools={"huge": {"types": ["m3-ultramem-32"]}})
    assert [one["name"] for one in of(made, "huge")] == ["huge-m3-ultramem-32"]


def test_they_are_in_the_regional_cluster_and_made_after_it_and_what_nodes_need(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    made = node_pools(gcp_mock, scope)
    for name, one in made.items():
        assert (one["cluster"], one["location"]) == ("biojobs-dev", REGION)
        assert {"dev-cluster-cluster", "dev-node-role"} <= gcp_mock.options[f"dev-nodes-{name}"].depends_on
        assert gcp_mock.options[f"dev-nodes-{name}"].provider == "dev-gcp"


def test_batches_run_on_spot_and_last_tries_and_the_system_do_not(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = node_pools(gcp_mock, scope, pools=GPU)
    spot = {name: one["nodeConfig"]["spot"] for name, one in made.items()}
    assert {name for name, value in spot.items() if value} == {
        name for name in made if name.startswith(("spot-", "gpu-"))
    }
    assert not any(one["nodeConfig"]["spot"] for one in of(made, "system"))


@pytest.mark.parametrize("pool", [name for name in POOLS if name != "system"])
def test_all_pools_but_the_systems_scale_from_zero_to_their_most_wherever_nodes_are(
    gcp_mock: GcpRecorder, scope: MakeScope, pool: str
) -> None:
    for one in of(node_pools(gcp_mock, scope), pool):
        assert one["autoscaling"] == {
            "totalMinNodeCount": 0,
            "totalMaxNodeCount": 2 if pool == "huge" else 20,
            "locationPolicy": "ANY",
        }
        assert one["initialNodeCount"] == 0
        assert one["nodeConfig"]["taints"] == [{"key": "biojobs/pool", "value": pool, "effect": "NO_SCHEDULE"}]


def test_the_system_pool_has_nodes_and_takes_pods_that_name_no_pool(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    (made,) = of(node_pools(gcp_mock, scope), "system")
    assert (made["autoscaling"]["totalMinNodeCount"], made["autoscaling"]["totalMaxNodeCount"]) == (2, 4)
    assert made["initialNodeCount"] == 1
    assert not made["nodeConfig"].get("taints")


def test_sizes_are_those_of_the_settings(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    zones = [f"{REGION}-a", f"{REGION}-b"]
    wanted = {"spotSmall": {"types": ["n2-standard-4"], "min": 3, "max": 7, "diskGib": 700}}
    (made,) = of(node_pools(gcp_mock, scope, pools=wanted, zones=zones), "spot-small")
    assert (made["autoscaling"]["totalMinNodeCount"], made["autoscaling"]["totalMaxNodeCount"]) == (3, 7)
    assert made["initialNodeCount"] == 2
    assert (made["nodeConfig"]["diskType"], made["nodeConfig"]["diskSizeGb"]) == ("pd-balanced", 700)


def test_how_many_nodes_there_are_is_left_to_the_autoscaler(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    for name, one in node_pools(gcp_mock, scope).items():
        assert gcp_mock.options[f"dev-nodes-{name}"].ignore_changes == ("initialNodeCount",)
        assert "nodeCount" not in one


def test_nodes_are_repaired_and_upgraded_one_by_one_with_a_spare(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    for one in node_pools(gcp_mock, scope).values():
        assert one["management"] == {"autoRepair": True, "autoUpgrade": True}
        assert one["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 1, "maxUnavailable": 0}
        # The release channel has the version; one here would be a difference after every upgrade.
        assert "version" not in one


def test_no_pod_gets_at_the_nodes_identity(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    for one in node_pools(gcp_mock, scope, pools=GPU).values():
        assert one["nodeConfig"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert one["nodeConfig"]["metadata"] == {"disable-legacy-endpoints": "true"}


def test_nodes_have_an_account_of_their_own_whose_roles_decide(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    for one in node_pools(gcp_mock, scope).values():
        assert one["nodeConfig"]["serviceAccount"] == ACCOUNT
        assert one["nodeConfig"]["oauthScopes"] == ["https://www.googleapis.com/auth/cloud-platform"]


def test_nodes_boot_only_what_google_signed(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    for one in node_pools(gcp_mock, scope, pools=GPU).values():
        assert one["nodeConfig"]["imageType"] == "COS_CONTAINERD"
        assert one["nodeConfig"]["shieldedInstanceConfig"] == {
            "enableSecureBoot": True,
            "enableIntegrityMonitoring": True,
        }


def test_machines_and_disks_say_whose_they_are(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    (made,) = of(node_pools(gcp_mock, scope), "system")
    assert made["nodeConfig"]["resourceLabels"] == {
        "project": "biojobs",
        "stack": "dev",
        "managed-by": "pulumi",
        "pool": "system",
    }


def test_local_ssds_hold_the_scratch_where_the_settings_say_so(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    on_ssds = {"spotLarge": {"types": ["n2-standard-96"], "localSsds": 16}}
    made = node_pools(gcp_mock, scope, pools=on_ssds)
    (config,) = (one["nodeConfig"] for one in of(made, "spot-large"))
    assert config["ephemeralStorageLocalSsdConfig"] == {"localSsdCount": 16}
    assert config["diskSizeGb"] == 50
    assert not any("ephemeralStorageLocalSsdConfig" in one["nodeConfig"] for one in of(made, "spot-small"))


def test_gpu_nodes_have_their_gpus_and_drivers_and_no_others_have(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = node_pools(gcp_mock, scope, pools=GPU)
    assert made["gpu-g2-standard-24"]["nodeConfig"]["guestAccelerators"] == [
        {"type": "nvidia-l4", "count": 2, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}
    ]
    assert [name for name, one in made.items() if "guestAccelerators" in one["nodeConfig"]] == ["gpu-g2-standard-24"]


def test_pods_wait_for_all_node_pools(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    made = build(gcp_mock, scope)
    assert made.ready == list(made.pools.values())
    assert set(made.pools) == set(node_pools(gcp_mock, scope))
