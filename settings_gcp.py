"""Keys of the `gcp` cloud."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from settings_cloud import AdminCidr, Email, NodePool, NodePools, checked_bucket, checked_private_cidr
from settings_model import Model

MachineType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*-[a-z0-9-]+$")]
BucketName = Annotated[str, AfterValidator(lambda value: checked_bucket(value, "._"))]


def _checked_project(value: str) -> str:
    if value.isdigit():
        raise ValueError("is a project's number; write its id, as `gcloud projects list` tells it")
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", value):
        raise ValueError(
            "is no project id, perhaps a project's name; an id has 6 to 30 lower-case letters, digits and dashes, "
            "as `gcloud projects list` tells it"
        )
    return value


def _checked_vpc_cidr(value: str) -> str:
    private = checked_private_cidr(value)
    if not 12 <= ipaddress.IPv4Network(private).prefixlen <= 20:
        raise ValueError("nodes, pods and services share it: use a network between /12 and /20")
    return private


class Pool(NodePool):
    """Nodes of one size class. Each type is a GKE node pool of its own, with `min` and `max` each."""

    types: tuple[MachineType, ...] = Field(
        min_length=1, max_length=5, description="Machine types, such as n2-standard-4: a GKE node pool each."
    )
    disk_gib: int = Field(default=512, ge=50, le=65_536, description="Size of a node's pd-balanced disk, GiB.")
    local_ssds: int = Field(
        default=0, ge=0, le=32, description="Local SSDs of 375 GiB that hold a node's scratch instead of its disk."
    )


class Pools(NodePools[Pool]):
    """The node pools of GKE Standard. Autopilot has none."""

    system: Pool = Field(
        default=Pool(types=("e2-standard-2",), min=2, max=4, disk_gib=50),
        description="On-demand nodes of the cluster's own pods.",
    )
    spot_small: Pool = Field(
        default=Pool(types=("n2-standard-4", "n2d-standard-4", "e2-standard-4")),
        description="Spot nodes of class `small`.",
    )
    on_demand_small: Pool = Field(
        default=Pool(types=("n2-standard-4", "n2d-standard-4")), description="Last tries of class `small`."
    )
    spot_large: Pool = Field(
        default=Pool(types=("n2-standard-96", "n2d-standard-96", "c3-standard-88")),
        description="Spot nodes of class `large`.",
    )
    on_demand_large: Pool = Field(
        default=Pool(types=("n2-standard-96", "n2d-standard-96")), description="Last tries of class `large`."
    )
    huge: Pool = Field(
        default=Pool(types=("n2-highmem-32", "n2d-highmem-32"), max=2),
        description="On-demand nodes of class `huge`, which builds a reference's index.",
    )
    gpu: Pool = Field(
        default=Pool(types=("g2-standard-8",), max=0), description="Spot nodes with a GPU; off by default (max 0)."
    )


class Network(Model):
    """The VPC: one of the stack's own, or one that exists."""

    cidr: Annotated[str, AfterValidator(_checked_vpc_cidr)] = Field(
        default="10.0.0.0/14", description="Range of the stack's subnet: nodes, pods and services share it."
    )
    name: str = Field(
        default="",
        pattern=r"^([a-z]([-a-z0-9]{0,61}[a-z0-9])?)?$",
        description="A VPC of the project that exists, such as `default`, to make the subnet in. Empty: a VPC of the "
        "stack's own.",
    )
    nat: bool = Field(
        default=True, description="Cloud NAT, by which nodes reach what is not Google's. Without it, use `mirror`."
    )
    flow_logs: bool = Field(default=False, description="Write the subnet's flow logs.")


class Buckets(Model):
    """Buckets: names of existing ones; where empty, the stack makes its own and never deletes it."""

    reads: BucketName = Field(default="", description="Existing bucket of reads.")
    reference: BucketName = Field(default="", description="Existing bucket of references and their indices.")
    results: BucketName = Field(default="", description="Existing bucket of results.")
    tier_days: int = Field(
        default=0, ge=0, le=3650, description="Days after which results move to the storage class Nearline; 0: never."
    )
    soft_delete_days: int = Field(
        default=7, ge=7, le=90, description="Days for which what was deleted can be had back. It is paid for meanwhile."
    )


