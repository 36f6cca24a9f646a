"""VPC endpoints: ways to AWS's services that do not leave its network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope
from settings_aws import InterfaceEndpoint, Network

_HTTPS = 443


class Endpoints(pulumi.ComponentResource):
    """S3's gateway endpoint in the private route tables, and the interface endpoints that the settings choose.

    `ready` are all endpoints: without NAT, nodes cannot start before they are there.
    """

    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: Scope,
        vpc: aws.ec2.Vpc,
        subnets: Sequence[aws.ec2.Subnet],
        route_tables: Sequence[aws.ec2.RouteTable],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:Endpoints", name, None, opts)
        self._name, self._scope, self._vpc, self._opts = name, scope, vpc, scope.child(self)
        self.ready = [self._s3(route_tables)]
        services = interface_endpoints(scope.target.network)
        if services:
            group = self._security_group()
            self.ready += [self._interface(service, subnets, group) for service in services]
        self.register_outputs({})

    def _s3(self, route_tables: Sequence[aws.ec2.RouteTable]) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self._vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self._scope.region}.s3",
            route_table_ids=[table.id for table in route_tables],
            policy=json.dumps(s3_policy(self._scope)),
            tags={"Name": f"{self._name}-s3"},
            opts=self._opts,
        )

    def _security_group(self) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{self._name}-tls",
            description="TLS to the interface endpoints from within the VPC",
            vpc_id=self._vpc.id,
            tags={"Name": f"{self._name}-tls"},
            opts=self._opts,
        )
        rule = aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-tls-in",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            cidr_ipv4=self._vpc.cidr_block,
            opts=self._opts,
        )
        self.ready.append(rule)
        return group

    def _interface(
        self, service: InterfaceEndpoint, subnets: Sequence[aws.ec2.Subnet], group: aws.ec2.SecurityGroup
    ) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            f"{self._name}-{service.replace('.', '-')}",
            vpc_id=self._vpc.id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{self._scope.region}.{service}",
            subnet_ids=[subnet.id for subnet in subnets],
            security_group_ids=[group.id],
            private_dns_enabled=True,
            policy=json.dumps(interface_policy(self._scope, service)),
            tags={"Name": f"{self._name}-{service}"},
            opts=self._opts,
        )


def interface_endpoints(network: Network) -> tuple[InterfaceEndpoint, ...]:
    """The chosen interface endpoints: by default none with a NAT, all without."""
    if network.endpoints is not None:
        return network.endpoints
    return get_args(InterfaceEndpoint) if network.nat == "none" else ()


def interface_policy(scope: Scope, service: InterfaceEndpoint) -> dict[str, Any]:
    """Only this account's identities may use the endpoint: credentials from elsewhere are of no use in the VPC."""
    statements = [_own_identities(scope, "*")]
    if service == "sts":
        # A pod that takes a role by its Kubernetes token has no identity yet.
        roles = f"arn:{scope.partition}:iam::{scope.account}:role/*"
        statements.append(_statement("TokensForOwnRoles", "sts:AssumeRoleWithWebIdentity", roles))
    return _document(statements)


def s3_policy(scope: Scope) -> dict[str, Any]:
    """This account's identities, image layers of ECR, and reading what is public: nothing leaves with other keys.

    ECR hands out layers by signed links of an account of its own. Public reads without an identity are the package
    mirrors of Amazon Linux, and data sets by https.
    """
    layers = f"arn:{scope.partition}:s3:::prod-{scope.region}-starport-layer-bucket/*"
    public = _statement("PublicReads", "s3:GetObject", "*")
    public["Condition"] = {"StringEquals": {"aws:PrincipalType": "Anonymous"}}
    return _document(
        [_own_identities(scope, "s3:*"), _statement("ImageLayersOfEcr", "s3:GetObject", layers), public],
    )


def _own_identities(scope: Scope, action: str) -> dict[str, Any]:
    made = _statement("OwnIdentities", action, "*")
    made["Condition"] = {"StringEquals": {"aws:PrincipalAccount": scope.account}}
    return made


def _statement(sid: str, action: str, resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
