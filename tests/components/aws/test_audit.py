"""What is left of a stack in the account: found by tags and by names, and told apart from what is kept."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import pytest

from components.accounts import AccountError
from components.aws.account import Account, sign_in
from components.aws.audit import Audit, Left, audit, main, report
from tests.components.aws.answers import Answers, Refused, account_of, answering, mocked
from tests.components.aws.conftest import ACCOUNT, REGION

OURS = {"project": "biojobs", "stack": "dev", "managed-by": "pulumi"}
NOTHING: Mapping[str, Any] = {
    "GetResources": {"ResourceTagMappingList": []},
    "DescribeSecurityGroups": {"SecurityGroups": []},
    "DescribeNetworkInterfaces": {"NetworkInterfaces": []},
    "DescribeLogGroups": {"logGroups": []},
    "ListRoles": {"Roles": []},
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Generator[Account, None, None]:
    with mocked(monkeypatch):
        yield sign_in(REGION)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = answering(monkeypatch)
    made.given |= NOTHING
    return made


def tags(values: Mapping[str, str] = OURS) -> Any:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def of(kind: str, values: Mapping[str, str] = OURS) -> Any:
    return [{"ResourceType": kind, "Tags": tags(values)}]


def fates(found: Audit) -> dict[str, str]:
    return {" ".join(left.kind): left.fate for left in found.left}


def look(account: Account, *, keep_logs: bool = False) -> Audit:
    return audit(account, "dev", keep_logs=keep_logs)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def mapping(*arns: str) -> Mapping[str, Any]:
    return {"ResourceTagMappingList": [{"ResourceARN": each} for each in arns]}


# On AWS as moto plays it.


def test_an_empty_account_has_nothing_left(account: Account) -> None:
    found = look(account)
    assert (found.left, found.unchecked) == ((), ())
    assert list(report(found, "dev", REGION)) == [f"nothing unexpected of dev is left in {REGION}"]


def test_what_pulumi_tagged_is_found_and_what_is_paid_told_apart(account: Account) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=of("vpc"))["Vpc"].get("VpcId", "")
    zone = f"{REGION}a"
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=of("volume"))
    found = look(account)
    assert fates(found) == {"ec2 vpc": "free", "ec2 volume": "paid"}
    text = "\n".join(report(found, "dev", REGION))
    assert f"`aws ec2 delete-volume --volume-id {volume['VolumeId']}`" in text
    assert vpc in text
    assert text.index("paid for:") < text.index("in the way of the next")


def test_another_stacks_and_other_projects_things_are_left_alone(account: Account) -> None:
    ec2 = account.client("ec2")
    ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=of("vpc", {**OURS, "stack": "prod"}))
    ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=of("vpc", {**OURS, "project": "other"}))
    ec2.create_vpc(
        CidrBlock="10.2.0.0/16", TagSpecifications=of("vpc", {"kubernetes.io/cluster/biojobs-dev": "shared"})
    )
    assert look(account).left == ()


def test_what_the_cluster_made_is_found_by_the_clusters_tag(account: Account) -> None:
    made = {"kubernetes.io/cluster/biojobs-dev": "owned", "ebs.csi.aws.com/cluster": "true"}
    account.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=of("volume", made))
    assert fates(look(account)) == {"ec2 volume": "paid"}


def test_the_group_that_eks_makes_is_found_by_its_name(account: Account) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"].get("VpcId", "")
    for name in ("eks-cluster-sg-biojobs-dev-12345", "eks-cluster-sg-biojobs-other-1"):
        ec2.create_security_group(GroupName=name, Description="EKS", VpcId=vpc)
    assert fates(look(account)) == {"ec2 security-group": "free"}


def test_buckets_are_kept_on_purpose(account: Account) -> None:
    s3 = account.client("s3")
    bucket = f"biojobs-dev-results-{ACCOUNT}-{REGION}"
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags()})
    found = look(account)
    assert fates(found) == {"s3 bucket": "kept"}
    assert found.unexpected == ()
    assert "kept on purpose" in next(report(found, "dev", REGION))


def test_log_groups_are_found_without_tags_and_kept_when_the_settings_say_so(account: Account) -> None:
    logs = account.client("logs")
    for name in (
        "/aws/eks/biojobs-dev/cluster",
        "/biojobs/dev/flow-logs",
        "/aws/eks/biojobs-dev2/cluster",
        "/biojobs/dev2/x",
    ):
        logs.create_log_group(logGroupName=name)
    found = look(account)
    assert [left.id for left in found.unexpected] == ["/aws/eks/biojobs-dev/cluster", "/biojobs/dev/flow-logs"]
    assert look(account, keep_logs=True).unexpected == ()


def test_a_log_group_with_tags_is_told_once(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName="/biojobs/dev/flow-logs", tags=dict(OURS))
    assert len(look(account).left) == 1


def test_roles_are_found_by_their_names(account: Account) -> None:
    for name in ("biojobs-dev-nodes", "biojobs-dev2-nodes", "somebody"):
        account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    assert [left.id for left in look(account).left] == ["biojobs-dev-nodes"]


def test_a_key_that_waits_for_its_deletion_is_on_its_way(account: Account) -> None:
    kms = account.client("kms")
    made: Any = [{"TagKey": key, "TagValue": value} for key, value in OURS.items()]
    key = kms.create_key(Tags=made)["KeyMetadata"]["KeyId"]
    assert fates(look(account)) == {"kms key": "paid"}
    kms.schedule_key_deletion(KeyId=key)
    found = look(account)
    assert fates(found) == {"kms key": "going"}
    assert found.unexpected == ()


def test_an_instance_that_was_terminated_is_gone(account: Account) -> None:
    ec2 = account.client("ec2")
    ran = ec2.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=of("instance", {"eks:cluster-name": "biojobs-dev"}),
    )
    assert fates(look(account)) == {"ec2 instance": "paid"}
    ec2.terminate_instances(InstanceIds=[each.get("InstanceId", "") for each in ran["Instances"]])
    assert "ec2 instance" not in fates(look(account))


# What moto does not play.


def test_a_gateway_that_is_deleted_is_not_left_though_its_tags_still_are(api: Answers) -> None:
    api.given["GetResources"] = mapping(*(arn("ec2", f"natgateway/nat-{n}") for n in range(4)))
    api.given["DescribeNatGateways"] = {
        "NatGateways": [
            {"NatGatewayId": "nat-0", "State": "deleted"},
            {"NatGatewayId": "nat-1", "State": "deleting"},
            {"NatGatewayId": "nat-2", "State": "available"},
        ]
    }
    assert {left.id: left.fate for left in look(account_of()).left} == {"nat-1": "going", "nat-2": "paid"}


def test_a_gateway_endpoint_is_free_and_an_interface_endpoint_is_not(api: Answers) -> None:
    api.given["GetResources"] = mapping(arn("ec2", "vpc-endpoint/vpce-1"), arn("ec2", "vpc-endpoint/vpce-2"))
    api.given["DescribeVpcEndpoints"] = {
        "VpcEndpoints": [
            {"VpcEndpointId": "vpce-1", "VpcEndpointType": "Gateway", "State": "available"},
            {"VpcEndpointId": "vpce-2", "VpcEndpointType": "Interface", "State": "available"},
        ]
    }
    assert {left.id: left.fate for left in look(account_of()).left} == {"vpce-1": "free", "vpce-2": "paid"}


def test_addresses_come_in_one_page(api: Answers) -> None:
    api.given["GetResources"] = mapping(arn("ec2", "elastic-ip/eipalloc-1"), arn("ec2", "elastic-ip/eipalloc-2"))
    api.given["DescribeAddresses"] = {"Addresses": [{"AllocationId": "eipalloc-2"}]}
    (left,) = look(account_of()).left
    assert left.remedy == "`aws ec2 release-address --allocation-id eipalloc-2`"


def test_every_page_is_read(api: Answers) -> None:
    def pages(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if asked.get("PaginationToken"):
            return {**mapping(arn("ecr", "repository/biojobs-dev/two")), "PaginationToken": ""}
        return {**mapping(arn("ecr", "repository/biojobs-dev/one")), "PaginationToken": "more"}

    api.given["GetResources"] = pages
    assert [left.id for left in look(account_of()).left] == ["biojobs-dev/one", "biojobs-dev/two"]


def test_the_control_planes_interfaces_are_found_by_their_description(api: Answers) -> None:
    interface = {"NetworkInterfaceId": "eni-1", "Description": "Amazon EKS biojobs-dev"}
    api.given["DescribeNetworkInterfaces"] = {"NetworkInterfaces": [interface]}
    assert fates(look(account_of())) == {"ec2 network-interface": "free"}
    asked = api.of("DescribeNetworkInterfaces")[0]["Filters"]
    assert asked == [{"Name": "description", "Values": ["Amazon EKS biojobs-dev"]}]


def test_what_may_not_be_looked_for_is_told_and_the_rest_is_found(api: Answers) -> None:
    api.given["ListRoles"] = Refused("AccessDenied", 403)
    api.given["DescribeLogGroups"] = {"logGroups": [{"logGroupName": "/biojobs/dev/flow-logs"}]}
    found = look(account_of())
    assert len(found.left) == 1
    assert found.unchecked == (
        "iam:ListRoles is denied; docs/aws-permissions.json has the permissions that are needed",
    )


def test_what_may_not_be_looked_at_again_is_listed_with_a_doubt(api: Answers) -> None:
    api.given["GetResources"] = mapping(arn("ec2", "natgateway/nat-1"))
    api.given["DescribeNatGateways"] = Refused("UnauthorizedOperation", 403)
    found = look(account_of())
    assert [left.id for left in found.left] == ["nat-1"]
    assert "may be gone already" in found.unchecked[0]


def test_an_error_of_aws_is_not_taken_for_nothing_left(api: Answers) -> None:
    api.given["GetResources"] = Refused("ThrottlingException", 400)
    with pytest.raises(AccountError, match="tag:GetResources"):
        look(account_of())


@pytest.mark.parametrize(
    ("name", "kind", "own"),
    [
        (arn("ec2", "natgateway/nat-1"), ("ec2", "natgateway"), "nat-1"),
        (arn("logs", "log-group:/aws/eks/biojobs-dev/cluster"), ("logs", "log-group"), "/aws/eks/biojobs-dev/cluster"),
        ("arn:aws:s3:::biojobs-dev-reads", ("s3", "bucket"), "biojobs-dev-reads"),
        (arn("sns", "biojobs-dev-alarms"), ("sns", "topic"), "biojobs-dev-alarms"),
        (arn("eks", "cluster/biojobs-dev"), ("eks", "cluster"), "biojobs-dev"),
        (f"arn:aws:iam::{ACCOUNT}:role/biojobs-dev-nodes", ("iam", "role"), "biojobs-dev-nodes"),
        (arn("elasticloadbalancing", "loadbalancer/net/a/1"), ("elasticloadbalancing", "loadbalancer"), "net/a/1"),
    ],
)
def test_an_arn_says_what_it_is_of(name: str, kind: tuple[str, str], own: str) -> None:
    left = Left(name, "paid")
    assert (left.kind, left.id) == (kind, own)


# The command.


def test_the_command_fails_when_something_unexpected_is_left(api: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", "--region", REGION]) == 0
    assert capsys.readouterr().out == f"nothing unexpected of dev is left in {REGION}\n"
    api.given["GetResources"] = mapping(arn("ecr", "repository/biojobs-dev/fastqc"))
    assert main(["dev", "--region", REGION]) == 1
    assert "ecr repository" in capsys.readouterr().out


def test_the_command_does_not_promise_what_it_could_not_see(api: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    api.given["ListRoles"] = Refused("AccessDenied", 403)
    assert main(["dev", "--region", REGION]) == 2
    assert f"nothing unexpected of dev is left in {REGION}, as far as could be seen" in capsys.readouterr().out


def test_the_command_reads_region_and_kept_logs_from_the_stack(monkeypatch: pytest.MonkeyPatch, api: Answers) -> None:
    asked: list[tuple[str, bool]] = []

    def remember(account: Account, stack: str, *, keep_logs: bool) -> Audit:
        asked.append((account.region, keep_logs))
        return Audit((), ())

    monkeypatch.setattr("components.aws.audit.audit", remember)
    assert main(["aws"]) == 0
    assert asked == [("eu-west-1", False)]
