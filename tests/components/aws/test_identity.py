"""Roles of service accounts, by Pod Identity and by IRSA."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pytest

from components.aws.identity import ROLE_ANNOTATION, Identities, WorkloadRole
from tests.components.aws.conftest import ACCOUNT, REGION, AwsRecorder, MakeScope
from tests.iam import Request, allows

BUCKETS = {"reads": "b-reads", "reference": "b-reference", "results": "b-results"}
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
WORKLOADS = {
    ("biojobs", "runner"),
    ("biojobs", "reader"),
    ("argo", "argo-server"),
    ("argo", "argo-controller"),
}


class FakeCluster:
    def __init__(self) -> None:
        self.name = pulumi.Output.from_input("biojobs-dev")
        self.oidc_provider_arn = pulumi.Output.from_input(PROVIDER)
        self.oidc_issuer = pulumi.Output.from_input(ISSUER)


def built(aws_mock: AwsRecorder, scope: MakeScope, payers: Sequence[str] = (), **keys: Any) -> Identities:
    made: list[Identities] = []
    aws_mock.build(lambda: made.append(Identities("dev-identities", scope(**keys), FakeCluster(), BUCKETS, payers)))
    return made[0]


def trust(aws_mock: AwsRecorder, service_account: str) -> dict[str, Any]:
    return json.loads(aws_mock.one("Role", f"dev-identities-{service_account}-role")["assumeRolePolicy"])


def test_every_service_account_has_a_role_of_its_own_named_after_it(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    built(aws_mock, scope)
    assert {role["name"] for role in aws_mock.of("Role").values()} == {
        f"biojobs-dev-{service_account}" for _, service_account in WORKLOADS
    }


def test_pod_identity_associates_each_role_with_its_service_account(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = built(aws_mock, scope)
    found = aws_mock.of("PodIdentityAssociation").values()
    assert {(one["namespace"], one["serviceAccount"]) for one in found} == WORKLOADS
    assert {one["clusterName"] for one in found} == {"biojobs-dev"}
    assert all(one["roleArn"].endswith(f"biojobs-dev-{one['serviceAccount']}") for one in found)
    assert (made.identity.runner, made.identity.reader, made.identity.argo_server) == ({}, {}, {})
    assert made.identity.agent == ("169.254.170.23", 80)


def test_a_role_is_handed_out_only_when_it_may_do_its_work(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    built(aws_mock, scope)
    before = aws_mock.options["dev-identities-runner-association"].depends_on
    assert {"dev-identities-runner-role", "dev-identities-runner-policy"} <= before


def test_pods_wait_for_all_that_their_credentials_need(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = built(aws_mock, scope)
    kinds = [type(resource).__name__ for resource in made.ready]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "Role": 4,
        "RolePolicy": 4,
        "PodIdentityAssociation": 4,
    }


def test_a_role_trusts_pods_of_this_cluster_alone(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    built(aws_mock, scope)
    asked = {
        "aws:SourceAccount": ACCOUNT,
        "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/biojobs-dev",
        "aws:RequestTag/kubernetes-namespace": "argo",
        "aws:RequestTag/kubernetes-service-account": "argo-server",
    }
    service = "Service:pods.eks.amazonaws.com"
    assert allows([trust(aws_mock, "argo-server")], Request("sts:AssumeRole", "", asked, service))
    assert not allows([trust(aws_mock, "runner")], Request("sts:AssumeRole", "", asked, service))
    other = {**asked, "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/other"}
    assert not allows([trust(aws_mock, "argo-server")], Request("sts:AssumeRole", "", other, service))


def test_with_irsa_the_cluster_s_tokens_are_trusted_and_accounts_are_annotated(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    made = built(aws_mock, scope, pod_identity=False)
    assert not aws_mock.of("PodIdentityAssociation")
    assert made.identity.agent is None
    for found in (made.identity.runner, made.identity.reader, made.identity.argo_server, made.identity.argo_controller):
        assert list(found or {}) == [ROLE_ANNOTATION]
    token = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "system:serviceaccount:biojobs:runner"}
    request = Request("sts:AssumeRoleWithWebIdentity", "", token, f"Federated:{PROVIDER}")
    assert allows([trust(aws_mock, "runner")], request)
    assert not allows([trust(aws_mock, "reader")], request)
    assert "pods.eks.amazonaws.com" not in json.dumps(trust(aws_mock, "runner"))


@pytest.mark.parametrize(
    ("who", "action", "key", "allowed"),
    [
        ("runner", "s3:PutObject", "b-results/S1/S1.bam", True),
        ("runner", "s3:PutObject", "b-reads/a.fastq.gz", False),
        ("runner", "s3:GetObject", "a-paid-bucket/a", True),
        ("runner", "s3:GetObject", "1000genomes/a", False),
        ("reader", "s3:PutObject", "b-results/S1/S1.bam", False),
        ("argo-server", "s3:GetObject", "b-results/.logs/run/pod/main.log", True),
        ("argo-server", "s3:GetObject", "b-results/S1/S1.bam", False),
        ("argo-controller", "s3:GetObject", "b-results/.logs/run/pod/main.log", True),
        ("argo-controller", "s3:GetObject", "b-results/S1/S1.bam", False),
    ],
)
def test_each_role_has_its_own_policy(
    aws_mock: AwsRecorder, scope: MakeScope, who: str, action: str, key: str, allowed: bool
) -> None:
    built(aws_mock, scope, payers=["a-paid-bucket"])
    document = json.loads(aws_mock.one("RolePolicy", f"dev-identities-{who}-policy")["policy"])
    context = {"aws:SecureTransport": "true"}
    assert allows([document], Request(action, f"arn:aws:s3:::{key}", context)) is allowed


def test_a_role_of_an_add_on_takes_managed_policies_and_no_association(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"

    def make() -> None:
        WorkloadRole(
            "dev-ebs",
            scope(),
            FakeCluster(),
            "kube-system",
            "ebs-csi-controller-sa",
            managed_policies=[arn],
            associate=False,
        )

    aws_mock.build(make)
    (attached,) = aws_mock.of("RolePolicyAttachment").values()
    assert (attached["policyArn"], attached["role"]) == (arn, "biojobs-dev-ebs-csi-controller-sa")
    assert not aws_mock.of("PodIdentityAssociation")
    assert not aws_mock.of("RolePolicy")


def test_a_policy_that_is_known_later_is_taken_too(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    later = pulumi.Output.from_input("b").apply(
        lambda name: {"Version": "2012-10-17", "Statement": [{"Sid": "S", "Resource": name}]}
    )
    aws_mock.build(lambda: WorkloadRole("dev-x", scope(), FakeCluster(), "biojobs", "x", later))
    assert json.loads(aws_mock.one("RolePolicy", "dev-x-policy")["policy"])["Statement"][0]["Resource"] == "b"
