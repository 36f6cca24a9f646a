"""What each identity may do and may not, asked of its document with requests as AWS gets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.aws import policies
from components.aws.policies import Document, Workload
from tests.iam import NotUnderstood, Request, allows

BUCKETS = {"reads": "b-reads", "reference": "b-reference", "results": "b-results"}
PAID = ("paid-one", "paid-two")
ACCOUNT, REGION, CLUSTER = "123456789012", "eu-west-1", "biojobs-dev"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"

IDENTITIES: dict[str, Document] = {
    "runner": policies.runner("aws", BUCKETS, PAID),
    "reader": policies.reader("aws", BUCKETS),
    "argo": policies.argo_logs("aws", BUCKETS["results"]),
    "autoscaler": policies.autoscaler("aws", REGION, ACCOUNT, CLUSTER),
}
TLS = {"aws:SecureTransport": "true"}


def group(name: str) -> str:
    return f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1-2-3:autoScalingGroupName/{name}"


def owned(cluster: str) -> dict[str, str]:
    return {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned", **TLS}


TABLE = [
    # who, action, resource (of S3 without its arn), context, allowed
    ("runner", "s3:GetObject", "b-reads/a_1.fastq.gz", TLS, True),
    ("runner", "s3:GetObject", "b-reference/hg38-1/reference.fa", TLS, True),
    ("runner", "s3:GetObject", "b-results/S1/S1.bam", TLS, True),
    ("runner", "s3:GetObject", "paid-one/phase3/a.fastq.gz", TLS, True),
    ("runner", "s3:GetObject", "somebody-elses/a.fastq.gz", TLS, False),
    ("runner", "s3:GetObject", "1000genomes/a.fastq.gz", TLS, False),
    ("runner", "s3:GetObject", "b-reads-of-others/a.fastq.gz", TLS, False),
    ("runner", "s3:GetObject", "b-reads/a_1.fastq.gz", {"aws:SecureTransport": "false"}, False),
    ("runner", "s3:ListBucket", "b-results", TLS, True),
    ("runner", "s3:ListBucket", "paid-two", TLS, True),
    ("runner", "s3:ListBucket", "somebody-elses", TLS, False),
    ("runner", "s3:PutObject", "b-results/S1/S1.bam", TLS, True),
    ("runner", "s3:PutObject", "b-results/.logs/run/pod/main.log", TLS, True),
    ("runner", "s3:PutObject", "b-reference/hg38-1/reference.fa.0123", TLS, True),
    ("runner", "s3:AbortMultipartUpload", "b-results/S1/S1.bam", TLS, True),
    ("runner", "s3:PutObject", "b-reads/a_1.fastq.gz", TLS, False),
    ("runner", "s3:PutObject", "paid-one/a", TLS, False),
    ("runner", "s3:DeleteObject", "b-results/S1/.steps/align.json", TLS, True),
    ("runner", "s3:DeleteObject", "b-reference/hg38-1/index.json", TLS, True),
    ("runner", "s3:DeleteObject", "b-reference/hg38-1/.building/reference-1.2.json", TLS, True),
    ("runner", "s3:DeleteObject", "b-reference/hg38-1/reference.fa", TLS, False),
    ("runner", "s3:DeleteObject", "b-results/S1/S1.bam", TLS, False),
    ("runner", "s3:DeleteObject", "b-results/S1/run.json", TLS, False),
    ("runner", "s3:DeleteObject", "b-reads/a_1.fastq.gz", TLS, False),
    ("runner", "s3:DeleteObjectVersion", "b-results/S1/.steps/align.json", TLS, False),
    ("runner", "s3:PutBucketPolicy", "b-results", TLS, False),
    ("runner", "s3:PutObjectAcl", "b-results/S1/S1.bam", TLS, False),
    ("runner", "s3:ListAllMyBuckets", "*", TLS, False),
    ("reader", "s3:GetObject", "b-reads/a_1.fastq.gz", TLS, True),
    ("reader", "s3:GetObject", "b-results/S1/S1.bam", TLS, True),
    ("reader", "s3:ListBucket", "b-reference", TLS, True),
    ("reader", "s3:PutObject", "b-results/S1/S1.bam", TLS, False),
    ("reader", "s3:DeleteObject", "b-results/S1/.steps/align.json", TLS, False),
    ("reader", "s3:GetObject", "paid-one/a", TLS, False),
    ("argo", "s3:GetObject", "b-results/.logs/run/pod/main.log", TLS, True),
    ("argo", "s3:GetObject", "b-results/.logs/run/pod/main.log", {"aws:SecureTransport": "false"}, False),
    ("argo", "s3:ListBucket", "b-results", {"s3:prefix": ".logs/run/pod", **TLS}, True),
    ("argo", "s3:ListBucket", "b-results", {"s3:prefix": "S1/", **TLS}, False),
    ("argo", "s3:ListBucket", "b-results", TLS, False),
    ("argo", "s3:GetObject", "b-results/S1/S1.bam", TLS, False),
    ("argo", "s3:PutObject", "b-results/.logs/run/pod/main.log", TLS, False),
    ("argo", "s3:GetObject", "b-reads/.logs/x", TLS, False),
    ("autoscaler", "autoscaling:DescribeAutoScalingGroups", "*", TLS, True),
    ("autoscaler", "ec2:DescribeInstanceTypes", "*", TLS, True),
    ("autoscaler", "autoscaling:SetDesiredCapacity", group("eks-spot-large"), owned(CLUSTER), True),
    ("autoscaler", "autoscaling:TerminateInstanceInAutoScalingGroup", group("eks-huge"), owned(CLUSTER), True),
    ("autoscaler", "autoscaling:SetDesiredCapacity", group("eks-spot-large"), owned("biojobs-prod"), False),
    ("autoscaler", "autoscaling:SetDesiredCapacity", group("web"), TLS, False),
    ("autoscaler", "autoscaling:UpdateAutoScalingGroup", group("eks-spot-large"), owned(CLUSTER), False),
    ("autoscaler", "eks:DescribeNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/{CLUSTER}/huge/1", TLS, True),
    ("autoscaler", "eks:DescribeNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/other/huge/1", TLS, False),
    ("autoscaler", "ec2:TerminateInstances", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1", TLS, False),
    ("autoscaler", "s3:GetObject", "b-reads/a_1.fastq.gz", TLS, False),
]


@pytest.mark.parametrize(("who", "action", "resource", "context", "allowed"), TABLE)
def test_an_identity_may_do_its_own_work_and_no_more(
    who: str, action: str, resource: str, context: Mapping[str, str], allowed: bool
) -> None:
    arn = f"arn:aws:s3:::{resource}" if action.startswith("s3:") else resource
    assert allows([IDENTITIES[who]], Request(action, arn, context)) is allowed


def allowances() -> Iterator[tuple[str, dict[str, Any]]]:
    for who, document in IDENTITIES.items():
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                yield f"{who}/{statement['Sid']}", statement


def test_no_policy_has_a_wildcard_on_data() -> None:
    for where, statement in allowances():
        assert not any("*" in action for action in statement["Action"]), where
        data = [resource for resource in statement["Resource"] if ":s3:" in resource or resource == "*"]
        if any(action.startswith("s3:") for action in statement["Action"]):
            assert all(re.match(r"arn:aws:s3:::[a-z0-9-]+(/|$)", resource) for resource in data), where


def test_only_descriptions_know_no_resource() -> None:
    unbounded = [(where, found) for where, found in allowances() if "*" in found["Resource"]]
    assert [where for where, _ in unbounded] == ["autoscaler/See"]
    assert all(re.search(":(Describe|Get)", action) for action in unbounded[0][1]["Action"])


def test_every_statement_says_what_it_is_for() -> None:
    for who, document in IDENTITIES.items():
        names = [statement.get("Sid", "") for statement in document["Statement"]]
        assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names), who
        assert len(set(names)) == len(names), who


def test_documents_fit_into_a_role() -> None:
    for who, document in IDENTITIES.items():
        assert len(json.dumps(document, separators=(",", ":"))) < 10_240, who


def test_without_buckets_whose_readers_pay_there_is_no_statement_for_them() -> None:
    document = policies.runner("aws", BUCKETS)
    assert not [statement for statement in document["Statement"] if "Paid" in statement["Sid"]]
    assert all(statement["Resource"] for statement in document["Statement"])


def test_other_partitions_have_their_own_arns() -> None:
    text = json.dumps(policies.runner("aws-cn", BUCKETS, PAID))
    assert "arn:aws:" not in text
    assert policies.managed("aws-us-gov", "AmazonEKS_CNI_Policy").startswith("arn:aws-us-gov:iam::aws:policy/")


POD = {
    "aws:SourceAccount": ACCOUNT,
    "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
    "aws:RequestTag/kubernetes-namespace": "biojobs",
    "aws:RequestTag/kubernetes-service-account": "runner",
}
TOKEN = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "system:serviceaccount:biojobs:runner"}


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:TagSession"])
def test_pod_identity_hands_a_role_to_its_service_account(action: str) -> None:
    trust = policies.pod_identity_trust(ACCOUNT, CLUSTER_ARN, Workload("biojobs", "runner"))
    assert allows([trust], Request(action, "", POD, "Service:pods.eks.amazonaws.com"))
    assert not allows([trust], Request(action, "", POD, "Service:ec2.amazonaws.com"))
    assert not allows([trust], Request(action, "", {}, "Service:pods.eks.amazonaws.com"))


@pytest.mark.parametrize(
    "other",
    [
        {"aws:SourceAccount": "999999999999"},
        {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN.replace("dev", "prod")},
        {"aws:RequestTag/kubernetes-namespace": "default"},
        {"aws:RequestTag/kubernetes-service-account": "reader"},
    ],
)
def test_another_account_cluster_namespace_or_service_account_gets_no_role(other: dict[str, str]) -> None:
    trust = policies.pod_identity_trust(ACCOUNT, CLUSTER_ARN, Workload("biojobs", "runner"))
    assert not allows([trust], Request("sts:AssumeRole", "", {**POD, **other}, "Service:pods.eks.amazonaws.com"))


@pytest.mark.parametrize(
    ("other", "allowed"),
    [
        ({}, True),
        ({f"{ISSUER}:aud": "somebody"}, False),
        ({f"{ISSUER}:sub": "system:serviceaccount:default:runner"}, False),
        ({f"{ISSUER}:sub": "system:serviceaccount:biojobs:runner2"}, False),
    ],
)
def test_a_token_of_the_cluster_takes_the_role_of_its_own_service_account_alone(
    other: dict[str, str], allowed: bool
) -> None:
    trust = policies.irsa_trust(PROVIDER, ISSUER, Workload("biojobs", "runner"))
    request = Request("sts:AssumeRoleWithWebIdentity", "", {**TOKEN, **other}, f"Federated:{PROVIDER}")
    assert allows([trust], request) is allowed
    assert not allows([trust], Request("sts:AssumeRole", "", TOKEN, f"Federated:{PROVIDER}"))


def test_the_evaluator_refuses_what_it_does_not_understand() -> None:
    def document(**more: Any) -> Document:
        return {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*", **more}]}

    request = Request("s3:GetObject", "arn:aws:s3:::b/k")
    assert allows([document()], request)
    for strange in (
        document(Condition={"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}),
        document(Resource="arn:aws:s3:::b/${aws:username}/*"),
        document(Teapot=True),
        document(Effect="Maybe"),
    ):
        with pytest.raises(NotUnderstood):
            allows([strange], request)


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"K": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "a/b:c"}, True),
        ({"ArnLike": {"k": "arn:aws:sns:*:1:t"}}, {"k": "arn:aws:sns:eu:1:t"}, True),
        ({"ArnLike": {"k": "arn:aws:*:t"}}, {"k": "arn:aws:sns:eu:1:t"}, False),
        ({"Bool": {"k": "false"}}, {"k": "False"}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "a"}, False),
        ({"IpAddress": {"k": "192.0.2.0/24"}}, {"k": "192.0.2.9"}, True),
        ({"NotIpAddress": {"k": "192.0.2.0/24"}}, {"k": "192.0.2.9"}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, True),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "false"}, False),
    ],
)
def test_the_evaluator_knows_the_conditions_that_are_used(
    condition: dict[str, Any], context: dict[str, Any], holds: bool
) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}]}
    assert allows([document], Request("s3:GetObject", "x", context)) is holds


def test_a_denial_beats_every_allowance() -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    denial = {"Statement": [{"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}]}
    assert allows([everything, denial], Request("s3:GetObject", "x"))
    assert not allows([everything, denial], Request("s3:PutObject", "x"))
