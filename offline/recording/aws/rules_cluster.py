"""What EKS checks against what exists. Also the rules of thumb by which a real cluster comes up, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from offline.recording.aws.place import Place
from offline.recording.strict.cloud import Changing, Making, Problems, Removing
from offline.recording.strict.kind import texts
from offline.recording.strict.world import Thing, World, values
from offline.values import Map

ADDONS = frozenset(
    {
        *("vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-ebs-csi-driver", "aws-efs-csi-driver"),
        *("aws-mountpoint-s3-csi-driver", "amazon-cloudwatch-observability", "metrics-server", "snapshot-controller"),
        *("eks-node-monitoring-agent", "cert-manager", "kube-state-metrics", "prometheus-node-exporter"),
    }
)
# An add-on with a Deployment is ACTIVE only once its pods run.
WITHOUT_NODES = frozenset({"vpc-cni", "kube-proxy", "eks-pod-identity-agent", "eks-node-monitoring-agent"})
OBSERVABILITY = "amazon-cloudwatch-observability"
CLUSTER_POLICIES = (("AmazonEKSClusterPolicy",),)
NODE_POLICIES = (
    ("AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"),
    ("AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly"),
)
# What a node talks to before it is Ready, where no NAT leads out.
NODE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "sts", "s3")


def _cluster(state: Map, world: World, place: Place) -> Problems:
    subnets = subnets_of(state, "vpcConfig.subnetIds[]", world)
    if len({subnet.state.get("availabilityZone") for subnet in subnets}) < 2:
        yield "vpcConfig.subnetIds", "InvalidParameterException: subnets must be in at least two zones"
    if len({subnet.state["vpcId"] for subnet in subnets}) > 1:
        yield "vpcConfig.subnetIds", "InvalidParameterException: subnets must be of one VPC"
    config = cast(Map, state["vpcConfig"])
    if config.get("endpointPublicAccess") is False and not config.get("endpointPrivateAccess"):
        yield "vpcConfig", "InvalidParameterException: private and public access cannot both be off"
    yield from _role(state, "roleArn", CLUSTER_POLICIES, world)


def _node_group(state: Map, world: World, place: Place) -> Problems:
    cluster = world.offering("cluster.name", str(state["clusterName"]))
    subnets = subnets_of(state, "subnetIds[]", world)
    if cluster:
        vpc = values(cluster, "vpcConfig.vpcId")
        if any([subnet.state["vpcId"]] != vpc for subnet in subnets):
            yield "subnetIds", f"InvalidParameterException: the cluster is in {vpc}"
        own = cluster.state.get("bootstrapSelfManagedAddons") is not False
        if not own and not _addon(world, cluster.id, "vpc-cni"):
            yield "clusterName", "NodeCreationFailure: no vpc-cni, so that nodes never become Ready"
    yield from _role(state, "nodeRoleArn", NODE_POLICIES, world)
    for subnet in subnets:
        if reason := _shut_in(subnet, world):
            yield "subnetIds", f"NodeCreationFailure: instances of {subnet.id} cannot join the cluster: {reason}"
    yield from _template(state, world)


def _cluster_changed(old: Thing, state: Map, world: World) -> Problems:
    vpc = values(old, "vpcConfig.vpcId")
    if any([subnet.state["vpcId"]] != vpc for subnet in subnets_of(state, "vpcConfig.subnetIds[]", world)):
        yield "vpcConfig.subnetIds", f"InvalidParameterException: subnets must be of the cluster's VPC, {vpc[0]}"
    before, after = (str(each.get("version") or "1.0").split(".") for each in (old.state, state))
    if int(after[1]) - int(before[1]) not in (0, 1):
        yield "version", f"InvalidParameterException: from {'.'.join(before)} a cluster is raised by one version"


def _node_group_changed(old: Thing, state: Map, world: World) -> Problems:
    yield from _template(state, world)
    cluster = world.offering("cluster.name", str(state["clusterName"]))
    wanted = state.get("version")
    if cluster and wanted not in (None, old.state.get("version"), cluster.state.get("version")):
        yield "version", f"InvalidParameterException: the cluster has {cluster.state.get('version')}"


def _template(state: Map, world: World) -> Problems:
    used = cast(Map, state.get("launchTemplate") or {})
    template = world.offering("lt.id", str(used.get("id")))
    if template is None:
        return
    version = str(used.get("version"))
    if version in ("$Latest", "$Default"):
        yield "launchTemplate.version", f"{version}: EKS does not follow it; give the number"
    elif int(float(version)) not in range(1, int(template.state["latestVersion"]) + 1):
        yield "launchTemplate.version", f"{template.id} has no version {version}"
    for key in ("instanceType", "iamInstanceProfile", "instanceMarketOptions"):
        if template.state.get(key) and (key != "instanceType" or state.get("instanceTypes")):
            yield "launchTemplate", f"InvalidParameterException: {key} is the node group's, not the template's"
    if template.state.get("imageId") and state.get("amiType", "CUSTOM") != "CUSTOM":
        yield "amiType", "InvalidParameterException: the template has an image of its own"


def _addon_rule(state: Map, world: World, place: Place) -> Problems:
    name, cluster = str(state["addonName"]), str(state["clusterName"])
    if name not in ADDONS:
        yield "addonName", f"{name!r} is no add-on: {', '.join(sorted(ADDONS))}"
    elif name not in WITHOUT_NODES and not node_groups(world, cluster):
        yield "addonName", f"CREATE_FAILED: the pods of {name} have no node to run on"
    if state.get("podIdentityAssociations") and state.get("serviceAccountRoleArn"):
        yield "serviceAccountRoleArn", "InvalidParameterException: an add-on has Pod Identity or IRSA, not both"


def _oidc(state: Map, world: World, place: Place) -> Problems:
    issuers = [issuer for thing in world.things("cluster") for issuer in values(thing, "identities[].oidcs[].issuer")]
    if state["url"] not in issuers:
        yield "url", f"{state['url']} is no cluster's issuer"


def _role(state: Map, key: str, wanted: tuple[tuple[str, ...], ...], world: World) -> Problems:
    for alternatives in wanted:
        if not set(alternatives) & attached(world, str(state[key])):
            yield key, f"{state[key]} lacks {' or '.join(alternatives)}"


def attached(world: World, role_arn: str) -> set[str]:
    """Names of the policies that are attached to a role."""
    role = world.offering("role.arn", role_arn)
    return {
        str(thing.state["policyArn"]).rpartition("/")[2]
        for thing in world.things("role-attachment")
        if role and thing.state["role"] == role.state["name"]
    }


def node_groups(world: World, cluster: str) -> list[Thing]:
    """The node groups of a cluster."""
    return [thing for thing in world.things("node-group") if thing.state["clusterName"] == cluster]


def _addon(world: World, cluster: str, name: str) -> bool:
    return any(
        thing.state["clusterName"] == cluster and thing.state["addonName"] == name for thing in world.things("addon")
    )


def subnets_of(state: Map, path: str, world: World) -> list[Thing]:
    """The subnets at a path of the state, as far as they are there."""
    found = (world.offering("subnet.id", name) for name in texts(state, path))
    return [subnet for subnet in found if subnet]


def _shut_in(subnet: Thing, world: World) -> str:
    """Why instances of the subnet reach neither the internet nor the endpoints, or nothing."""
    if leads_out(subnet, world):
        return ""
    tables = _tables(subnet, world)
    vpc = subnet.state["vpcId"]
    there = {
        str(thing.state["serviceName"]).split(".", maxsplit=3)[3]
        for thing in world.things("vpce")
        if thing.state["vpcId"] == vpc
        and (thing.state.get("vpcEndpointType") == "Interface" or _routed(thing, tables, world))
    }
    missing = [name for name in NODE_ENDPOINTS if name not in there]
    return f"no route to 0.0.0.0/0, and no endpoint for {', '.join(missing)}" if missing else ""


def leads_out(subnet: Thing, world: World) -> bool:
    """Whether instances of the subnet reach the internet."""
    if not subnet.urn:
        return True  # it was there before: its ways out are not in this recording
    tables = _tables(subnet, world)
    routes = [route for route in world.things("route") if route.state["routeTableId"] in tables]
    return any(route.state.get("destinationCidrBlock") == "0.0.0.0/0" for route in routes)


def _tables(subnet: Thing, world: World) -> set[str]:
    return {str(t.state["routeTableId"]) for t in world.things("rtbassoc") if t.state.get("subnetId") == subnet.id}


def _routed(endpoint: Thing, tables: set[str], world: World) -> bool:
    mine = set(texts(endpoint.state, "routeTableIds[]"))
    mine |= {str(t.state["routeTableId"]) for t in world.things("vpce-rtb") if t.state["vpcEndpointId"] == endpoint.id}
    return tables <= mine


def _cluster_removable(thing: Thing, world: World) -> Iterator[str]:
    if thing.state.get("deletionProtection"):
        yield "deletionProtection is on"
    for _, lack in _role(thing.state, "roleArn", CLUSTER_POLICIES, world):
        yield f"its network interfaces could not be taken away: {lack}"


def _node_group_removable(thing: Thing, world: World) -> Iterator[str]:
    for _, lack in _role(thing.state, "nodeRoleArn", NODE_POLICIES, world):
        yield f"nodes could not be drained: {lack}"


MAKING: Mapping[str, Making[Place]] = {
    "cluster": _cluster,
    "node-group": _node_group,
    "addon": _addon_rule,
    "oidc": _oidc,
}
CHANGING: Mapping[str, Changing] = {
    "cluster": _cluster_changed,
    "node-group": _node_group_changed,
}
REMOVING: Mapping[str, Removing] = {
    "cluster": _cluster_removable,
    "node-group": _node_group_removable,
}
