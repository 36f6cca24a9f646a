"""The VPC: where its subnets route to, who may use its endpoints, and when an existing one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pulumi
import pytest

from components.aws.network import Network
from settings_aws import InterfaceEndpoint
from tests.components.aws.conftest import ACCOUNT, AwsRecorder, MakeScope, some_key
from tests.components.cloud import RefusedError

LETTERS = ("a", "b", "c")
VPC, SUBNETS = "vpc-0123456789abcdef0", ("subnet-1", "subnet-2")
PREFIX = "dev-network"

Build = Callable[..., AwsRecorder]


@pytest.fixture
def build(aws_mock: AwsRecorder, scope: MakeScope) -> Build:
    def make(*, zones: tuple[str, ...] | None = None, **network: Any) -> AwsRecorder:
        more = {"zones": zones} if zones else {}
        keys = {"keepLogs": network.pop("keepLogs", False)}
        aws_mock.build(lambda: Network(PREFIX, scope(network=network, **keys, **more), some_key()))
        return aws_mock

    return make


def private_table(made: AwsRecorder, letter: str) -> str:
    """Id of the route table that a zone's private subnet is associated with."""
    subnet = f"{PREFIX}-private-{letter}-id"
    (table,) = [
        found["routeTableId"] for found in made.of("RouteTableAssociation").values() if found["subnetId"] == subnet
    ]
    return table


def default_route(made: AwsRecorder, table: str) -> dict[str, Any] | None:
    found = [route for route in made.of("Route").values() if route["routeTableId"] == table]
    assert all(route["destinationCidrBlock"] == "0.0.0.0/0" for route in found)
    return found[0] if found else None


def endpoints(made: AwsRecorder, kind: str) -> dict[str, dict[str, Any]]:
    """Endpoints of a kind, by the service's name after the region."""
    found = [endpoint for endpoint in made.of("VpcEndpoint").values() if endpoint["vpcEndpointType"] == kind]
    return {endpoint["serviceName"].removeprefix("com.amazonaws.eu-west-1."): endpoint for endpoint in found}


