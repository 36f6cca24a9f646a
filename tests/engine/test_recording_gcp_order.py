"""The recording Google Cloud by itself: APIs, references, and the order of making and deleting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offline.recording.clusters import endpoint_of, images_of, require_cluster
from offline.recording.gcp.place import PROJECT
from offline.recording.store import Store
from offline.resource import Made, ResourceError
from tests.engine import recorded_gcp as gcp
from tests.engine import test_recording_gcp as base
from tests.engine.recorded import check_cluster
from tests.engine.recorded_gcp import RecordedProject

project = base.project
POOL_USER = "roles/iam.workloadIdentityUser"
READ = "roles/storage.objectViewer"


def refuses(said: str) -> Any:
    return pytest.raises(ResourceError, match=said)


def test_nothing_is_made_or_found_while_its_api_is_off(tmp_path: Path) -> None:
    project = RecordedProject(Store(tmp_path / "recording.json"), ready=False)
    with refuses("compute.googleapis.com has not been used in project .* SERVICE_DISABLED"):
        project.network()
    with refuses("SERVICE_DISABLED"):
        project.invoke("gcp:compute/getNetwork:getNetwork", name="default")
    project.enable("compute")
    project.network()


def test_an_api_stays_on_unless_it_is_to_be_turned_off(project: RecordedProject) -> None:
    project.remove(gcp.SERVICE, project.enable("sqladmin"))
    project.remove(gcp.SERVICE, project.enable("dns", disableOnDestroy=True))
    apis = project.store.section("apis")
    assert "sqladmin.googleapis.com" in apis
    assert "dns.googleapis.com" not in apis


def test_without_the_api_for_projects_no_other_can_be_turned_on_and_no_number_told(project: RecordedProject) -> None:
    with project.store.open() as content:
        content["apis"] = ["serviceusage.googleapis.com"]
    with refuses("cloudresourcemanager.googleapis.com .* SERVICE_DISABLED"):
        project.enable("cloudresourcemanager")
    with refuses("SERVICE_DISABLED"):
        project.invoke("gcp:organizations/getProject:getProject")


def test_what_is_said_to_be_another_project_s_is_refused(project: RecordedProject) -> None:
    with refuses("'other-project' is not the provider's project"):
        project.network(project="other-project")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ipCidrRange": "10.2.0.0/20"}, "pods 10.2.0.0/16 overlaps  10.2.0.0/20"),
        ({}, "Invalid IPCidrRange:  10.1.0.0/20 conflicts with"),
        ({"network": f"projects/{PROJECT}/global/networks/none"}, "there is no such network"),
        ({"ipCidrRange": "10.9.0.0/30", "secondaryIpRanges": []}, "is not between /8 and /29"),
        ({"ipCidrRange": "10.9.0.0/20", "secondaryIpRanges": [], "region": "europe-west5"}, "is no region"),
        ({"ipCidrRange": "10.3.8.0/24", "secondaryIpRanges": []}, "subnetworks/subnet services 10.3.0.0/20"),
    ],
)
def test_ranges_of_a_network_do_not_overlap(project: RecordedProject, more: dict[str, Any], said: str) -> None:
    network = project.network()
    project.subnet(network)
    with refuses(said):
        project.subnet(network, **{"name": "other", **more})


def test_an_auto_mode_network_keeps_its_own_ranges(project: RecordedProject) -> None:
    auto = project.make(gcp.NETWORK, "auto", name="default")
    with refuses("is of the auto mode network"):
        project.subnet(auto, ipCidrRange="10.130.0.0/20")


def test_a_network_and_a_subnet_in_use_stay(project: RecordedProject) -> None:
    network = project.network()
    subnet = project.subnet(network)
    router = project.make(gcp.ROUTER, "r", name="r", network=network.id, region=gcp.REGION)
    address = project.make(gcp.ADDRESS, "a", name="a", region=gcp.REGION)
    nat = project.make(
        gcp.NAT,
        "nat",
        name="nat",
        router=router.state["name"],
        region=gcp.REGION,
        natIpAllocateOption="MANUAL_ONLY",
        natIps=[address.state["selfLink"]],
        sourceSubnetworkIpRangesToNat="LIST_OF_SUBNETWORKS",
        subnetworks=[{"name": subnet.id, "sourceIpRangesToNats": ["ALL_IP_RANGES"]}],
    )
    cluster = project.cluster(subnet)
    for token, held in ((gcp.NETWORK, network), (gcp.SUBNET, subnet), (gcp.ADDRESS, address)):
        with refuses("still uses it"):
            project.remove(token, held)
    project.remove(gcp.CLUSTER, cluster)
    project.remove(gcp.NAT, nat)
    project.remove(gcp.ADDRESS, address)
    project.remove(gcp.ROUTER, router)
    project.remove(gcp.SUBNET, subnet)
    project.remove(gcp.NETWORK, network)


def test_a_subnet_has_one_nat(project: RecordedProject) -> None:
    network = project.network()
    subnet = project.subnet(network)
    project.make(gcp.ROUTER, "r", name="r", network=network.id, region=gcp.REGION)

    def nat(name: str) -> Made:
        served = [{"name": subnet.id, "sourceIpRangesToNats": ["ALL_IP_RANGES"]}]
        source = "LIST_OF_SUBNETWORKS"
        inputs = {"router": "r", "sourceSubnetworkIpRangesToNat": source, "subnetworks": served}
        return project.make(gcp.NAT, name, name=name, region=gcp.REGION, **inputs)

    nat("one")
    with refuses("serves it already"):
        nat("two")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ipAllocationPolicy": {"clusterSecondaryRangeName": "pod"}}, "'pod': .* has pods, services"),
        ({"workloadIdentityConfig": {"workloadPool": "other.svc.id.goog"}}, "the only one there is"),
        ({"nodeLocations": ["europe-west4-d"]}, "'europe-west4-d' is no zone of europe-west4"),
        ({"subnetwork": "none"}, "there is no such subnet"),
    ],
)
def test_a_cluster_needs_what_it_names(project: RecordedProject, more: dict[str, Any], said: str) -> None:
    subnet = project.subnet(project.network())
    with refuses(said):
        project.cluster(subnet, **more)


def test_private_nodes_need_private_google_access(project: RecordedProject) -> None:
    subnet = project.subnet(project.network(), privateIpGoogleAccess=False)
    with refuses("privateIpGoogleAccess is off"):
        project.cluster(subnet)


def test_a_range_that_a_cluster_uses_cannot_be_taken_away(project: RecordedProject) -> None:
    subnet = project.subnet(project.network())
    project.cluster(subnet)
    kept = [{"rangeName": "pods", "ipCidrRange": "10.2.0.0/16"}]
    with refuses("services 10.3.0.0/20 is in use by"):
        project.change(gcp.SUBNET, "subnet", subnet, secondaryIpRanges=kept)


def test_gke_encrypts_with_a_key_only_once_its_agent_may(project: RecordedProject) -> None:
    key = project.key(for_gke=False)
    encryption = {"state": "ENCRYPTED", "keyName": key.id}
    with refuses("useToEncrypt' denied"):
        project.standing(databaseEncryption=encryption)
    role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    grant = {"cryptoKeyId": key.id, "role": role, "member": f"serviceAccount:{gcp.GKE_AGENT}"}
    with refuses("Service account does not exist: ServiceIdentity makes it"):
        project.make(gcp.KEY_ROLE, "grant", **grant)
    project.make(gcp.AGENT, "agent", service="container.googleapis.com")
    project.make(gcp.KEY_ROLE, "grant", **grant)
    subnet = gcp.SUBNET, f"projects/{PROJECT}/regions/{gcp.REGION}/subnetworks/subnet"
    found = project.handler(subnet[0]).read(project.request(subnet[0], "subnet", id=subnet[1]))
    project.cluster(found, databaseEncryption=encryption)


def test_a_cluster_goes_before_its_key_and_the_right_to_use_it(project: RecordedProject) -> None:
    key = project.key()
    cluster = project.standing(databaseEncryption={"state": "ENCRYPTED", "keyName": key.id})
    with refuses("still uses it"):
        project.remove(gcp.KEY, key)
    role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    handler = project.handler(gcp.KEY_ROLE)
    grant = f"{key.id}/{role}/serviceAccount:{gcp.GKE_AGENT}/"
    handler.delete(project.request(gcp.KEY_ROLE, "grant", id=grant))
    with refuses("its secrets cannot be read"):
        project.remove(gcp.CLUSTER, cluster)


def test_a_protected_cluster_stays_and_protection_is_the_default(project: RecordedProject) -> None:
    cluster = project.standing(deletionProtection=None)
    with refuses("deletion_protection is set to true"):
        project.remove(gcp.CLUSTER, cluster)
    project.change(gcp.CLUSTER, "cluster", cluster, deletionProtection=False)
    project.remove(gcp.CLUSTER, cluster)


def test_a_cluster_stays_while_it_has_pools_and_a_pool_s_account_while_it_is_there(project: RecordedProject) -> None:
    cluster = project.standing()
    email = project.account("nodes-of-c")
    pool = project.pool(cluster, serviceAccount=email)
    with refuses("node-pool .* still uses it"):
        project.remove(gcp.CLUSTER, cluster)
    account = f"projects/{PROJECT}/serviceAccounts/{email}"
    with refuses("node-pool .* still uses it"):
        project.handler(gcp.ACCOUNT).delete(project.request(gcp.ACCOUNT, "n", id=account))
    project.remove(gcp.POOL, pool)
    project.remove(gcp.CLUSTER, cluster)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"machineType": "n2-standard-5"}, "'n2-standard-5' is no machine type"),
        ({"machineType": "x9-standard-4"}, "'x9-standard-4' is no machine type"),
        ({"machineType": "c3-standard-88"}, "'c3-standard-88' is not offered in europe-west4"),
        ({"machineType": "n4-standard-4"}, "n4-standard-4 cannot boot from pd-balanced"),
        ({"ephemeralStorageLocalSsdConfig": {"localSsdCount": 3}}, "does not take 3 local SSDs"),
        ({"serviceAccount": f"gone@{PROJECT}.iam.gserviceaccount.com"}, "there is no such account"),
    ],
)
def test_a_pool_needs_machines_that_there_are(project: RecordedProject, config: dict[str, Any], said: str) -> None:
    with project.store.open() as content:
        content["machines"][gcp.REGION] = ["n2-standard-4", "n4-standard-4"]
    cluster = project.standing()
    with refuses(said):
        project.pool(cluster, **config)
    project.pool(cluster, ephemeralStorageLocalSsdConfig={"localSsdCount": 2})


def test_autopilot_has_no_pools_and_runs_pods_without(project: RecordedProject) -> None:
    subnet = project.subnet(project.network())
    more = dict.fromkeys(("initialNodeCount", "removeDefaultNodePool", "workloadIdentityConfig"))
    cluster = project.cluster(subnet, enableAutopilot=True, **more)
    with refuses("do not support mutating node pools"):
        project.pool(cluster)
    with project.store.open() as content:
        require_cluster(content, f"gke-gcloud-auth-plugin https://{cluster.state['endpoint']}", "Release", "argo")


def test_the_cluster_answers_while_it_is_there_and_runs_pods_while_it_has_nodes(project: RecordedProject) -> None:
    cluster = project.standing()
    server = f"https://{cluster.state['endpoint']}"
    address = endpoint_of(f'{{"server": "{server}", "command": "gke-gcloud-auth-plugin"}}')
    check_cluster(project.store, address, lambda: project.pool(cluster))


def test_a_cluster_answers_by_its_name_once_that_is_open_to_the_outside(project: RecordedProject) -> None:
    cluster = project.standing()
    name = cluster.state["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
    address = f"gke-gcloud-auth-plugin https://{name}"
    with project.store.open() as content, refuses("no cluster answers"):
        require_cluster(content, address, "Namespace", "n")
    opened = {"dnsEndpointConfig": {"allowExternalTraffic": True}}
    project.change(gcp.CLUSTER, "cluster", cluster, controlPlaneEndpointsConfig=opened)
    with project.store.open() as content:
        require_cluster(content, address, "Namespace", "n")


def test_nodes_pull_what_their_account_may_read_and_what_they_reach(project: RecordedProject) -> None:
    cluster = project.standing()
    email = project.account("nodes-of-c")
    project.pool(cluster, serviceAccount=email)
    address = f"gke-gcloud-auth-plugin https://{cluster.state['endpoint']}"
    image = f"europe-west4-docker.pkg.dev/{PROJECT}/images/fastqc@sha256:a"

    def run(image: str) -> None:
        with project.store.open() as content:
            require_cluster(content, address, "Pod", "p", [image])

    with refuses("ImagePullBackOff: .* there is no repository for"):
        run(image)
    project.make(gcp.REPOSITORY, "r", repositoryId="images", location=gcp.REGION, format="DOCKER")
    with refuses("403 Forbidden: nodes-of-c@.* may not read"):
        run(image)
    reader = {"role": "roles/artifactregistry.reader", "member": f"serviceAccount:{email}"}
    project.make(gcp.REPOSITORY_ROLE, "reader", repository="images", location=gcp.REGION, **reader)
    run(image)
    with refuses("there is no way out to quay.io"):
        run("quay.io/argoproj/argoexec:v4")
    with refuses("there is no way out to docker.io"):
        run("alpine:3")
    project.make(gcp.ROUTER, "r", name="r", network=cluster.state["network"], region=gcp.REGION)
    all_of_it = "ALL_SUBNETWORKS_ALL_IP_RANGES"
    project.make(gcp.NAT, "n", name="n", router="r", region=gcp.REGION, sourceSubnetworkIpRangesToNat=all_of_it)
    run("quay.io/argoproj/argoexec:v4")


def test_images_are_found_in_objects_and_in_values_of_charts() -> None:
    container = {"containers": [{"image": "a.example/b:1"}, {"args": ["image"]}]}
    parts = {"controller": {"image": {"registry": "c.example", "repository": "d", "tag": "2"}}, "images": {"tag": "3"}}
    assert [*images_of({"spec": container}), *images_of(parts)] == ["a.example/b:1", "c.example/d:2"]
