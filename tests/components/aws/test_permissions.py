"""The policies for whoever runs the program: enough for all that it makes, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest

from components.aws import backend, permissions
from components.aws.actions import ACTIONS, IMAGES, PROGRAM, STATE
from components.aws.permissions import Place, documents, preview_policy, preview_role_trust
from components.aws.policies import Document
from tests.components.tokens import made_by
from tests.iam import Request, allows

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "components" / "aws").glob("*.py"))
ACCOUNT, REGION = "123456789012", "eu-west-1"
PLACE = Place(ACCOUNT, REGION, "dev")
ALL = documents(PLACE)
PREVIEW = preview_policy(PLACE)
MOST_CHARACTERS = 6144

OURS = {"aws:ResourceTag/project": "biojobs"}
OURS_SOON = {"aws:RequestTag/project": "biojobs"}


def statements(found: Mapping[str, Document]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in found.items():
        for statement in document["Statement"]:
            yield f"{name}/{statement['Sid']}", statement


def granted(found: Mapping[str, Document]) -> set[str]:
    return {action for _, statement in statements(found) for action in statement["Action"]}


def test_the_file_in_docs_is_what_the_program_writes(capsys: pytest.CaptureFixture[str]) -> None:
    permissions.main([])
    written = (ROOT / "docs" / "aws-permissions.json").read_text()
    assert written == capsys.readouterr().out, "run `python -m components.aws.permissions > docs/aws-permissions.json`"


@pytest.mark.parametrize("place", [PLACE, Place(), Place(ACCOUNT, "ap-southeast-3", "a-long-stack-name", "aws-us-gov")])
def test_every_policy_fits_into_a_managed_one(place: Place) -> None:
    for name, document in {**documents(place), "preview": preview_policy(place)}.items():
        assert len(json.dumps(document, separators=(",", ":"))) <= MOST_CHARACTERS, name


# The SDK warns of old names of its own when a module of it is read whole.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_all_that_the_program_makes_has_its_actions() -> None:
    made = made_by(SOURCES, "aws", aws)
    missing = made - set(ACTIONS)
    assert not missing, f"add {sorted(missing)} to components/aws/actions.py"
    unused = set(ACTIONS) - made
    assert not unused, f"nothing makes {sorted(unused)} any more"


def test_every_action_is_granted_and_nothing_else() -> None:
    wanted = {action for actions in ACTIONS.values() for action in actions} | {*PROGRAM, *IMAGES, *STATE}
    assert granted(ALL) == wanted


def test_actions_are_spelt_as_aws_does() -> None:
    import botocore.session

    session = botocore.session.get_session()
    names = {"servicequotas": "service-quotas", "tag": "resourcegroupstaggingapi"}
    # What these two authorize is not called as their operations are.
    actions = {action for action in granted(ALL) if not action.startswith(("budgets:", "s3:"))} - {"iam:PassRole"}
    for service in sorted({action.partition(":")[0] for action in actions}):
        known = set(session.get_service_model(names.get(service, service)).operation_names)
        asked = {action.partition(":")[2] for action in actions if action.startswith(f"{service}:")}
        assert asked <= known, (service, asked - known)


def test_no_action_is_a_wildcard_and_every_resource_is_bound_where_it_can_be() -> None:
    unbound: set[str] = set()
    for where, statement in statements({**ALL, "preview": PREVIEW}):
        assert not any("*" in action for action in statement["Action"]), where
        if statement["Resource"] == ["*"]:
            unbound.add(where)
            writes = [action for action in statement["Action"] if not permissions.is_read(action)]
            assert not writes or "Condition" in statement or where == "telemetry/Subscription", where
    assert unbound == {
        "look/Look",
        "preview/Look",
        "cluster/TryLaunchTemplates",
        "data/CreateKey",
        "telemetry/Subscription",
    }


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


ADMINISTRATOR = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}
CNI = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"}
KEY = arn("kms", "key/1")
GROUP = arn("autoscaling", "autoScalingGroup:1:autoScalingGroupName/eks-huge-1")

TABLE: list[tuple[str, str, Mapping[str, Any], bool]] = [
    ("ec2:DescribeVpcs", "*", {}, True),
    ("ec2:CreateVpc", arn("ec2", "vpc/vpc-1"), OURS_SOON, True),
    ("ec2:CreateVpc", arn("ec2", "vpc/vpc-1"), {}, False),
    ("ec2:CreateSubnet", arn("ec2", "vpc/vpc-1"), OURS, True),
    ("ec2:CreateSubnet", arn("ec2", "vpc/vpc-of-others"), {}, False),
    ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-1"), OURS, True),
    ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-of-others"), {}, False),
    ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-of-others"), {"aws:ResourceTag/project": "web"}, False),
    ("ec2:CreateTags", arn("ec2", "vpc/vpc-1"), {**OURS_SOON, "ec2:CreateAction": "CreateVpc"}, True),
    ("ec2:CreateTags", arn("ec2", "vpc/vpc-of-others"), OURS_SOON, False),
    ("ec2:CreateTags", arn("ec2", "security-group/sg-default"), OURS_SOON, True),
    ("ec2:RunInstances", arn("ec2", "instance/*"), {}, False),
    ("ec2:RunInstances", arn("ec2", "instance/*"), {"ec2:LaunchTemplate": arn("ec2", "launch-template/lt-1")}, True),
    ("ec2:TerminateInstances", arn("ec2", "instance/i-1"), OURS, False),
    ("eks:CreateCluster", arn("eks", "cluster/biojobs-dev"), {}, True),
    ("eks:DeleteNodegroup", arn("eks", "nodegroup/biojobs-dev/huge/1"), {}, True),
    ("eks:DeleteCluster", arn("eks", "cluster/biojobs-prod"), {}, False),
    ("eks:DeleteCluster", arn("eks", "cluster/web"), {}, False),
    ("autoscaling:CreateOrUpdateTags", GROUP, {"aws:ResourceTag/eks:cluster-name": "biojobs-dev"}, True),
    ("autoscaling:CreateOrUpdateTags", GROUP, {"aws:ResourceTag/eks:cluster-name": "web"}, False),
    ("scheduler:CreateSchedule", arn("scheduler", "schedule/default/biojobs-dev-huge-zones"), {}, True),
    ("iam:CreateRole", role("biojobs-dev-runner"), {}, True),
    ("iam:CreateRole", role("admin"), {}, False),
    ("iam:PutRolePolicy", role("biojobs-prod-runner"), {}, False),
    ("iam:AttachRolePolicy", role("biojobs-dev-aws-node"), CNI, True),
    ("iam:AttachRolePolicy", role("biojobs-dev-aws-node"), ADMINISTRATOR, False),
    ("iam:PassRole", role("biojobs-dev-nodes"), {"iam:PassedToService": "ec2.amazonaws.com"}, True),
    ("iam:PassRole", role("biojobs-dev-runner"), {"iam:PassedToService": "pods.eks.amazonaws.com"}, True),
    ("iam:PassRole", role("biojobs-dev-nodes"), {"iam:PassedToService": "lambda.amazonaws.com"}, False),
    ("iam:PassRole", role("admin"), {"iam:PassedToService": "ec2.amazonaws.com"}, False),
    ("iam:CreateServiceLinkedRole", role("aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"), {}, True),
    ("iam:CreateServiceLinkedRole", role("aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"), {}, False),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}, False),
    ("s3:CreateBucket", "arn:aws:s3:::biojobs-dev-results-1-eu", {}, True),
    ("s3:PutBucketPolicy", "arn:aws:s3:::biojobs-prod-results-1-eu", {}, False),
    ("s3:DeleteBucket", "arn:aws:s3:::biojobs-dev-results-1-eu", {}, False),
    ("s3:PutObject", "arn:aws:s3:::biojobs-dev-reads-1-eu/samples/a.fq", {}, True),
    ("s3:PutObject", "arn:aws:s3:::biojobs-dev-results-1-eu/a.bam", {}, False),
    ("s3:DeleteObject", "arn:aws:s3:::biojobs-dev-reads-1-eu/a.fq", {}, False),
    ("s3:DeleteObject", "arn:aws:s3:::biojobs-state-1/.pulumi/locks/x", {}, True),
    ("s3:GetObject", "arn:aws:s3:::1000genomes/a.fq", {}, False),
    ("s3:GetObject", "arn:aws:s3:::somebody-elses/a.fq", {}, False),
    ("ecr:PutImage", arn("ecr", "repository/biojobs-dev/fastqc"), {}, True),
    ("ecr:PutImage", arn("ecr", "repository/biojobs-prod/fastqc"), {}, False),
    ("kms:CreateKey", "*", OURS_SOON, True),
    ("kms:CreateKey", "*", {}, False),
    ("kms:ScheduleKeyDeletion", KEY, OURS, True),
    ("kms:ScheduleKeyDeletion", KEY, {}, False),
    ("kms:PutKeyPolicy", KEY, {}, False),
    ("kms:EnableKeyRotation", KEY, {}, True),
    ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}, True),
    ("kms:CreateGrant", KEY, OURS, False),
    ("kms:Decrypt", KEY, {"kms:ResourceAliases": ["alias/biojobs-state"]}, True),
    ("kms:Decrypt", KEY, {"kms:ResourceAliases": ["alias/biojobs-dev"]}, False),
    ("kms:Decrypt", KEY, OURS, False),
    ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/containerinsights/biojobs-dev/host"), {}, True),
    ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/x"), {}, False),
    ("cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:biojobs-dev-failed-runs"), {}, True),
    ("cloudwatch:PutDashboard", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/biojobs-dev", {}, True),
    ("sns:CreateTopic", arn("sns", "biojobs-dev-alarms"), {}, True),
    ("sns:Publish", arn("sns", "biojobs-dev-alarms"), {}, False),
    ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/biojobs-dev", {}, True),
    ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/company", {}, False),
]


@pytest.mark.parametrize(("action", "resource", "context", "allowed"), TABLE)
def test_the_program_may_touch_what_is_the_stack_s_own_and_no_more(
    action: str, resource: str, context: Mapping[str, Any], allowed: bool
) -> None:
    assert allows(ALL.values(), Request(action, resource, context)) is allowed


def test_roles_get_only_policies_that_are_allowed_to_be_attached() -> None:
    named = {
        found
        for file in SOURCES
        if file.name != "permissions.py"
        for found in re.findall(r'"((?:service-role/)?Amazon(?:EKS|EC2|EBS|SSM)\w+)"', file.read_text())
    }
    # This one is of EKS and no policy of IAM.
    assert named - {"AmazonEKSClusterAdminPolicy"} == set(permissions.MANAGED)


def test_policies_of_aws_have_the_names_that_aws_gave_them() -> None:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    known: dict[str, dict[str, str]] = json.loads(aws_managed_policies_data)
    for path, _, name in (policy.rpartition("/") for policy in permissions.MANAGED):
        assert known[name]["Path"] == (f"/{path}/" if path else "/"), name


def test_pulumi_s_state_can_be_read_and_written_where_the_backend_keeps_it() -> None:
    file = f"arn:aws:s3:::{backend.bucket_name(ACCOUNT, REGION)}/.pulumi/stacks/biojobs/dev.json"
    for action in ("s3:GetObject", "s3:PutObject"):
        assert allows(ALL.values(), Request(action, file))
    secret = Request("kms:Decrypt", KEY, {"kms:ResourceAliases": [backend.KEY_ALIAS]})
    assert allows(ALL.values(), secret)
    assert allows([PREVIEW], secret)


def test_a_preview_reads_and_changes_nothing() -> None:
    for where, statement in statements({"preview": PREVIEW}):
        for action in statement["Action"]:
            assert permissions.is_read(action) or action == "kms:Decrypt", (where, action)
    for action, resource, context, _ in TABLE:
        if not permissions.is_read(action) and action != "kms:Decrypt":
            assert not allows([PREVIEW], Request(action, resource, context)), action


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("biojobs-dev-reads-1-eu/a.fq", True),
        ("biojobs-state-1/.pulumi/stacks/biojobs/dev.json", True),
        ("biojobs-dev-results-1-eu/S1/S1.bam", False),
        ("biojobs-prod-reads-1-eu/a.fq", False),
    ],
)
def test_a_preview_sees_state_and_inputs_and_no_results(resource: str, allowed: bool) -> None:
    assert allows([PREVIEW], Request("s3:GetObject", f"arn:aws:s3:::{resource}")) is allowed


PREVIEW_SUBJECT = "repo:octo-org/genomes:environment:preview"


@pytest.mark.parametrize(
    ("subject", "audience", "allowed"),
    [
        (PREVIEW_SUBJECT, "sts.amazonaws.com", True),
        (PREVIEW_SUBJECT, "somebody", False),
        ("repo:octo-org/genomes:pull_request", "sts.amazonaws.com", False),
        ("repo:octo-org/genomes:ref:refs/heads/main", "sts.amazonaws.com", False),
        ("repo:octo-org/genomes-2:environment:preview", "sts.amazonaws.com", False),
    ],
)
def test_the_preview_s_role_trusts_one_subject_exactly(subject: str, audience: str, allowed: bool) -> None:
    trust = preview_role_trust(ACCOUNT, PREVIEW_SUBJECT)
    issuer = "token.actions.githubusercontent.com"
    provider = f"Federated:arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
    context = {f"{issuer}:sub": subject, f"{issuer}:aud": audience}
    assert allows([trust], Request("sts:AssumeRoleWithWebIdentity", "", context, provider)) is allowed


@pytest.mark.parametrize("subject", ["repo:o@1/n@2:environment:preview", "repo:o/n:ref:refs/heads/preview/x"])
def test_subjects_of_new_repositories_and_of_branches_are_taken(subject: str) -> None:
    assert subject in json.dumps(preview_role_trust(ACCOUNT, subject))


@pytest.mark.parametrize(
    "subject",
    [
        "repo:o/n:pull_request",
        "repo:o/n:*",
        "repo:o/*:environment:preview",
        "repo:o/n:environment:*",
        "repo:o/n:ref:refs/pull/1/merge",
        "repo:o/n",
        "",
    ],
)
def test_a_subject_that_others_could_have_is_refused_with_a_remedy(subject: str) -> None:
    with pytest.raises(ValueError, match="pull requests must not be trusted"):
        preview_role_trust(ACCOUNT, subject)


def test_one_policy_can_be_had_for_one_stack(capsys: pytest.CaptureFixture[str]) -> None:
    permissions.main(["data", "--account", ACCOUNT, "--region", REGION, "--stack", "dev"])
    assert json.loads(capsys.readouterr().out) == ALL["data"]
    permissions.main(["look", "--bucket", "lab-reads"])
    assert "arn:aws:s3:::lab-reads/*" in capsys.readouterr().out
    permissions.main(["preview"])
    assert json.loads(capsys.readouterr().out) == preview_policy(Place())
    permissions.main(["trust", "--account", ACCOUNT, "--subject", PREVIEW_SUBJECT])
    assert json.loads(capsys.readouterr().out) == preview_role_trust(ACCOUNT, PREVIEW_SUBJECT)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trust", "--subject", PREVIEW_SUBJECT], "--account with twelve digits"),
        (["trust", "--account", ACCOUNT, "--subject", "repo:o/n:pull_request"], "pull requests must not be trusted"),
        (["nothing"], "invalid choice"),
    ],
)
def test_what_cannot_be_printed_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        permissions.main(arguments)
    assert said in capsys.readouterr().err
