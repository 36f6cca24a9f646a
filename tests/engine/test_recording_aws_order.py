"""The recording AWS by itself: references, and the order of making and deleting."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offline.recording.aws.invokes import PASSWORD
from offline.recording.clusters import require_cluster
from offline.recording.registries import push
from offline.resource import ResourceError
from offline.values import Map, Secret
from tests.engine import test_recording_aws as base
from tests.engine.recorded import check_cluster
from tests.engine.test_recording_aws import Account, policy

account = base.account
NAT, ADDRESS = "aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"
EVERYWHERE = "0.0.0.0/0"


def refuses(said: str) -> Any:
    return pytest.raises(ResourceError, match=said)


def test_subnets_lie_within_their_vpc_and_do_not_overlap(account: Account) -> None:
    vpc, _ = account.network()
    with refuses("is not within the VPC's 10.0.0.0/16"):
        account.make(base.SUBNET, "s", vpcId=vpc.id, cidrBlock="10.1.0.0/24")
    with refuses("InvalidSubnet.Conflict: 10.0.0.128/25 overlaps"):
        account.make(base.SUBNET, "s", vpcId=vpc.id, cidrBlock="10.0.0.128/25")
    with refuses("'eu-west-1d' is no zone of eu-west-1"):
        account.make(base.SUBNET, "s", vpcId=vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-1d")
    with refuses("there is no such vpc"):
        account.make(base.SUBNET, "s", vpcId="vpc-0123456789abcdef0", cidrBlock="10.0.9.0/24")


def test_names_are_taken_once(account: Account) -> None:
    account.make(base.BUCKET, "one", bucket="the-bucket")
    with refuses("there is such a bucket already: the-bucket"):
        account.make(base.BUCKET, "two", bucket="the-bucket")


def test_a_nat_gateway_needs_the_internet_gateway_and_holds_it(account: Account) -> None:
    vpc = account.make(base.VPC, "vpc", cidrBlock="10.0.0.0/16")
    subnet = account.make(base.SUBNET, "s", vpcId=vpc.id, cidrBlock="10.0.0.0/24")
    address = account.make(ADDRESS, "ip", domain="vpc")
    with refuses("has no internet gateway"):
        account.make(NAT, "nat", subnetId=subnet.id, allocationId=address.id)
    gateway = account.make(base.GATEWAY, "igw", vpcId=vpc.id)
    nat = account.make(NAT, "nat", subnetId=subnet.id, allocationId=address.id)
    for token, held in ((base.GATEWAY, gateway), (ADDRESS, address), (base.SUBNET, subnet), (base.VPC, vpc)):
        with refuses("DependencyViolation"):
            account.remove(token, held)
    account.remove(NAT, nat)
    account.remove(base.GATEWAY, gateway)
    account.remove(base.SUBNET, subnet)
    account.remove(base.VPC, vpc)


def test_a_security_group_in_use_stays(account: Account) -> None:
    vpc, subnets = account.network()
    group = account.make(base.GROUP, "g", name="g", vpcId=vpc.id)
    service = "com.amazonaws.eu-west-1.ecr.api"
    endpoint = account.make(
        base.ENDPOINT,
        "e",
        vpcId=vpc.id,
        serviceName=service,
        vpcEndpointType="Interface",
        subnetIds=[subnets[0].id],
        securityGroupIds=[group.id],
    )
    with refuses("vpce .* still uses it"):
        account.remove(base.GROUP, group)
    account.remove(base.ENDPOINT, endpoint)
    account.remove(base.GROUP, group)


def test_a_cluster_needs_two_zones_and_its_policy(account: Account) -> None:
    _, subnets = account.network()
    with refuses("at least two zones"):
        account.cluster(subnets[:1])


def test_a_cluster_stays_while_it_has_nodes_and_holds_its_subnets(account: Account) -> None:
    _, subnets = account.network()
    cluster = account.cluster(subnets)
    group = account.nodes(subnets)
    with refuses("node-group .* still uses it"):
        account.remove(base.CLUSTER, cluster)
    account.remove(base.NODES, group)
    with refuses("cluster c .* still uses it"):
        account.remove(base.SUBNET, subnets[0])
    account.remove(base.CLUSTER, cluster)


def test_a_cluster_cannot_be_deleted_once_its_role_has_lost_the_policy(account: Account) -> None:
    _, subnets = account.network()
    cluster = account.cluster(subnets)
    handler = account.handler(base.ATTACHMENT)
    handler.delete(account.request(base.ATTACHMENT, "a", id="control/arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"))
    with refuses("lacks AmazonEKSClusterPolicy"):
        account.remove(base.CLUSTER, cluster)


def test_a_role_with_policies_stays(account: Account) -> None:
    role = account.role("r", "AmazonEKSClusterPolicy")
    with refuses("role-attachment .* still uses it"):
        account.remove(base.ROLE, role)


def test_only_policies_that_aws_has_are_attached(account: Account) -> None:
    with refuses("there is no such policy"):
        account.role("r", "service-role/AmazonEBSCSIDriverPolicyV2")


def test_nodes_without_a_way_out_never_join(account: Account) -> None:
    vpc, subnets = account.network()
    account.cluster(subnets)
    shut = account.make(base.SUBNET, "shut", vpcId=vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-1c")
    with refuses(f"instances of {shut.id} cannot join the cluster: no route to {EVERYWHERE}"):
        account.nodes([shut])


def test_nodes_need_the_network_add_on_where_the_cluster_brings_none(account: Account) -> None:
    _, subnets = account.network()
    account.cluster(subnets, bootstrapSelfManagedAddons=False)
    with refuses("no vpc-cni"):
        account.nodes(subnets)
    account.make(base.ADDON, "cni", clusterName="c", addonName="vpc-cni")
    with refuses("the pods of coredns have no node to run on"):
        account.make(base.ADDON, "dns", clusterName="c", addonName="coredns")


def test_services_make_log_groups_that_nobody_made_before(account: Account) -> None:
    _, subnets = account.network()
    account.cluster(subnets, enabledClusterLogTypes=["api"])
    with refuses("ResourceAlreadyExistsException: the cluster c has made /aws/eks/c/cluster before"):
        account.make(base.LOGS, "logs", name="/aws/eks/c/cluster")


def test_a_log_group_that_goes_before_its_cluster_comes_again(account: Account) -> None:
    _, subnets = account.network()
    logs = account.make(base.LOGS, "logs", name="/aws/eks/c/cluster")
    account.cluster(subnets, enabledClusterLogTypes=["api"])
    assert account.store.section("left") == {}
    account.remove(base.LOGS, logs)
    assert list(account.store.section("left")) == ["/aws/eks/c/cluster"]


def test_a_log_group_needs_a_key_that_lets_the_logs_service_in(account: Account) -> None:
    use: Map = {"Effect": "Allow", "Action": "kms:Encrypt*", "Resource": "*"}
    use["Principal"] = {"Service": "logs.eu-west-1.amazonaws.com"}
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/biojobs/*"
    use["Condition"] = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}}
    key = account.make(base.KEY, "key", policy=policy(use))
    account.make(base.LOGS, "flows", name="/biojobs/flows", kmsKeyId=key.state["arn"])
    with refuses("does not let logs.eu-west-1.amazonaws.com use it for /aws/x"):
        account.make(base.LOGS, "other", name="/aws/x", kmsKeyId=key.state["arn"])


def test_images_need_their_repository_and_keep_their_immutable_tags(account: Account) -> None:
    url = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/biojobs/r"
    with account.store.open() as content, refuses("RepositoryNotFoundException"):
        push(content, f"{url}:1", "sha256:a")
    repository = account.make(base.REPOSITORY, "r", name="biojobs/r", imageTagMutability="IMMUTABLE")
    with account.store.open() as content:
        push(content, f"{url}:1", "sha256:a")
        push(content, f"{url}:1", "sha256:a")
        with refuses("ImageTagAlreadyExistsException"):
            push(content, f"{url}:1", "sha256:b")
    with refuses("RepositoryNotEmptyException"):
        account.remove(base.REPOSITORY, repository)


def test_a_bucket_with_objects_stays(account: Account) -> None:
    bucket = account.make(base.BUCKET, "b", bucket="the-bucket")
    account.make("aws:s3/bucketObjectv2:BucketObjectv2", "o", bucket="the-bucket", key="reads/a.fastq.gz")
    with refuses("BucketNotEmpty"):
        account.remove(base.BUCKET, bucket)


def test_the_cluster_answers_while_it_is_there_and_runs_pods_while_it_has_nodes(account: Account) -> None:
    _, subnets = account.network()
    address = f"get-token {account.cluster(subnets).state['endpoint']}"
    check_cluster(account.store, address, lambda: account.nodes(subnets))


def test_functions_answer_from_what_is_recorded(account: Account) -> None:
    def ask(token: str, region: str = "eu-west-1", **arguments: Any) -> Map:
        place = base.Place(region)
        return account.cloud.invoke(token, arguments, account.store, place)

    zones = "aws:index/getAvailabilityZones:getAvailabilityZones"
    assert ask(zones)["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert len(ask(zones, "us-west-1")["names"]) == 2
    with account.store.open() as content:
        content["zones"]["eu-west-1"] = ["eu-west-1x"]
        content["invokes"]["aws:s3/getBucket:getBucket"] = [{"args": {"bucket": "b"}, "error": "403 Forbidden"}]
    assert ask(zones)["names"] == ["eu-west-1x"]
    with refuses("403 Forbidden"):
        ask("aws:s3/getBucket:getBucket", bucket="b")
    vpc = account.make(base.VPC, "vpc", cidrBlock="10.0.0.0/16")
    assert ask("aws:ec2/getVpc:getVpc", id=vpc.id)["cidrBlock"] == "10.0.0.0/16"
    first, second = (ask("aws:ecr/getAuthorizationToken:getAuthorizationToken")["password"] for _ in range(2))
    assert isinstance(first, Secret)
    assert first != second
    assert PASSWORD in first.value


def test_everything_fails_the_first_time_if_told_so(account: Account) -> None:
    with account.store.open() as content:
        content["fail_first"] = True
    with refuses("injected: the first time fails"):
        account.make(base.VPC, "vpc", cidrBlock="10.0.0.0/16")
    account.make(base.VPC, "vpc", cidrBlock="10.0.0.0/16")
    kept = json.loads(account.store.file.read_text())
    assert [call for call in kept["calls"] if call[1] == "vpc"] == [["create", "vpc"]] * 2


def test_a_cluster_stays_in_its_vpc_and_is_raised_by_one_version(account: Account) -> None:
    _, subnets = account.network()
    cluster = account.cluster(subnets, version="1.34")
    other = account.make(base.VPC, "other", cidrBlock="10.9.0.0/16")
    moved = account.make(base.SUBNET, "moved", vpcId=other.id, cidrBlock="10.9.0.0/24")
    with refuses("subnets must be of the cluster's VPC"):
        account.change(base.CLUSTER, "cluster", cluster, vpcConfig={"subnetIds": [moved.id]})
    with refuses("is raised by one version"):
        account.change(base.CLUSTER, "cluster", cluster, version="1.36")
    account.change(base.CLUSTER, "cluster", cluster, version="1.35")


def test_nodes_without_a_way_out_pull_from_the_registry_alone(account: Account) -> None:
    _, subnets = account.network()
    cluster = account.cluster(subnets)
    account.nodes(subnets)
    address = f"get-token {cluster.state['endpoint']}"
    ours, theirs = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/biojobs/r:1", "quay.io/argoproj/argoexec:v4"

    def run(image: str) -> None:
        with account.store.open() as content:
            require_cluster(content, address, "Pod", "p", [image])

    run(theirs)
    with refuses("ImagePullBackOff: .* RepositoryNotFoundException"):
        run(ours)
    account.make(base.REPOSITORY, "r", name="biojobs/r")
    run(ours)
    with account.store.open() as content:
        for key in [key for key in content["objects"] if key.startswith(base.ROUTE)]:
            del content["objects"][key]
    with refuses("there is no way out to quay.io"):
        run(theirs)
