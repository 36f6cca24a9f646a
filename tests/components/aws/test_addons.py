"""EKS's managed add-ons."""

from __future__ import annotations

import json
from typing import Any

import pytest

import versions
from components.aws.identity import ROLE_ANNOTATION
from tests.components.aws.conftest import AwsRecorder, MakeScope
from tests.components.aws.stack import build

WITH_ROLE = {
    "vpc-cni": ("aws-node", "AmazonEKS_CNI_Policy"),
    "aws-ebs-csi-driver": ("ebs-csi-controller-sa", "AmazonEBSCSIDriverPolicyV2"),
}


def addons(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> dict[str, dict[str, Any]]:
    build(aws_mock, scope, **keys)
    return {addon["addonName"]: addon for addon in aws_mock.of("Addon").values()}


def configuration(addon: dict[str, Any]) -> dict[str, Any]:
    return json.loads(addon["configurationValues"])


@pytest.mark.parametrize("kubernetes", versions.EKS_STANDARD)
def test_every_addon_is_pinned_for_the_clusters_version(
    aws_mock: AwsRecorder, scope: MakeScope, kubernetes: str
) -> None:
    made = addons(aws_mock, scope, kubernetes=kubernetes)
    assert {name: addon["addonVersion"] for name, addon in made.items()} == versions.EKS_ADDONS[kubernetes]


def test_eks_installs_nothing_of_its_own_because_all_is_pinned_here(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert {"vpc-cni", "kube-proxy", "coredns"} <= set(addons(aws_mock, scope))
    assert aws_mock.one("Cluster", "dev-cluster-cluster")["bootstrapSelfManagedAddons"] is False


def test_network_policies_are_enforced(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert configuration(addons(aws_mock, scope)["vpc-cni"])["enableNetworkPolicy"] == "true"


def test_the_network_is_there_before_the_nodes_and_names_and_volumes_come_after(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    addons(aws_mock, scope)
    before = {"dev-addons-vpc-cni", "dev-addons-kube-proxy", "dev-addons-eks-pod-identity-agent"}
    for group in aws_mock.of("NodeGroup"):
        assert before <= aws_mock.options[group].depends_on
    for addon in ("dev-addons-coredns", "dev-addons-aws-ebs-csi-driver"):
        assert set(aws_mock.of("NodeGroup")) <= aws_mock.options[addon].depends_on


def test_system_pods_never_sit_on_spot(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = addons(aws_mock, scope)
    on_system = {"biojobs/pool": "system"}
    assert configuration(made["coredns"])["nodeSelector"] == on_system
    assert configuration(made["aws-ebs-csi-driver"])["controller"]["nodeSelector"] == on_system
    # What tolerates no taint, as all others, has the system pool alone; that one is never spot.
    untainted = [name for name, group in aws_mock.of("NodeGroup").items() if not group.get("taints")]
    assert untainted == ["dev-nodes-system"]
    assert aws_mock.one("NodeGroup", "dev-nodes-system")["capacityType"] == "ON_DEMAND"


@pytest.mark.parametrize("addon", WITH_ROLE)
def test_an_addon_calls_aws_by_a_role_of_its_own(aws_mock: AwsRecorder, scope: MakeScope, addon: str) -> None:
    made = addons(aws_mock, scope)[addon]
    service_account, policy = WITH_ROLE[addon]
    (identity,) = made["podIdentityAssociations"]
    assert identity["serviceAccount"] == service_account
    assert identity["roleArn"].endswith(f"biojobs-dev-{service_account}")
    assert made.get("serviceAccountRoleArn") is None
    attached = {one["role"]: one["policyArn"] for one in aws_mock.of("RolePolicyAttachment").values()}
    # Some of AWS's policies are under service-role/, these are not.
    assert attached[f"biojobs-dev-{service_account}"] == f"arn:aws:iam::aws:policy/{policy}"


def test_eks_makes_the_associations_of_its_addons_itself(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    addons(aws_mock, scope)
    accounts = {one["serviceAccount"] for one in aws_mock.of("PodIdentityAssociation").values()}
    assert accounts == {"cluster-autoscaler"}


def test_without_pod_identity_addons_take_roles_by_token_and_there_is_no_agent(
    aws_mock: AwsRecorder, scope: MakeScope
) -> None:
    made = addons(aws_mock, scope, podIdentity=False)
    assert "eks-pod-identity-agent" not in made
    for addon, (service_account, _) in WITH_ROLE.items():
        assert made[addon]["serviceAccountRoleArn"].endswith(f"biojobs-dev-{service_account}")
        assert made[addon].get("podIdentityAssociations") is None
    trust = json.loads(aws_mock.one("Role", "dev-addons-vpc-cni-role")["assumeRolePolicy"])
    assert "system:serviceaccount:kube-system:aws-node" in str(trust)
    values = aws_mock.one("Release", "dev-autoscaler-release")["values"]
    assert values["rbac"]["serviceAccount"]["annotations"][ROLE_ANNOTATION].endswith("biojobs-dev-cluster-autoscaler")


def test_an_addon_leaves_nothing_behind(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert all(addon["preserve"] is False for addon in addons(aws_mock, scope).values())