def statements(policy: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def test_the_vpc_answers_names_as_eks_and_endpoints_need(build: Build) -> None:
    vpc = build().one("Vpc", f"{PREFIX}-vpc")
    assert (vpc["enableDnsHostnames"], vpc["enableDnsSupport"]) == (True, True)
    assert vpc["cidrBlock"] == "10.0.0.0/16"


def test_every_zone_has_a_public_and_a_private_subnet_with_the_tags_of_load_balancers(build: Build) -> None:
    subnets = build().of("Subnet")
    assert {name: subnet["cidrBlock"] for name, subnet in subnets.items()} == {
        f"{PREFIX}-private-a": "10.0.0.0/18",
        f"{PREFIX}-private-b": "10.0.64.0/18",
        f"{PREFIX}-private-c": "10.0.128.0/18",
        f"{PREFIX}-public-a": "10.0.192.0/24",
        f"{PREFIX}-public-b": "10.0.193.0/24",
        f"{PREFIX}-public-c": "10.0.194.0/24",
    }
    for name, subnet in subnets.items():
        role, other = "kubernetes.io/role/internal-elb", "kubernetes.io/role/elb"
        if "public" in name:
            role, other = other, role
        assert subnet["tags"][role] == "1"
        assert other not in subnet["tags"]
        assert subnet["tags"]["kubernetes.io/cluster/biojobs-dev"] == "shared"
        assert subnet["availabilityZone"] == f"eu-west-1{name[-1]}"


def test_no_subnet_gives_out_public_addresses(build: Build) -> None:
    assert {subnet["mapPublicIpOnLaunch"] for subnet in build().of("Subnet").values()} == {False}


def test_a_region_with_two_zones_gets_two_of_each(build: Build) -> None:
    made = build(zones=("us-west-1a", "us-west-1c"))
    assert len(made.of("Subnet")) == 4
    assert {subnet["availabilityZone"] for subnet in made.of("Subnet").values()} == {"us-west-1a", "us-west-1c"}


def test_public_subnets_go_out_through_the_internet_gateway_and_private_ones_do_not(build: Build) -> None:
    made = build()
    public = {
        found["routeTableId"] for found in made.of("RouteTableAssociation").values() if "public" in found["subnetId"]
    }
    (table,) = public
    route = default_route(made, table)
    assert route is not None
    assert route["gatewayId"] == f"{PREFIX}-internet-id"
    assert all("gatewayId" not in (default_route(made, private_table(made, letter)) or {}) for letter in LETTERS)


def test_each_private_subnet_has_a_route_table_of_its_own(build: Build) -> None:
    made = build()
    assert len({private_table(made, letter) for letter in LETTERS}) == 3


def test_one_nat_gateway_serves_all_zones_by_default(build: Build) -> None:
    made = build()
    assert list(made.of("NatGateway")) == [f"{PREFIX}-nat-a"]
    routes = [default_route(made, private_table(made, letter)) for letter in LETTERS]
    assert [route and route["natGatewayId"] for route in routes] == [f"{PREFIX}-nat-a-id"] * 3


def test_with_a_nat_gateway_per_zone_no_zone_depends_on_another(build: Build) -> None:
    made = build(nat="per-zone")
    assert len(made.of("Eip")) == 3
    for letter in LETTERS:
        gateway = made.one("NatGateway", f"{PREFIX}-nat-{letter}")
        assert gateway["subnetId"] == f"{PREFIX}-public-{letter}-id"
        assert gateway["allocationId"] == f"{PREFIX}-nat-{letter}-address-id"
        route = default_route(made, private_table(made, letter))
        assert route is not None
        assert route["natGatewayId"] == f"{PREFIX}-nat-{letter}-id"


def test_without_nat_nothing_private_leaves_the_vpc_and_every_endpoint_is_there(build: Build) -> None:
    made = build(nat="none")
    assert not made.of("NatGateway")
    assert not made.of("Eip")
    assert [default_route(made, private_table(made, letter)) for letter in LETTERS] == [None] * 3
    assert set(endpoints(made, "Interface")) == set(get_args(InterfaceEndpoint))


@pytest.mark.parametrize("nat", ["single", "per-zone", "none"])
def test_a_private_subnet_routes_to_the_s3_endpoint(build: Build, nat: str) -> None:
    made = build(nat=nat)
    (s3,) = endpoints(made, "Gateway").values()
    assert s3["serviceName"] == "com.amazonaws.eu-west-1.s3"
    assert set(s3["routeTableIds"]) == {private_table(made, letter) for letter in LETTERS}


def test_with_nat_no_interface_endpoint_is_paid_for_unless_it_is_chosen(build: Build) -> None:
    assert not endpoints(build(), "Interface")


def test_chosen_interface_endpoints_are_made_and_no_other(build: Build) -> None:
    assert set(endpoints(build(endpoints=["ecr.api", "sts"]), "Interface")) == {"ecr.api", "sts"}


def test_without_nat_a_choice_of_endpoints_is_still_the_users(build: Build) -> None:
    assert set(endpoints(build(nat="none", endpoints=["sts"]), "Interface")) == {"sts"}


def test_interface_endpoints_serve_every_zone_under_the_services_own_names(build: Build) -> None:
    for endpoint in endpoints(build(nat="none"), "Interface").values():
        assert endpoint["privateDnsEnabled"] is True
        assert len(endpoint["subnetIds"]) == 3
        assert all("private" in subnet for subnet in endpoint["subnetIds"])


def test_endpoints_take_https_from_the_vpc_alone(build: Build) -> None:
    made = build(nat="none")
    assert {tuple(found["securityGroupIds"]) for found in endpoints(made, "Interface").values()} == {
        (f"{PREFIX}-endpoints-tls-id",)
    }
    (rule,) = made.of("SecurityGroupIngressRule").values()
    assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == ("tcp", 443, 443, "10.0.0.0/16")
    assert rule["securityGroupId"] == f"{PREFIX}-endpoints-tls-id"
    group = made.one("SecurityGroup", f"{PREFIX}-endpoints-tls")
    assert not {"ingress", "egress"} & set(group)


def test_every_endpoint_serves_this_accounts_identities_only(build: Build) -> None:
    made = build(nat="none")
    own = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
    for service, endpoint in endpoints(made, "Interface").items():
        found = statements(endpoint["policy"])
        assert found["OwnIdentities"]["Condition"] == own, service
        assert set(found) == {"OwnIdentities"} | ({"TokensForOwnRoles"} if service == "sts" else set()), service
    tokens = statements(endpoints(made, "Interface")["sts"]["policy"])["TokensForOwnRoles"]
    assert tokens["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert tokens["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/*"


def test_the_s3_endpoint_lets_others_read_and_never_write(build: Build) -> None:
    found = statements(endpoints(build(), "Gateway")["s3"]["policy"])
    assert found.pop("OwnIdentities")["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
    assert {statement["Action"] for statement in found.values()} == {"s3:GetObject"}
    assert found["ImageLayersOfEcr"]["Resource"] == "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"
    assert found["PublicReads"]["Condition"] == {"StringEquals": {"aws:PrincipalType": "Anonymous"}}


def test_the_default_security_group_lets_nothing_in_or_out(build: Build) -> None:
    (group,) = build().of("DefaultSecurityGroup").values()
    assert group["vpcId"] == f"{PREFIX}-vpc-id"
    assert not group["ingress"]
    assert not group["egress"]


def test_public_addresses_go_before_the_internet_gateway_does(build: Build) -> None:
    made = build(nat="per-zone")
    for letter in LETTERS:
        nat = made.options[f"{PREFIX}-nat-{letter}"].depends_on
        assert {f"{PREFIX}-internet", f"{PREFIX}-public-out", f"{PREFIX}-public-{letter}"} <= nat
        assert f"{PREFIX}-internet" in made.options[f"{PREFIX}-nat-{letter}-address"].depends_on


def ready_names(aws_mock: AwsRecorder, scope: MakeScope, **network: Any) -> set[str]:
    def make() -> pulumi.Output[Any]:
        made = Network(PREFIX, scope(network=network), some_key())
        return pulumi.Output.all(*(resource.urn for resource in made.ready)).apply(found.extend)

    found: list[str] = []
    aws_mock.build(make)
    return {urn.rsplit("::", 1)[-1] for urn in found}


def test_nodes_wait_for_their_way_out(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    found = ready_names(aws_mock, scope)
    assert {f"{PREFIX}-private-{letter}-out" for letter in LETTERS} <= found
    assert {f"{PREFIX}-private-{letter}" for letter in LETTERS} <= found
    assert f"{PREFIX}-endpoints-s3" in found


def test_without_nat_nodes_wait_for_every_endpoint_and_its_open_port(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    found = ready_names(aws_mock, scope, nat="none")
    assert {name.removeprefix(f"{PREFIX}-endpoints-") for name in found if "-endpoints-" in name} == {
        "s3",
        "tls-in",
        *(service.replace(".", "-") for service in get_args(InterfaceEndpoint)),
    }


def test_flow_logs_are_written_only_when_wanted(build: Build) -> None:
    made = build()
    assert not made.of("FlowLog")
    assert not made.of("LogGroup")
    assert not made.of("Role")


def test_flow_logs_are_encrypted_kept_for_a_while_and_written_by_one_role(build: Build) -> None:
    made = build(flowLogs=True)
    (group,) = made.of("LogGroup").values()
    assert group["name"] == "/biojobs/dev/flow-logs"
    assert (group["retentionInDays"], group["kmsKeyId"]) == (30, f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/some-key")
    (log,) = made.of("FlowLog").values()
    assert (log["trafficType"], log["logDestinationType"]) == ("ALL", "cloud-watch-logs")
    arn = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/biojobs/dev/flow-logs"
    assert log["logDestination"] == arn
    (role,) = made.of("Role").values()
    assert role["name"] == "biojobs-dev-flow-logs"
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    (policy,) = made.of("RolePolicy").values()
    (statement,) = json.loads(policy["policy"])["Statement"]
    assert statement["Resource"] == [arn, f"{arn}:*"]
    assert "logs:CreateLogGroup" not in statement["Action"]


@pytest.mark.parametrize("keep", [True, False])
def test_flow_logs_outlive_the_stack_by_setting(build: Build, keep: bool) -> None:
    options = build(flowLogs=True, keepLogs=keep).options[f"{PREFIX}-flow-logs"]
    assert (options.protect, options.retain_on_delete) == (keep, keep)


def existing(aws_mock: AwsRecorder, vpc: dict[str, Any] | None = None, **subnet_b: Any) -> None:
    """Answers for a VPC that can be used, but for what is given of it and of its second subnet."""
    aws_mock.answers["aws:ec2/getVpc:getVpc"] = {"enableDnsHostnames": True, "enableDnsSupport": True, **(vpc or {})}
    good = {"vpcId": VPC, "mapPublicIpOnLaunch": False, "availableIpAddressCount": 4000}
    subnets = {
        "subnet-1": {**good, "availabilityZone": "eu-west-1a"},
        "subnet-2": {**good, "availabilityZone": "eu-west-1b", **subnet_b},
    }

    def subnet(args: dict[str, Any]) -> dict[str, Any]:
        if args["id"] not in subnets:
            raise RefusedError("no matching EC2 Subnet found")
        return subnets[args["id"]]

    aws_mock.answers["aws:ec2/getSubnet:getSubnet"] = subnet


def use(build: Build, *subnets: str) -> AwsRecorder:
    return build(vpcId=VPC, privateSubnetIds=list(subnets or SUBNETS))


def test_an_existing_vpc_is_used_and_nothing_is_made_in_it(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    existing(aws_mock)
    found: list[Any] = []

    def make() -> None:
        made = Network(PREFIX, scope(network={"vpcId": VPC, "privateSubnetIds": list(SUBNETS)}), some_key())
        pulumi.Output.all(made.vpc_id, made.private_subnet_ids).apply(found.extend)
        assert not made.ready

    aws_mock.build(make)
    assert [found[0], *found[1]] == [VPC, *SUBNETS]
    assert {kind for kind, _ in aws_mock.resources} == {"aws"}


@pytest.mark.parametrize(
    ("vpc", "subnet", "said"),
    [
        ({"enableDnsHostnames": False}, {}, r"vpcId: 'vpc-\w+': has DNS hostnames off.*--enable-dns-hostnames"),
        ({"enableDnsSupport": False}, {}, r"vpcId: 'vpc-\w+': has DNS support off.*--enable-dns-support"),
        ({}, {"vpcId": "vpc-9"}, r"privateSubnetIds: 'subnet-2': belongs to vpc-9.*; name subnets of one VPC"),
        (
            {},
            {"mapPublicIpOnLaunch": True},
            r"privateSubnetIds: 'subnet-2': gives out public addresses; name a private subnet",
        ),
        (
            {},
            {"availableIpAddressCount": 3},
            r"privateSubnetIds: 'subnet-2': has 3 free addresses.*; name a bigger subnet",
        ),
        (
            {},
            {"availabilityZone": "eu-west-1a"},
            r"privateSubnetIds: 'subnet-1, subnet-2': are all in eu-west-1a; .*add one",
        ),
    ],
)
def test_an_existing_vpc_that_cannot_work_is_refused_before_anything_is_made(
    build: Build, aws_mock: AwsRecorder, vpc: dict[str, Any], subnet: dict[str, Any], said: str
) -> None:
    existing(aws_mock, vpc, **subnet)
    with pytest.raises(pulumi.RunError, match=rf"nothing was changed.*\nbiojobs:network\.{said}"):
        use(build)
    assert {kind for kind, _ in aws_mock.resources} == {"aws"}


def test_all_problems_of_an_existing_vpc_are_told_at_once(build: Build, aws_mock: AwsRecorder) -> None:
    existing(aws_mock, {"enableDnsSupport": False}, mapPublicIpOnLaunch=True)
    with pytest.raises(pulumi.RunError) as caught:
        use(build, "subnet-1", "subnet-2", "subnet-none")
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 3
    assert "'subnet-none': cannot be read in eu-west-1" in lines[2]
    assert "no matching EC2 Subnet found" in lines[2]
