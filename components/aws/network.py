"""The VPC: the stack's own with a planned range, or one that exists."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components.aws.endpoints import Endpoints
from components.aws.plan import address_plan
from components.aws.scope import Scope
from components.inputs import reject
from settings import SettingsError

if TYPE_CHECKING:
    from components.aws.key import Key

EVERYWHERE = "0.0.0.0/0"
_FREE_ADDRESSES = 16


class Network(pulumi.ComponentResource):
    """A VPC whose private subnets hold the cluster.

    With `biojobs:network.vpcId` that VPC is checked and used as it is: nothing in it is made or changed, so its
    routes, NAT, endpoints (S3's gateway endpoint too) and flow logs stay its owner's.

    `ready` is what nodes need to get out: routes, NAT and endpoints. Raises `pulumi.RunError` with every problem of an
    existing VPC.
    """

    vpc_id: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[Sequence[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, scope: Scope, key: Key, opts: pulumi.ResourceOptions | None = None) -> None:
        if problems := network_problems(scope):
            raise reject(SettingsError("\n".join(problems)))
        super().__init__("biojobs:aws:Network", name, None, opts)
        self._name, self._scope, self._opts = name, scope, scope.child(self)
        wanted = scope.target.network
        if wanted.vpc_id:
            self.vpc_id = pulumi.Output.from_input(wanted.vpc_id)
            self.private_subnet_ids = pulumi.Output.from_input(wanted.private_subnet_ids)
            self.ready = []
        else:
            self._create(key)
        self.register_outputs({"vpc_id": self.vpc_id, "private_subnet_ids": self.private_subnet_ids})

    def _create(self, key: Key) -> None:
        scope = self._scope
        self._vpc = aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=scope.target.network.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": scope.cluster_name},
            opts=self._opts,
        )
        self._lock_default_group()
        plan = address_plan(scope.target.network.cidr, len(scope.zones))
        public = self._subnets("public", plan.public, "kubernetes.io/role/elb")
        private = self._subnets("private", plan.private, "kubernetes.io/role/internal-elb")
        outward = self._route_out(public)
        tables, self.ready = self._route_private(private, self._nat(public, outward))
        endpoints = Endpoints(
            f"{self._name}-endpoints", scope, self._vpc, private, tables, opts=pulumi.ResourceOptions(parent=self)
        )
        self.ready += endpoints.ready
        if scope.target.network.flow_logs:
            self._flow_logs(key)
        self.vpc_id = self._vpc.id
        self.private_subnet_ids = pulumi.Output.all(*(subnet.id for subnet in private))

    def _lock_default_group(self) -> None:
        """The VPC's default group, without a rule: what forgets to name a group can talk to nobody."""
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default-group",
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[],
            tags={"Name": f"{self._name}-default-unused"},
            opts=self._opts,
        )

    def _zone(self, index: int) -> str:
        """What tells a zone from others of its region, such as `a`."""
        return self._scope.zones[index].removeprefix(self._scope.region)

    def _subnets(self, kind: str, ranges: Sequence[str], role_tag: str) -> list[aws.ec2.Subnet]:
        cluster_tag = f"kubernetes.io/cluster/{self._scope.cluster_name}"
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{self._zone(index)}",
                vpc_id=self._vpc.id,
                availability_zone=self._scope.zones[index],
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={"Name": f"{self._name}-{kind}-{self._zone(index)}", role_tag: "1", cluster_tag: "shared"},
                opts=self._opts,
            )
            for index, cidr in enumerate(ranges)
        ]

    def _table(self, role: str) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(
            f"{self._name}-{role}", vpc_id=self._vpc.id, tags={"Name": f"{self._name}-{role}"}, opts=self._opts
        )

    def _associate(self, role: str, subnet: aws.ec2.Subnet, table: aws.ec2.RouteTable) -> pulumi.Resource:
        return aws.ec2.RouteTableAssociation(
            f"{self._name}-{role}", subnet_id=subnet.id, route_table_id=table.id, opts=self._opts
        )

    def _route_out(self, public: Sequence[aws.ec2.Subnet]) -> list[pulumi.Resource]:
        """The internet gateway, and the public subnets' way through it."""
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet", vpc_id=self._vpc.id, tags={"Name": f"{self._name}-internet"}, opts=self._opts
        )
        table = self._table("public")
        route = aws.ec2.Route(
            f"{self._name}-public-out",
            route_table_id=table.id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=gateway.id,
            opts=self._opts,
        )
        return [
            gateway,
            route,
            *(self._associate(f"public-{self._zone(i)}", net, table) for i, net in enumerate(public)),
        ]

    def _nat(self, public: Sequence[aws.ec2.Subnet], outward: list[pulumi.Resource]) -> list[aws.ec2.NatGateway]:
        """One NAT gateway for all zones, one a zone, or none.

        Addresses and gateways come after the way out and go before it: AWS does not detach an internet gateway
        from a VPC that has public addresses in use.
        """
        count = {"none": 0, "single": 1, "per-zone": len(public)}[self._scope.target.network.nat]
        after = self._scope.child(self, *outward)
        gateways: list[aws.ec2.NatGateway] = []
        for index, subnet in enumerate(public[:count]):
            role = f"{self._name}-nat-{self._zone(index)}"
            address = aws.ec2.Eip(f"{role}-address", domain="vpc", tags={"Name": role}, opts=after)
            gateway = aws.ec2.NatGateway(
                role, subnet_id=subnet.id, allocation_id=address.id, tags={"Name": role}, opts=after
            )
            gateways.append(gateway)
        return gateways

    def _route_private(
        self, private: Sequence[aws.ec2.Subnet], gateways: Sequence[aws.ec2.NatGateway]
    ) -> tuple[list[aws.ec2.RouteTable], list[pulumi.Resource]]:
        """A route table a zone, so that a zone can have a NAT of its own; also what makes the routes."""
        tables: list[aws.ec2.RouteTable] = []
        ready: list[pulumi.Resource] = []
        for index, subnet in enumerate(private):
            role = f"private-{self._zone(index)}"
            table = self._table(role)
            tables.append(table)
            ready.append(self._associate(role, subnet, table))
            if gateways:
                route = aws.ec2.Route(
                    f"{self._name}-{role}-out",
                    route_table_id=table.id,
                    destination_cidr_block=EVERYWHERE,
                    nat_gateway_id=gateways[index % len(gateways)].id,
                    opts=self._opts,
                )
                ready.append(route)
        return tables, ready

    def _flow_logs(self, key: Key) -> None:
        scope, name = self._scope, f"{self._name}-flow-logs"
        keep = scope.target.keep_logs
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/biojobs/{scope.stack}/flow-logs",
            retention_in_days=scope.target.log_days,
            kms_key_id=key.arn,
            # Kept as the buckets are: in the state, so that the next `up` finds it.
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=f"{scope.cluster_name}-flow-logs",
            assume_role_policy=json.dumps(flow_logs_trust(scope)),
            opts=self._opts,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=group.arn.apply(lambda arn: json.dumps(flow_logs_policy(arn))),
            opts=self._opts,
        )
        aws.ec2.FlowLog(
            f"{name}-vpc",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": name},
            opts=scope.child(self, policy),
        )


