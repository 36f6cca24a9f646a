"""The network: what reaches what, and when an existing one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.gcp.network import Network
from components.gcp.services import Services
from tests.components.cloud import RefusedError
from tests.components.gcp.conftest import PROJECT, REGION, GcpRecorder, MakeScope

PREFIX = "dev-network"
LOOK_UP = "gcp:compute/getNetwork:getNetwork"
EXISTING = {"name": "default"}
FIXED = (f"{PREFIX}-vpc", f"{PREFIX}-subnet")

Build = Callable[..., Network]


@pytest.fixture
def build(gcp_mock: GcpRecorder, scope: MakeScope) -> Build:
    def make(**network: Any) -> Network:
        made: list[Network] = []
        # Without a NAT there must be copies of what others' registries have.
        mirror = network.get("nat") is False

        def program() -> None:
            here = scope(network=network, mirror=mirror)
            made.append(Network(PREFIX, here, Services("dev-services", here)))

        gcp_mock.build(program)
        return made[0]

    return make


def there(gcp_mock: GcpRecorder) -> None:
    """Answers for a VPC that exists."""
    gcp_mock.answers[LOOK_UP] = lambda asked: {"id": f"projects/{PROJECT}/global/networks/{asked['name']}"}


def refused(gcp_mock: GcpRecorder, why: str) -> None:
    def answer(_: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError(why)

    gcp_mock.answers[LOOK_UP] = answer


def test_the_vpc_has_no_subnets_but_the_stacks_own(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    vpc = gcp_mock.one("Network", f"{PREFIX}-vpc")
    assert (vpc["name"], vpc["autoCreateSubnetworks"]) == ("biojobs-dev", False)
    assert list(gcp_mock.of("Subnetwork")) == [f"{PREFIX}-subnet"]


def test_the_subnet_has_planned_ranges_for_nodes_pods_and_services(build: Build, gcp_mock: GcpRecorder) -> None:
    made = build(cidr="10.64.0.0/14")
    subnet = gcp_mock.one("Subnetwork", f"{PREFIX}-subnet")
    assert (subnet["name"], subnet["region"], subnet["network"]) == ("biojobs-dev", REGION, "biojobs-dev-id")
    assert subnet["ipCidrRange"] == "10.64.0.0/16"
    assert {found["rangeName"]: found["ipCidrRange"] for found in subnet["secondaryIpRanges"]} == {
        made.pods_range: "10.66.0.0/15",
        made.services_range: "10.65.0.0/20",
    }


def test_no_wording_stands_where_another_would_make_the_network_and_the_cluster_anew(
    build: Build, gcp_mock: GcpRecorder
) -> None:
    build()
    assert not any("description" in gcp_mock.one(*made) for made in gcp_mock.resources if made[1] in FIXED)


def test_nodes_reach_googles_apis_without_a_public_address(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    assert gcp_mock.one("Subnetwork", f"{PREFIX}-subnet")["privateIpGoogleAccess"] is True


def test_no_firewall_rule_lets_anything_in(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    assert not gcp_mock.of("Firewall")


def test_nodes_and_pods_of_this_subnet_alone_go_out_by_nat(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    (nat,) = gcp_mock.of("RouterNat").values()
    assert nat["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS"
    assert nat["subnetworks"] == [{"name": "biojobs-dev-id", "sourceIpRangesToNats": ["ALL_IP_RANGES"]}]
    assert (nat["natIpAllocateOption"], nat["router"], nat["region"]) == ("AUTO_ONLY", "biojobs-dev", REGION)
    assert gcp_mock.one("Router", f"{PREFIX}-router")["network"] == "biojobs-dev-id"


def test_a_node_gets_ports_as_it_needs_them(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    (nat,) = gcp_mock.of("RouterNat").values()
    assert nat["enableDynamicPortAllocation"] is True
    # The two exclude each other.
    assert nat["enableEndpointIndependentMapping"] is False
    assert nat["maxPortsPerVm"] >= 1024 > nat["minPortsPerVm"] >= 32
    assert all(int(nat[ports]).bit_count() == 1 for ports in ("minPortsPerVm", "maxPortsPerVm"))


def test_without_nat_there_is_no_way_out_of_google(build: Build, gcp_mock: GcpRecorder) -> None:
    made = build(nat=False)
    assert not gcp_mock.of("RouterNat")
    assert not gcp_mock.of("Router")
    assert len(made.ready) == 1


def test_nodes_wait_for_their_way_out(build: Build, gcp_mock: GcpRecorder) -> None:
    found: list[str] = []
    ready = build().ready
    gcp_mock.build(lambda: pulumi.Output.all(*(resource.urn for resource in ready)).apply(found.extend))
    assert {urn.rsplit("::", 1)[-1] for urn in found} == {f"{PREFIX}-subnet", f"{PREFIX}-nat"}


def test_flow_logs_are_written_only_when_wanted(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    assert "logConfig" not in gcp_mock.one("Subnetwork", f"{PREFIX}-subnet")
    build(flowLogs=True)
    assert gcp_mock.one("Subnetwork", f"{PREFIX}-subnet")["logConfig"]["metadata"] == "INCLUDE_ALL_METADATA"


def test_everything_waits_for_the_apis(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    for role in ("vpc", "subnet", "router", "nat"):
        assert "dev-services-compute" in gcp_mock.options[f"{PREFIX}-{role}"].depends_on


def test_in_an_existing_vpc_only_a_subnet_and_its_nat_are_made(build: Build, gcp_mock: GcpRecorder) -> None:
    there(gcp_mock)
    build(**EXISTING)
    assert not gcp_mock.of("Network")
    vpc = f"projects/{PROJECT}/global/networks/default"
    assert {found["network"] for kind in ("Subnetwork", "Router") for found in gcp_mock.of(kind).values()} == {vpc}
    (nat,) = gcp_mock.of("RouterNat").values()
    assert [subnet["name"] for subnet in nat["subnetworks"]] == ["biojobs-dev-id"]


def test_an_existing_vpc_with_a_way_out_of_its_own_gets_the_subnet_alone(build: Build, gcp_mock: GcpRecorder) -> None:
    there(gcp_mock)
    build(**EXISTING, nat=False)
    assert {kind for kind, _ in gcp_mock.resources} - {"gcp", "Service"} == {"Subnetwork"}


def test_a_vpc_that_does_not_exist_is_refused_before_anything_is_made(build: Build, gcp_mock: GcpRecorder) -> None:
    refused(gcp_mock, "googleapi: Error 404: The resource 'projects/a-project/global/networks/nope' was not found")
    with pytest.raises(
        pulumi.RunError,
        match=r"nothing was changed.*\nbiojobs:network\.name: 'nope': cannot be read in project a-project "
        r"\(.*not found.*\); name one that `gcloud compute networks list --project a-project` lists",
    ):
        build(name="nope")
    assert not gcp_mock.of("Subnetwork")


def test_in_a_project_whose_apis_are_off_yet_an_existing_vpc_is_not_called_wrong(
    build: Build, gcp_mock: GcpRecorder
) -> None:
    refused(gcp_mock, "googleapi: Error 403: Compute Engine API has not been used in project 1 before")
    build(**EXISTING)
    assert gcp_mock.of("Subnetwork")


def test_the_stacks_own_vpc_asks_nothing(build: Build, gcp_mock: GcpRecorder) -> None:
    build()
    assert not gcp_mock.calls
