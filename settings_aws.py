"""Keys of the `aws` cloud."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

import versions
from settings_cloud import AdminCidr, Email, NodePool, NodePools, checked_bucket, checked_private_cidr
from settings_model import Model

InterfaceEndpoint = Literal[
    "autoscaling",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "logs",
    "monitoring",
    "ssm",
    "ssmmessages",
    "sts",
]
LOG_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Retentions that CloudWatch knows."""


def _checked_vpc_cidr(value: str) -> str:
    private = checked_private_cidr(value)
    if not 16 <= ipaddress.IPv4Network(private).prefixlen <= 20:
        raise ValueError("a VPC for three zones takes a network between /16 and /20")
    return private


def _checked_log_days(value: int) -> int:
    if value not in LOG_DAYS:
        raise ValueError(f"CloudWatch keeps logs for {', '.join(map(str, LOG_DAYS))} days; use one of them")
    return value


def _checked_instance_type(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", value):
        raise ValueError("write an EC2 instance type such as m6i.xlarge")
    return value


BucketName = Annotated[str, AfterValidator(checked_bucket)]
InstanceType = Annotated[str, AfterValidator(_checked_instance_type)]


class Pool(NodePool):
    """A group of nodes of one shape. Types are alternatives: spot takes whichever is to be had."""

    types: tuple[InstanceType, ...] = Field(
        min_length=1, max_length=20, description="Instance types of one shape (vCPU, memory, architecture)."
    )
    disk_gib: int = Field(default=512, ge=50, le=16_384, description="Size of a node's gp3 volume, GiB.")
    throughput: int = Field(default=500, ge=125, le=1000, description="Throughput of that volume, MiB/s.")


_XLARGE: Final = ("m5.xlarge", "m5a.xlarge", "m5n.xlarge", "m6a.xlarge", "m6i.xlarge", "m7a.xlarge", "m7i.xlarge")
_24XLARGE: Final = tuple(kind.replace(".xlarge", ".24xlarge") for kind in _XLARGE)


class Pools(NodePools[Pool]):
    """The node pools. Steps name a size class; the class names its pools."""

    system: Pool = Field(
        default=Pool(types=("m6i.large", "m6a.large", "m5.large"), min=2, max=4, disk_gib=50, throughput=125),
        description="On-demand nodes of the cluster's own pods.",
    )
    spot_small: Pool = Field(default=Pool(types=_XLARGE), description="Spot nodes of class `small`.")
    on_demand_small: Pool = Field(default=Pool(types=_XLARGE[:5]), description="Last tries of class `small`.")
    spot_large: Pool = Field(default=Pool(types=_24XLARGE), description="Spot nodes of class `large`.")
    on_demand_large: Pool = Field(default=Pool(types=_24XLARGE[:5]), description="Last tries of class `large`.")
    huge: Pool = Field(
        default=Pool(types=("r5.8xlarge", "r5a.8xlarge", "r6a.8xlarge", "r6i.8xlarge"), max=2),
        description="On-demand nodes of class `huge`, which builds a reference's index.",
    )
    gpu: Pool = Field(
        default=Pool(types=("g5.2xlarge",), max=0), description="Spot nodes with a GPU; off by default (max 0)."
    )


class Network(Model):
    """The VPC: one of the stack's own, or one that exists."""

    cidr: Annotated[str, AfterValidator(_checked_vpc_cidr)] = Field(
        default="10.0.0.0/16", description="Range of the stack's own VPC, between /16 and /20."
    )
    zones: tuple[str, ...] = Field(
        default=(), max_length=3, description="Availability zones, two or three; by default the region's first three."
    )
    vpc_id: str = Field(
        default="", pattern=r"^(vpc-[0-9a-f]{8,17})?$", description="A VPC that exists, to use instead."
    )
    private_subnet_ids: tuple[str, ...] = Field(
        default=(), description="With `vpcId`: private subnets in two zones or more, with a way out or endpoints."
    )
    nat: Literal["single", "per-zone", "none"] = Field(
        default="single",
        description="NAT gateways: one for all zones, one a zone, or none with all interface endpoints.",
    )
    endpoints: tuple[InterfaceEndpoint, ...] | None = Field(
        default=None,
        description="Interface endpoints, each paid by the hour and zone. By default none with a NAT, all without. "
        "S3's gateway endpoint is free and always there.",
    )
    flow_logs: bool = Field(default=False, description="Write the VPC's flow logs to CloudWatch.")

    @model_validator(mode="after")
    def _existing(self) -> Network:
        if bool(self.vpc_id) != bool(self.private_subnet_ids):
            raise ValueError("vpcId and privateSubnetIds go together; set both or neither")
        if self.vpc_id and len(self.private_subnet_ids) < 2:
            raise ValueError("EKS takes subnets in at least two zones; name two or more privateSubnetIds")
        if self.zones and len(set(self.zones)) < 2:
            raise ValueError("EKS takes at least two zones; name two or three, or none for the region's first three")
        return self


class Buckets(Model):
    """Buckets: names of existing ones; where empty, the stack makes its own and never deletes it."""

    reads: BucketName = Field(default="", description="Existing bucket of reads.")
    reference: BucketName = Field(default="", description="Existing bucket of references and their indices.")
    results: BucketName = Field(default="", description="Existing bucket of results.")
    tier_days: int = Field(
        default=0, ge=0, le=3650, description="Days after which results move to Glacier Instant Retrieval; 0: never."
    )


class Aws(Model):
    """Keys of the `aws` cloud."""

    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="AWS region, such as eu-west-1.")
    admin_cidrs: tuple[AdminCidr, ...] = Field(
        description="Networks that may reach the API server besides the VPC, such as your own address with /32. "
        "An empty list leaves the private endpoint alone: run Pulumi inside the VPC then.",
    )
    admin_arns: tuple[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+$")], ...] = Field(
        default=(), description="IAM roles and users that administer the cluster besides the one that makes it."
    )
    kubernetes: str = Field(
        default=versions.EKS, description="Kubernetes version of the cluster; one that EKS has in standard support."
    )
    network: Network = Field(default=Network(), description="The VPC.")
    pools: Pools = Field(default=Pools(), description="Node pools.")
    pod_identity: bool = Field(
        default=True, description="EKS Pod Identity for service accounts; false: IAM roles for service accounts (IRSA)."
    )
    buckets: Buckets = Field(default=Buckets(), description="Buckets of the store.")
    mirror: bool = Field(
        default=False, description="Copy third-party images into ECR by digest, and use them from there."
    )
    log_days: Annotated[int, AfterValidator(_checked_log_days)] = Field(
        default=30, description="Days that CloudWatch keeps logs."
    )
    keep_logs: bool = Field(default=False, description="Keep the log groups when the stack is destroyed.")
    alert_email: Email = Field(default="", description="Where alarms and the budget write to.")
    monthly_budget: int = Field(
        default=0, ge=0, le=10_000_000, description="Budget a month, USD; needs `alertEmail`. 0: none."
    )

    @model_validator(mode="after")
    def _sold(self) -> Aws:
        if self.kubernetes not in versions.EKS_STANDARD:
            sold = ", ".join(versions.EKS_STANDARD)
            raise ValueError(f"kubernetes: {self.kubernetes!r}: EKS has {sold} in standard support; use one of them")
        if self.network.nat == "none" and not self.network.vpc_id and not self.mirror:
            raise ValueError("network.nat: 'none': nodes reach no registry but ECR; set biojobs:mirror to true")
        if self.monthly_budget and not self.alert_email:
            raise ValueError(f"monthlyBudget: {self.monthly_budget}: needs biojobs:alertEmail; say there who is told")
        return self
