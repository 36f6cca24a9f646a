"""EKS managed node groups, one a pool, each from a launch template of its own.

A managed group takes no maximum spot price: spot costs at most the on-demand price. EKS drains a spot node at a notice
of its end or when it is likely to come.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from components import pools
from components.aws.cluster import EksCluster
from components.aws.policies import document, managed
from components.aws.pools import autoscaler_tags, has_instance_store
from components.aws.scope import Scope
from components.aws.zones import SteadyZones
from components.names import ownership
from settings_aws import Pool
from settings_cloud import PoolName

if TYPE_CHECKING:
    from components.aws.network import Network

# Rights of every pod's node, and so of whatever breaks out of a pod: join the cluster, pull images, be reached by
# Session Manager. The network plugin's rights are its own service account's.
_NODE_POLICIES: Final = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
)
_ROOT_DEVICE: Final = "/dev/xvda"
_GP3_IOPS: Final = 3000
_IOPS_PER_MIB: Final = 4
"""gp3 gives at most 0.25 MiB/s for each of its I/O operations a second."""


class NodeGroups(pulumi.ComponentResource):
    """All pools that are on. `after` is what a node needs to start: ways out of its subnet, and network add-ons.

    `groups` and `autoscaling_groups` (names, of the Auto Scaling groups that EKS makes) are keyed by pool; `ready` is
    what pods need to find or get a node.
    """

    groups: Mapping[PoolName, aws.eks.NodeGroup]
    autoscaling_groups: Mapping[PoolName, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: Scope,
        cluster: EksCluster,
        network: Network,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:NodeGroups", name, None, opts)
        self._name, self._scope, self._cluster, self._network = name, scope, cluster, network
        role, attached = self._role()
        wanted = scope.target.pools.named()
        before = [*after, *attached, *cluster.ready]
        self.groups = {pool: self._group(pool, size, role, before) for pool, size in wanted.items()}
        self.autoscaling_groups = {
            pool: group.resources.apply(_autoscaling_group) for pool, group in self.groups.items()
        }
        tags = [tag for pool, size in wanted.items() for tag in self._tags(pool, size)]
        self.ready = [*self.groups.values(), *tags]
        # What runs on system nodes can move.
        steps = {pool: group for pool, group in self.autoscaling_groups.items() if pool != pools.SYSTEM}
        SteadyZones(f"{name}-zones", scope, steps, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})

    def _role(self) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        service = {"Service": "ec2.amazonaws.com"}
        trust = document({"Effect": "Allow", "Principal": service, "Action": ["sts:AssumeRole"]})
        child = self._scope.child(self)
        role = aws.iam.Role(
            f"{self._name}-role",
            name=f"{self._scope.cluster_name}-nodes",
            description=f"Nodes of {self._scope.cluster_name}",
            assume_role_policy=json.dumps(trust),
            opts=child,
        )
        return role, [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-{policy}", role=role.name, policy_arn=managed(self._scope.partition, policy), opts=child
            )
            for policy in _NODE_POLICIES
        ]

    def _group(
        self, name: PoolName, pool: Pool, role: aws.iam.Role, after: Sequence[pulumi.Resource]
    ) -> aws.eks.NodeGroup:
        template = self._template(name, pool)
        tainted = pools.taint(name)
        return aws.eks.NodeGroup(
            f"{self._name}-{name}",
            cluster_name=self._cluster.name,
            version=self._cluster.cluster.version,
            node_role_arn=role.arn,
            subnet_ids=self._network.private_subnet_ids,
            ami_type="AL2023_x86_64_NVIDIA" if name == "gpu" else "AL2023_x86_64_STANDARD",
            capacity_type="SPOT" if pools.is_spot(name) else "ON_DEMAND",
            instance_types=list(pool.types),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": pool.min, "max_size": pool.max, "desired_size": pool.min},
            labels=pools.labels(name),
            taints=[{"key": pools.LABEL, "value": tainted, "effect": "NO_SCHEDULE"}] if tainted else None,
            update_config={"max_unavailable_percentage": 33},
            node_repair_config={"enabled": True},
            tags={"Name": f"{self._scope.cluster_name}-{name}"},
            # How many nodes there are is the autoscaler's business.
            opts=pulumi.ResourceOptions.merge(
                self._scope.child(self, *after), pulumi.ResourceOptions(ignore_changes=["scalingConfig.desiredSize"])
            ),
        )

    def _template(self, name: PoolName, pool: Pool) -> aws.ec2.LaunchTemplate:
        """No image, network, key pair or profile: those are EKS's to choose."""
        full_name = f"{self._scope.cluster_name}-{name}"
        # The provider's default tags do not reach what a launch template makes.
        tags = {"Name": full_name, **ownership(self._scope.stack)}
        return aws.ec2.LaunchTemplate(
            f"{self._name}-{name}-template",
            name=full_name,
            update_default_version=True,
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                # Not one hop further than the node itself: pods do not get at its role.
                "http_put_response_hop_limit": 1,
            },
            block_device_mappings=[{"device_name": _ROOT_DEVICE, "ebs": volume(pool)}],
            user_data=RAID0_USER_DATA if has_instance_store(pool) else None,
            tag_specifications=[
                {"resource_type": kind, "tags": tags} for kind in ("instance", "volume", "network-interface")
            ],
            opts=self._scope.child(self),
        )

    def _tags(self, name: PoolName, pool: Pool) -> list[pulumi.Resource]:
        """EKS does not pass the tags of a node group on to its Auto Scaling group, where the autoscaler reads them."""
        return [
            aws.autoscaling.Tag(
                f"{self._name}-{name}-{key.rsplit('node-template/', 1)[-1].replace('/', '-')}",
                autoscaling_group_name=self.autoscaling_groups[name],
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=self._scope.child(self),
            )
            for key, value in autoscaler_tags(name, pool).items()
        ]


def volume(pool: Pool) -> aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict:
    """A node's root volume, with as many I/O operations as its throughput takes."""
    return {
        "volume_type": "gp3",
        "volume_size": pool.disk_gib,
        "throughput": pool.throughput,
        "iops": max(_GP3_IOPS, _IOPS_PER_MIB * pool.throughput),
        "encrypted": "true",
        "delete_on_termination": "true",
    }


def _user_data(config: Mapping[str, object]) -> str:
    """A node's configuration, base64, in the envelope that EKS puts its own into as well."""
    node_config = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": config}
    lines = (
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="biojobs"',
        "",
        "--biojobs",
        "Content-Type: application/node.eks.aws",
        "",
        json.dumps(node_config),
        "",
        "--biojobs--",
        "",
    )
    return base64.b64encode("\n".join(lines).encode()).decode()


RAID0_USER_DATA: Final = _user_data({"instance": {"localStorage": {"strategy": "RAID0"}}})
"""Makes one disk of all NVMe disks, for the pods' scratch space and for images."""


def _autoscaling_group(resources: Sequence[aws.eks.outputs.NodeGroupResource]) -> str:
    (made,) = resources
    (group,) = made.autoscaling_groups or []
    return group.name or ""