def flow_logs_trust(scope: Scope) -> dict[str, Any]:
    """Flow logs of this account and region alone may take the role."""
    condition = {
        "StringEquals": {"aws:SourceAccount": scope.account},
        "ArnLike": {"aws:SourceArn": scope.arn("ec2", "vpc-flow-log/*")},
    }
    principal = {"Service": "vpc-flow-logs.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def flow_logs_policy(group_arn: str) -> dict[str, Any]:
    """Writing to one log group, which is there already."""
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    group = group_arn.removesuffix(":*")
    statement = {"Effect": "Allow", "Action": actions, "Resource": [group, f"{group}:*"]}
    return {"Version": "2012-10-17", "Statement": [statement]}


@functools.cache
def network_problems(scope: Scope) -> tuple[str, ...]:
    """What is wrong with the existing VPC of the settings, a line each; nothing where the stack makes its own.

    AWS is asked once.
    """
    wanted = scope.target.network
    if not wanted.vpc_id:
        return ()
    options = pulumi.InvokeOptions(provider=scope.provider)
    problems: list[str] = []
    try:
        problems += _vpc_problems(aws.ec2.get_vpc(id=wanted.vpc_id, opts=options))
    except Exception as error:  # noqa: BLE001  (a failed call has no type of its own)
        problems.append(
            f"biojobs:network.vpcId: {wanted.vpc_id!r}: cannot be read in {scope.region} ({error}); check it"
        )
    zones: set[str] = set()
    for subnet_id in wanted.private_subnet_ids:
        try:
            subnet = aws.ec2.get_subnet(id=subnet_id, opts=options)
        except Exception as error:  # noqa: BLE001
            problems.append(f"{_subnet_key(subnet_id)} cannot be read in {scope.region} ({error}); check it")
            continue
        zones.add(subnet.availability_zone)
        problems += _subnet_problems(wanted.vpc_id, subnet)
    if len(zones) == 1:
        ids = ", ".join(wanted.private_subnet_ids)
        problems.append(f"{_subnet_key(ids)} are all in {zones.pop()}; EKS takes subnets in two zones or more, add one")
    return tuple(problems)


def _vpc_problems(vpc: aws.ec2.GetVpcResult) -> list[str]:
    settings = {"hostnames": vpc.enable_dns_hostnames, "support": vpc.enable_dns_support}
    return [
        f"biojobs:network.vpcId: {vpc.id!r}: has DNS {setting} off, and nodes could not join; turn it on: "
        f"aws ec2 modify-vpc-attribute --vpc-id {vpc.id} --enable-dns-{setting}"
        for setting, on in settings.items()
        if not on
    ]


def _subnet_problems(vpc_id: str, subnet: aws.ec2.GetSubnetResult) -> list[str]:
    key, problems = _subnet_key(subnet.id), list[str]()
    if subnet.vpc_id != vpc_id:
        problems.append(f"{key} belongs to {subnet.vpc_id}, not to {vpc_id}; name subnets of one VPC")
    if subnet.map_public_ip_on_launch:
        problems.append(f"{key} gives out public addresses; name a private subnet")
    if subnet.available_ip_address_count < _FREE_ADDRESSES:
        free = subnet.available_ip_address_count
        problems.append(f"{key} has {free} free addresses, and EKS takes {_FREE_ADDRESSES}; name a bigger subnet")
    return problems


def _subnet_key(value: str) -> str:
    return f"biojobs:network.privateSubnetIds: {value!r}:"
