"""The recording AWS by itself: what it takes, refuses and answers, without the engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from offline.recording.aws.cloud import AWS
from offline.recording.aws.place import Place
from offline.recording.store import Store
from offline.resource import InvalidInputsError, Made, ResourceError
from offline.values import UNKNOWN, Map, Unknown
from tests.engine.recorded import Recorded

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
GATEWAY, TABLE, ROUTE = (
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/route:Route",
)
GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ENDPOINT, TEMPLATE = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/launchTemplate:LaunchTemplate"
ROLE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CLUSTER, NODES, ADDON = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"
REPOSITORY, BUCKET, LOGS, KEY = (
    "aws:ecr/repository:Repository",
    "aws:s3/bucket:Bucket",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:kms/key:Key",
)
TRUST = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def policy(*statements: Map) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Account(Recorded[Place]):
    """An AWS account."""

    def __init__(self, store: Store) -> None:
        super().__init__(AWS, Place("eu-west-1", default_tags={"project": "biojobs"}), store)

    def role(self, name: str, *policies: str) -> Made:
        role = self.make(ROLE, name, name=name, assumeRolePolicy=policy(TRUST))
        for each in policies:
            self.make(ATTACHMENT, f"{name}-{each}", role=name, policyArn=f"arn:aws:iam::aws:policy/{each}")
        return role

    def network(self) -> tuple[Made, list[Made]]:
        """A VPC with two subnets that lead out."""
        vpc = self.make(VPC, "vpc", cidrBlock="10.0.0.0/16", enableDnsHostnames=True, enableDnsSupport=True)
        gateway = self.make(GATEWAY, "igw", vpcId=vpc.id)
        table = self.make(TABLE, "table", vpcId=vpc.id)
        self.make(ROUTE, "out", routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", gatewayId=gateway.id)
        subnets: list[Made] = []
        for index, zone in enumerate("ab"):
            cidr, name = f"10.0.{index}.0/24", f"subnet-{zone}"
            subnets.append(self.make(SUBNET, name, vpcId=vpc.id, cidrBlock=cidr, availabilityZone=f"eu-west-1{zone}"))
            association = "aws:ec2/routeTableAssociation:RouteTableAssociation"
            self.make(association, name, subnetId=subnets[-1].id, routeTableId=table.id)
        return vpc, subnets

    def cluster(self, subnets: list[Made], **more: Any) -> Made:
        role = self.role("control", "AmazonEKSClusterPolicy")
        config = {"subnetIds": [subnet.id for subnet in subnets], "endpointPrivateAccess": True}
        return self.make(CLUSTER, "cluster", name="c", roleArn=role.state["arn"], vpcConfig=config, **more)

    def nodes(self, subnets: list[Made], **more: Any) -> Made:
        role = self.role("nodes", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
        sizes = {"minSize": 0, "desiredSize": 0, "maxSize": 2}
        ids = [subnet.id for subnet in subnets]
        inputs = {"clusterName": "c", "nodeRoleArn": role.state["arn"], "subnetIds": ids, "scalingConfig": sizes}
        return self.make(NODES, "nodes", **{**inputs, **more})


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(Store(tmp_path / "recording.json"))


def template(**more: Any) -> Map:
    return {"name": "template", **more}


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/33"}, "is no network"),
        (VPC, {"cidrBlok": "10.0.0.0/16"}, "has no property 'cidrBlok'"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": "yes"}, "should be a bool"),
        (SUBNET, {"cidrBlock": "10.0.0.0/24"}, "vpcId: is required"),
        (NODES, {"capacityType": "CHEAP"}, "'CHEAP' is none of"),
        (NODES, {"amiType": "AL2023_x86"}, "'AL2023_x86' is none of"),
        (NODES, {"scalingConfig": {"minSize": 3, "desiredSize": 0, "maxSize": 2}}, "are not in this order"),
        (NODES, {"nodeGroupName": "n" * 64}, "has 64 characters; AWS takes 63"),
        (NODES, {"labels": {"node-role.kubernetes.io/spot": "x"}}, "which a kubelet may not set"),
        (CLUSTER, {"upgradePolicy": {"supportType": "FOREVER"}}, "'FOREVER' is none of"),
        (CLUSTER, {"accessConfig": {"authenticationMode": "IAM"}}, "'IAM' is none of"),
        (CLUSTER, {"name": "c" * 101}, "AWS takes 100"),
        (ROLE, {"name": "r" * 65}, "AWS takes 64"),
        (ROLE, {"assumeRolePolicy": policy({**TRUST, "Condition": {"x": "y" * 2048}})}, "AWS takes 2048"),
        (ROLE, {"assumeRolePolicy": "{"}, "is no JSON"),
        (ROLE, {"assumeRolePolicy": policy({**TRUST, "Effect": "allow"})}, "has the effect 'allow'"),
        (ROLE, {"assumeRolePolicy": policy({**TRUST, "Sid": "a-b"})}, "has the Sid 'a-b'"),
        (ROLE, {"assumeRolePolicy": policy({**TRUST, "Resources": []})}, "has Resources, which no policy has"),
        (ROLE, {"tags": {"aws:x": "y"}}, "which AWS does not take"),
        ("aws:iam/rolePolicy:RolePolicy", {"policy": policy({**TRUST, "Resource": "r" * 10_240})}, "takes 10240"),
        ("aws:iam/policy:Policy", {"policy": policy({**TRUST, "Resource": "r" * 6144})}, "takes 6144"),
        ("aws:s3/bucketPolicy:BucketPolicy", {"policy": policy({**TRUST, "Resource": "r" * 20_480})}, "takes 20480"),
        (BUCKET, {"bucket": "Upper"}, "is no name that AWS takes"),
        (BUCKET, {"bucket": "b" * 64}, "AWS takes 63"),
        (REPOSITORY, {"imageTagMutability": "FROZEN"}, "'FROZEN' is none of"),
        (REPOSITORY, {"name": "Upper/case"}, "is no name that AWS takes"),
        (LOGS, {"retentionInDays": 31}, "'31' is none of"),
        (LOGS, {"name": "/aws/" + "x" * 512}, "AWS takes 512"),
        ("aws:kms/alias:Alias", {"name": "biojobs"}, "is no name that AWS takes"),
        (GROUP, {"name": "g" * 256}, "AWS takes 255"),
        (RULE, {"ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8", "referencedSecurityGroupId": "sg-1"}, "this has 2"),
        (ENDPOINT, {"vpcEndpointType": "Private"}, "'Private' is none of"),
        (TEMPLATE, template(metadataOptions={"httpTokens": "needed"}), "'needed' is none of"),
        (TEMPLATE, template(userData="not base64"), "is not base64"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_anything_is_made(
    account: Account, token: str, inputs: Map, said: str
) -> None:
    with pytest.raises(InvalidInputsError, match=re.escape(said)):
        account.handler(token).check(account.request(token, "x", inputs=inputs))


def test_unknown_types_and_functions_are_errors(account: Account) -> None:
    with pytest.raises(ResourceError, match="does not know aws:rds/instance:Instance"):
        account.handler("aws:rds/instance:Instance")
    with pytest.raises(ResourceError, match="no function aws:rds/getInstance:getInstance"):
        account.invoke("aws:rds/getInstance:getInstance")


def test_a_name_that_the_program_leaves_out_is_chosen_once(account: Account) -> None:
    made = account.make(ROLE, "runner", assumeRolePolicy=policy(TRUST))
    assert made.id == "runner-0a1b2c3"
    again = account.handler(ROLE).check(
        account.request(
            ROLE,
            "runner",
            inputs={"assumeRolePolicy": policy(TRUST)},
            old_inputs={"name": "runner-9999999", "__defaults": ["name"]},
        )
    )
    assert again["name"] == "runner-9999999"


def test_outputs_look_as_in_aws_and_are_unknown_before_they_exist(account: Account) -> None:
    vpc, subnets = account.network()
    cluster = account.cluster(subnets)
    assert vpc.id.startswith("vpc-")
    assert vpc.state["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:vpc/{vpc.id}"
    assert vpc.state["tagsAll"] == {"project": "biojobs"}
    assert cluster.state["vpcConfig"]["vpcId"] == vpc.id
    assert cluster.state["identities"][0]["oidcs"][0]["issuer"].startswith(
        "https://oidc.eks.eu-west-1.amazonaws.com/id/"
    )
    group = account.nodes(subnets, nodeGroupName="large")
    assert group.id == "c:large"
    assert group.state["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-large-")
    repository = account.make(REPOSITORY, "r", name="biojobs/r")
    assert repository.state["repositoryUrl"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/biojobs/r"
    preview = account.handler(CLUSTER).create(
        account.request(CLUSTER, "d", inputs={"name": "d", "vpcConfig": {"subnetIds": ["s"]}}, preview=True)
    )
    assert preview.state["name"] == "d"
    assert isinstance(preview.state["endpoint"], Unknown)
    assert preview.state["vpcConfig"] == {"subnetIds": ["s"], "clusterSecurityGroupId": UNKNOWN, "vpcId": UNKNOWN}


def test_a_changed_launch_template_has_a_new_version_and_changed_tags_make_none(account: Account) -> None:
    made = account.make(TEMPLATE, "t", **template())
    assert made.state["latestVersion"] == 1
    assert account.change(TEMPLATE, "t", made, tags={"a": "b"}).state["latestVersion"] == 1
    assert account.change(TEMPLATE, "t", made, userData="YQ==").state["latestVersion"] == 2


def test_ids_of_a_replacement_are_its_own(account: Account) -> None:
    first = account.make(VPC, "vpc", cidrBlock="10.0.0.0/16")
    second = account.make(VPC, "vpc", cidrBlock="10.1.0.0/16")
    assert first.id != second.id
    account.remove(VPC, first)
    read = account.handler(VPC).read(account.request(VPC, "vpc", id=second.id))
    assert read.state["cidrBlock"] == "10.1.0.0/16"


def test_what_only_a_new_resource_can_change_is_replaced(account: Account) -> None:
    vpc, subnets = account.network()
    cluster = account.cluster(subnets)
    group = account.nodes(subnets, capacityType="SPOT", instanceTypes=["m5.large"], labels={"a": "b"})
    assert account.replaced(VPC, vpc, cidrBlock="10.1.0.0/16") == {"cidrBlock": True}
    assert account.replaced(VPC, vpc, enableDnsSupport=False) == {"enableDnsSupport": False}
    assert account.replaced(CLUSTER, cluster, version="1.35", roleArn="r") == {"version": False, "roleArn": True}
    assert account.replaced(
        CLUSTER, cluster, accessConfig={"bootstrapClusterCreatorAdminPermissions": False, "authenticationMode": "API"}
    ) == {"accessConfig": True}
    changed = {"instanceTypes": ["m6i.large"], "labels": {"a": "c"}, "capacityType": "ON_DEMAND"}
    expected = {"instanceTypes": True, "labels": False, "capacityType": True}
    assert account.replaced(NODES, group, **changed) == expected
