"""The node groups and their launch templates."""

from __future__ import annotations

import base64
import email
import json
from typing import Any

import pytest

from components.aws.nodes import volume
from settings_aws import Pool
from tests.components.aws.conftest import ACCOUNT, REGION, AwsRecorder, MakeScope
from tests.components.aws.stack import SUBNETS, build, known
from tests.iam import Request, allows

POOLS = ("system", "spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge")
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


def groups(aws_mock: AwsRecorder, scope: MakeScope, **keys: Any) -> dict[str, dict[str, Any]]:
    """Node groups by pool."""
    build(aws_mock, scope, **keys)
    return {name.removeprefix("dev-nodes-"): group for name, group in aws_mock.of("NodeGroup").items()}


def template(aws_mock: AwsRecorder, pool: str) -> dict[str, Any]:
    return aws_mock.one("LaunchTemplate", f"dev-nodes-{pool}-template")


def tags_of(aws_mock: AwsRecorder, pool: str) -> dict[str, str]:
    """Tags of a pool's Auto Scaling group."""
    found = [tag for tag in aws_mock.of("Tag").values() if tag["autoscalingGroupName"] == f"eks-dev-nodes-{pool}"]
    return {tag["tag"]["key"]: tag["tag"]["value"] for tag in found}


def test_there_is_a_group_for_every_pool_that_is_on(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    assert set(groups(aws_mock, scope)) == set(POOLS)


def test_batches_run_on_spot_and_last_tries_and_the_system_do_not(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = groups(aws_mock, scope, pools={"gpu": {"types": ["g5.2xlarge"], "max": 2}})
    spot = {name for name, group in made.items() if group["capacityType"] == "SPOT"}
    assert spot == {"spot-small", "spot-large", "gpu"}
    assert {made[name]["capacityType"] for name in set(made) - spot} == {"ON_DEMAND"}


@pytest.mark.parametrize("pool", ["spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge"])
def test_the_large_group_can_scale_from_zero_and_so_can_all_others(
    aws_mock: AwsRecorder, scope: MakeScope, pool: str
) -> None:
    made = groups(aws_mock, scope)[pool]
    assert (made["scalingConfig"]["minSize"], made["scalingConfig"]["desiredSize"]) == (0, 0)
    # Without these the autoscaler takes an empty group's nodes for ones without label and disk, and adds none.
    tags = tags_of(aws_mock, pool)
    assert tags[f"{TEMPLATE}/label/biojobs/pool"] == pool == made["labels"]["biojobs/pool"]
    assert tags[f"{TEMPLATE}/taint/biojobs/pool"] == f"{pool}:NoSchedule"
    assert int(tags[f"{TEMPLATE}/resources/ephemeral-storage"].removesuffix("Gi")) >= 400
    assert made["taints"] == [{"key": "biojobs/pool", "value": pool, "effect": "NO_SCHEDULE"}]


def test_sizes_and_types_are_those_of_the_settings(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    wanted = {"types": ["m5.xlarge", "m6i.xlarge"], "min": 1, "max": 7}
    made = groups(aws_mock, scope, pools={"spotSmall": wanted})["spot-small"]
    assert made["instanceTypes"] == ["m5.xlarge", "m6i.xlarge"]
    assert made["scalingConfig"] == {"minSize": 1, "maxSize": 7, "desiredSize": 1}


def test_how_many_nodes_there_are_is_left_to_the_autoscaler(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope)
    for name in aws_mock.of("NodeGroup"):
        assert aws_mock.options[name].ignore_changes == ("scalingConfig.desiredSize",)


def test_tags_stay_on_the_group_and_off_its_machines(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope)
    assert not any(tag["tag"]["propagateAtLaunch"] for tag in aws_mock.of("Tag").values())


def test_the_system_group_has_nodes_and_takes_pods_that_name_no_pool(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = groups(aws_mock, scope)["system"]
    assert made["scalingConfig"]["minSize"] >= 2
    assert not made.get("taints")


def test_nodes_are_in_all_private_subnets(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    for made in groups(aws_mock, scope).values():
        assert made["subnetIds"] == list(SUBNETS)


def test_nodes_follow_the_version_of_the_cluster(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    for made in groups(aws_mock, scope, kubernetes="1.36").values():
        assert (made["version"], made["amiType"]) == ("1.36", "AL2023_x86_64_STANDARD")


def test_gpu_nodes_have_the_drivers_image(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = groups(aws_mock, scope, pools={"gpu": {"types": ["g5.2xlarge"], "max": 2}})
    assert made["gpu"]["amiType"] == "AL2023_x86_64_NVIDIA"


@pytest.mark.parametrize("pool", POOLS)
def test_no_node_can_reach_the_metadata_of_v1(aws_mock: AwsRecorder, scope: MakeScope, pool: str) -> None:
    made = groups(aws_mock, scope)[pool]
    assert template(aws_mock, pool)["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert made["launchTemplate"] == {"id": f"dev-nodes-{pool}-template-id", "version": "1"}


def test_disks_are_encrypted_and_of_the_wanted_size(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope, pools={"huge": {"types": ["r5.8xlarge"], "diskGib": 700, "throughput": 1000}})
    (disk,) = template(aws_mock, "huge")["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/xvda"
    assert (disk["ebs"]["volumeType"], disk["ebs"]["volumeSize"], disk["ebs"]["throughput"]) == ("gp3", 700, 1000)
    assert (disk["ebs"]["encrypted"], disk["ebs"]["deleteOnTermination"]) == ("true", "true")


@pytest.mark.parametrize(("throughput", "iops"), [(125, 3000), (500, 3000), (750, 3000), (751, 3004), (1000, 4000)])
def test_a_volume_has_the_iops_that_its_throughput_takes(throughput: int, iops: int) -> None:
    assert volume(Pool(types=("m5.large",), throughput=throughput)).get("iops") == iops


def user_data(aws_mock: AwsRecorder, pool: str) -> Any:
    envelope: Any = email.message_from_bytes(base64.b64decode(template(aws_mock, pool)["userData"]))
    (part,) = envelope.get_payload()
    assert part.get_content_type() == "application/node.eks.aws"
    return json.loads(part.get_payload())


def test_nvme_disks_become_one_scratch_disk_where_all_types_have_them(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope, pools={"spotLarge": {"types": ["m5d.24xlarge", "m6id.24xlarge"]}})
    config = user_data(aws_mock, "spot-large")
    assert (config["apiVersion"], config["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
    assert config["spec"] == {"instance": {"localStorage": {"strategy": "RAID0"}}}
    assert int(tags_of(aws_mock, "spot-large")[f"{TEMPLATE}/resources/ephemeral-storage"].removesuffix("Gi")) > 2900


def test_scratch_is_on_the_volume_where_only_some_types_have_nvme(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope, pools={"spotLarge": {"types": ["m5d.24xlarge", "m5.24xlarge"]}})
    assert template(aws_mock, "spot-large").get("userData") is None
    assert tags_of(aws_mock, "spot-large")[f"{TEMPLATE}/resources/ephemeral-storage"] == "440Gi"


def test_machines_and_their_parts_say_whose_they_are(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope)
    specifications = template(aws_mock, "huge")["tagSpecifications"]
    assert [one["resourceType"] for one in specifications] == ["instance", "volume", "network-interface"]
    for one in specifications:
        assert one["tags"] == {
            "Name": "biojobs-dev-huge",
            "project": "biojobs",
            "stack": "dev",
            "managed-by": "pulumi",
        }


@pytest.mark.parametrize("forbidden", ["imageId", "keyName", "iamInstanceProfile", "vpcSecurityGroupIds", "userData"])
def test_a_template_sets_nothing_that_is_eks_s_to_choose(
    aws_mock: AwsRecorder, scope: MakeScope, forbidden: str
) -> None:
    groups(aws_mock, scope)
    assert all(made.get(forbidden) is None for made in aws_mock.of("LaunchTemplate").values())


def test_a_node_may_join_pull_images_and_be_managed_and_nothing_else(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope)
    attached = aws_mock.of("RolePolicyAttachment").values()
    found = {one["policyArn"].rsplit("/", 1)[-1] for one in attached if one["role"] == "biojobs-dev-nodes"}
    assert found == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
    }
    assert not [one for one in aws_mock.of("RolePolicy").values() if one["role"] == "biojobs-dev-nodes"]
    # EKS could not drain its nodes any more if these went first.
    assert {f"dev-nodes-{policy}" for policy in found} <= aws_mock.options["dev-nodes-huge"].depends_on


def test_the_groups_that_eks_made_are_known_by_pool(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    made = build(aws_mock, scope).nodes
    assert {pool: known(name) for pool, name in made.autoscaling_groups.items()} == {
        pool: f"eks-dev-nodes-{pool}" for pool in POOLS
    }


def test_no_running_step_is_ended_to_balance_zones(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    groups(aws_mock, scope)
    suspended: set[str] = set()
    for schedule in aws_mock.of("Schedule").values():
        target = schedule["target"]
        assert target["arn"] == "arn:aws:scheduler:::aws-sdk:autoscaling:suspendProcesses"
        request = json.loads(target["input"])
        assert request["ScalingProcesses"] == ["AZRebalance"]
        suspended.add(request["AutoScalingGroupName"])
    assert suspended == {f"eks-dev-nodes-{pool}" for pool in POOLS if pool != "system"}


@pytest.mark.parametrize(("owner", "allowed"), [("biojobs-dev", True), ("biojobs-prod", False)])
def test_the_schedule_may_touch_this_clusters_groups_alone(
    aws_mock: AwsRecorder, scope: MakeScope, owner: str, allowed: bool
) -> None:
    groups(aws_mock, scope)
    policy = json.loads(aws_mock.one("RolePolicy", "dev-nodes-zones-policy")["policy"])
    group = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1-2:autoScalingGroupName/eks-x"
    tagged = {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{owner}": "owned"}
    assert allows([policy], Request("autoscaling:SuspendProcesses", group, tagged)) is allowed
    assert not allows([policy], Request("autoscaling:DeleteAutoScalingGroup", group, tagged))