DEFAULT_POOLS: Final = Pools()


class Gcp(Model):
    """Keys of the `gcp` cloud."""

    project: Annotated[str, AfterValidator(_checked_project)] = Field(description="Google Cloud project id.")
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d+$", description="Google Cloud region, such as europe-west4.")
    gke: Literal["standard", "autopilot"] = Field(
        default="standard",
        description="Kind of cluster: node pools of one's own, or Autopilot, where Google makes nodes for pods.",
    )
    admin_cidrs: tuple[AdminCidr, ...] = Field(
        description="Networks that may reach the API server besides the VPC, such as your own address with /32. "
        "An empty list leaves the private endpoint alone, and the DNS endpoint where `dnsEndpoint` is set.",
    )
    dns_endpoint: bool = Field(
        default=False,
        description="Reach the API server by its DNS name too, where IAM decides who may and no address matters.",
    )
    zones: tuple[Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+\d+-[a-z]$")], ...] = Field(
        default=(), max_length=3, description="Zones of the nodes; by default those that GKE takes for the region."
    )
    network: Network = Field(default=Network(), description="The VPC.")
    pools: Pools = Field(default=DEFAULT_POOLS, description="Node pools of GKE Standard.")
    protect_cluster: bool = Field(
        default=False,
        description="GKE refuses to delete the cluster. Set it back to false and run `up` before `destroy`.",
    )
    buckets: Buckets = Field(default=Buckets(), description="Buckets of the store.")
    registry: Literal["pkg.dev", "gcr.io"] = Field(
        default="pkg.dev",
        description="Addresses of images: Artifact Registry's own, or the old ones of Container Registry.",
    )
    scan_images: bool = Field(default=False, description="Scan pushed images for vulnerabilities; paid by the image.")
    mirror: bool = Field(
        default=False, description="Fetch third-party images through Artifact Registry, which keeps what it fetched."
    )
    log_days: int = Field(default=30, ge=1, le=3650, description="Days that Cloud Logging keeps the cluster's logs.")
    keep_logs: bool = Field(default=False, description="Keep the log bucket when the stack is destroyed.")
    alert_email: Email = Field(default="", description="Where alerts and the budget write to.")
    monthly_budget: int = Field(
        default=0,
        ge=0,
        le=10_000_000,
        description="Budget a month, in the billing account's currency; needs "
        "`alertEmail` and `billingAccount`. 0: none.",
    )
    billing_account: str = Field(
        default="",
        pattern=r"^([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$",
        description="Billing account of the budget, such as 0X0X0X-0X0X0X-0X0X0X.",
    )

    @property
    def autopilot(self) -> bool:
        """Whether the cluster is an Autopilot one."""
        return self.gke == "autopilot"

    @model_validator(mode="after")
    def _fits(self) -> Gcp:
        if self.autopilot and self.pools != DEFAULT_POOLS:
            raise ValueError(
                "pools: 'autopilot' of biojobs:gke: Autopilot has no node pools; remove the key, or set gke to standard"
            )
        if foreign := [zone for zone in self.zones if zone.rpartition("-")[0] != self.region]:
            raise ValueError(f"zones: {', '.join(foreign)!r}: not in {self.region}; name zones such as {self.region}-a")
        if len(set(self.zones)) < len(self.zones):
            raise ValueError(f"zones: {', '.join(self.zones)!r}: a zone is named twice; remove one")
        if not self.network.nat and not self.network.name and not self.mirror:
            raise ValueError("network.nat: false: nodes reach no registry but Google's; set biojobs:mirror to true")
        if self.monthly_budget and not (self.alert_email and self.billing_account):
            raise ValueError(
                f"monthlyBudget: {self.monthly_budget}: needs biojobs:alertEmail and biojobs:billingAccount; say who "
                "is told, and who pays"
            )
        return self
