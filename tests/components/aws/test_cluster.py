"""The control plane: who may reach it, who administers it, and what it keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

import versions
from components.aws.cluster import endpoint_access
from tests.components.aws.conftest import ACCOUNT, AwsRecorder, MakeScope
from tests.components.aws.stack import SUBNETS, build, known

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
LOG_GROUP = "dev-cluster-logs"


def cluster(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> dict[str, Any]:
    build(aws_mock, scope, **keys)
    return aws_mock.one("Cluster", "dev-cluster-cluster")


def test_the_cluster_is_of_the_wanted_version_and_never_in_paid_support(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    made = cluster(aws_mock, scope, kubernetes="1.36")
    assert (made["name"], made["version"]) == ("biojobs-dev", "1.36")
    assert made["upgradePolicy"] == {"supportType": "STANDARD"}
    assert made["deletionProtection"] is False


def test_the_public_endpoint_is_never_open_to_everyone(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = cluster(aws_mock, scope, adminCidrs=["192.0.2.7/32", "198.51.100.0/24"])["vpcConfig"]
    assert made["endpointPublicAccess"] is True
    # EKS reads an endpoint without a list as one for everyone.
    assert made["publicAccessCidrs"] == ["192.0.2.7/32", "198.51.100.0/24"]


def test_without_administrators_networks_there_is_no_public_endpoint(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = cluster(aws_mock, scope, adminCidrs=[])["vpcConfig"]
    assert made["endpointPublicAccess"] is False
    assert made["endpointPrivateAccess"] is True


@pytest.mark.parametrize("cidrs", [[], ["192.0.2.7/32"]])
def test_the_vpc_always_reaches_the_cluster(cidrs: list[str]) -> None:
    assert endpoint_access(cidrs, SUBNETS).get("endpoint_private_access") is True


def test_the_control_plane_is_in_the_private_subnets(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert cluster(aws_mock, scope)["vpcConfig"]["subnetIds"] == list(SUBNETS)


def test_secrets_are_encrypted_with_the_stacks_key(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = cluster(aws_mock, scope)["encryptionConfig"]
    assert made["resources"] == ["secrets"]
    assert made["provider"]["keyArn"].startswith("arn:aws:kms:")


def test_all_five_logs_are_kept_for_as_long_as_wanted_and_encrypted(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = cluster(aws_mock, scope, logDays=90)
    assert set(made["enabledClusterLogTypes"]) == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    group = aws_mock.one("LogGroup", LOG_GROUP)
    assert (group["name"], group["retentionInDays"]) == ("/aws/eks/biojobs-dev/cluster", 90)
    assert group["kmsKeyId"].startswith("arn:aws:kms:")


def test_the_log_group_is_there_before_eks_would_make_one_without_retention(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    cluster(aws_mock, scope)
    assert LOG_GROUP in aws_mock.options["dev-cluster-cluster"].depends_on


@pytest.mark.parametrize("keep", [True, False])
def test_logs_are_kept_or_go_with_the_stack_as_wanted(aws_mock: AwsRecorder, scope: MakeScope, keep: bool) -> None:
    cluster(aws_mock, scope, keepLogs=keep)
    options = aws_mock.options[LOG_GROUP]
    assert (options.protect, options.retain_on_delete) == (keep, keep)


def test_access_is_by_entries_alone_and_the_creator_is_let_in(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert cluster(aws_mock, scope)["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }


def test_every_named_administrator_administers_the_whole_cluster(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    arns = [f"arn:aws:iam::{ACCOUNT}:role/team/Admin", f"arn:aws:iam::{ACCOUNT}:user/Admin"]
    cluster(aws_mock, scope, adminArns=arns)
    entries, policies = aws_mock.of("AccessEntry").values(), aws_mock.of("AccessPolicyAssociation").values()
    assert sorted(entry["principalArn"] for entry in entries) == sorted(arns)
    assert sorted(policy["principalArn"] for policy in policies) == sorted(arns)
    for policy in policies:
        assert policy["policyArn"].endswith("cluster-access-policy/AmazonEKSClusterAdminPolicy")
        assert policy["accessScope"] == {"type": "cluster"}
    # Whoever runs the next `up` may be one of them: nothing is put into the cluster before.
    assert set(aws_mock.of("AccessPolicyAssociation")) <= aws_mock.options["dev-nodes-system"].depends_on


def test_the_cluster_role_has_one_policy_and_only_eks_takes_it(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    cluster(aws_mock, scope)
    role = aws_mock.one("Role", "dev-cluster-role")
    (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "eks.amazonaws.com"}
    attached = [one for one in aws_mock.of("RolePolicyAttachment").values() if one["role"] == role["name"]]
    assert [one["policyArn"] for one in attached] == ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]
    # Without it EKS could not take its network interfaces away again.
    assert "dev-cluster-policy" in aws_mock.options["dev-cluster-cluster"].depends_on


def test_iam_trusts_the_clusters_tokens_for_sts_alone(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = build(aws_mock, scope)
    provider = aws_mock.one("OpenIdConnectProvider", "dev-cluster-oidc")
    assert (provider["url"], provider["clientIdLists"]) == (f"https://{ISSUER}", ["sts.amazonaws.com"])
    assert known(made.cluster.oidc_issuer) == ISSUER
    assert known(made.cluster.oidc_provider_arn) == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def test_a_kubeconfig_asks_for_a_token_and_has_none(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = json.loads(known(build(aws_mock, scope).cluster.kubeconfig))
    (user,) = made["users"]
    assert list(user["user"]) == ["exec"]
    assert user["user"]["exec"]["args"][:5] == ["--region", "eu-west-1", "eks", "get-token", "--cluster-name"]
    assert made["clusters"][0]["cluster"]["server"].startswith("https://")
    assert made["current-context"] == "biojobs-dev"


def test_every_version_that_can_be_chosen_has_its_addons_and_its_autoscaler() -> None:
    for version in versions.EKS_STANDARD:
        assert versions.EKS_ADDONS[version]["kube-proxy"].startswith(f"v{version}.")
        assert versions.CLUSTER_AUTOSCALER[version].startswith(f"v{version}.")
