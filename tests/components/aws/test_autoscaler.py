"""The Cluster Autoscaler's release."""

from __future__ import annotations

import re
from typing import Any

import pytest

import versions
from components.aws.autoscaler import chart_values, pinned_image
from tests.components.aws.conftest import AwsRecorder, MakeScope
from tests.components.aws.stack import build, known


def release(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> dict[str, Any]:
    build(aws_mock, scope, **keys)
    return aws_mock.one("Release", "dev-autoscaler-release")


def test_the_chart_is_pinned_and_comes_from_its_project(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = release(aws_mock, scope)
    assert (made["chart"], made["version"]) == ("cluster-autoscaler", versions.CLUSTER_AUTOSCALER_CHART)
    assert made["repositoryOpts"] == {"repo": "https://kubernetes.github.io/autoscaler"}
    assert (made["name"], made["namespace"]) == ("cluster-autoscaler", "kube-system")


@pytest.mark.parametrize("kubernetes", versions.EKS_STANDARD)
def test_the_autoscaler_is_of_the_clusters_minor_version(
    aws_mock: AwsRecorder, scope: MakeScope, kubernetes: str
) -> None:
    image = release(aws_mock, scope, kubernetes=kubernetes)["values"]["image"]
    assert image["repository"] == "registry.k8s.io/autoscaling/cluster-autoscaler"
    assert image["tag"].startswith(f"v{kubernetes}.")


@pytest.mark.parametrize(
    "image", [pinned_image("1.35"), f"1.dkr.ecr.x.amazonaws.com/a@sha256:{'0' * 64}", "localhost:5000/a:v1"]
)
def test_any_reference_of_an_image_is_what_the_chart_writes(
    aws_mock: AwsRecorder, scope: MakeScope, image: str
) -> None:
    made: list[Any] = []
    aws_mock.build(lambda: made.append(chart_values(scope(), image, {})["image"]))
    # The chart writes {repository}:{tag}.
    assert f"{known(made[0]['repository'])}:{known(made[0]['tag'])}" == image


def test_the_autoscaler_finds_this_clusters_groups_alone(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    values = release(aws_mock, scope)["values"]
    assert values["autoDiscovery"] == {"clusterName": "biojobs-dev"}
    assert values["awsRegion"] == "eu-west-1"


def test_the_autoscaler_itself_never_sits_on_spot(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert release(aws_mock, scope)["values"]["nodeSelector"] == {"biojobs/pool": "system"}


def test_spot_comes_before_on_demand_and_every_group_has_a_priority(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    values = release(aws_mock, scope)["values"]
    assert values["extraArgs"]["expander"] == "priority,least-waste"
    priorities: dict[str, list[str]] = values["expanderPriorities"]

    def priority(group: str) -> int:
        return max(
            int(priority) for priority, found in priorities.items() if any(re.search(one, group) for one in found)
        )

    name = "eks-dev-nodes-{}-0a1b2c3-1ec0ffee-1234-5678-9abc-def012345678"
    for size in ("small", "large"):
        assert priority(name.format(f"spot-{size}")) > priority(name.format(f"on-demand-{size}"))
    assert priority(name.format("system")) > 0


def test_a_batchs_nodes_go_soon_after_it(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    arguments = release(aws_mock, scope)["values"]["extraArgs"]
    assert arguments["scale-down-unneeded-time"] == arguments["scale-down-delay-after-add"] == "5m"
    # Steps have scratch volumes; finished ones would hold their nodes for ever.
    assert arguments["skip-nodes-with-local-storage"] == "false"


def test_the_autoscaler_is_no_root_and_cannot_change_its_image(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    values = release(aws_mock, scope)["values"]
    assert values["securityContext"]["runAsNonRoot"] is True
    assert values["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert values["containerSecurityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert values["resources"]["limits"]["memory"]


def test_its_role_is_associated_before_its_pod_starts(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    values = release(aws_mock, scope)["values"]
    assert values["rbac"]["serviceAccount"] == {"create": True, "name": "cluster-autoscaler", "annotations": {}}
    (association,) = aws_mock.of("PodIdentityAssociation").items()
    assert association[1]["serviceAccount"] == "cluster-autoscaler"
    assert association[0] in aws_mock.options["dev-autoscaler-release"].depends_on


def test_the_autoscaler_goes_before_the_nodes_and_knows_their_tags(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    release(aws_mock, scope)
    provider = aws_mock.options["dev-autoscaler-release"].provider
    after = aws_mock.options[provider].depends_on
    assert set(aws_mock.of("NodeGroup")) | set(aws_mock.of("Tag")) <= after
