"""The program on AWS under the real engine: what is made, what a change of a setting touches, what is taken away.

The tests share one stack, and are run in their order. What the recording AWS refuses (an order that AWS would refuse, a
name that it would not take) fails whichever test asks for it: see `offline/recording/aws`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components.aws.actions import ACTIONS
from components.aws.permissions import MANAGED
from components.pipeline import JOBS
from offline.recording.aws.invokes import PASSWORD
from tests.engine.aws import SETTINGS, aws_program
from tests.engine.clouds import OF_SMALL, Batch, Stack, belongs

POOLS = ("system", "spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge")
ALARMS = {"telemetry-failed-runs", *(f"telemetry-{pool}-at-max" for pool in POOLS)}
BUCKETS = {
    *("bucket", "bucket-public-access", "bucket-ownership", "bucket-policy"),
    *("bucket-versioning", "bucket-encryption", "bucket-lifecycle", "object"),
}


SLOW = (
    *("test-argo-release", "test-autoscaler-release", "test-telemetry-add-on", "test-addons-vpc-cni"),
    *("test-cluster-cluster", "test-network-nat-a", *(f"test-nodes-{pool}" for pool in POOLS)),
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Iterator[Stack]:
    with aws_program(tmp_path_factory.mktemp("aws"), python) as program:
        yield Stack(program)


def test_up_makes_what_the_plan_says_and_a_second_up_changes_nothing(stack: Stack) -> None:
    stack.comes_up_as_planned_and_stays()


def test_every_type_is_in_the_deployers_policy(stack: Stack) -> None:
    assert stack.types("aws") <= set(ACTIONS)


def test_names_and_policies_are_those_that_the_deployer_may_use(stack: Stack) -> None:
    things = stack.program.things()
    named = [thing for thing in things if thing.kind.called in ("role", "alarm", "topic", "schedule", "lt")]
    assert named
    assert [str(thing) for thing in named if not str(thing.state["name"]).startswith("biojobs-test-")] == []
    attached = {str(thing.state["policyArn"]) for thing in things if thing.kind.called == "role-attachment"}
    assert {arn.partition(":aws:policy/")[2] for arn in attached} <= set(MANAGED)


def test_everything_that_takes_tags_says_whose_it_is(stack: Stack) -> None:
    assert [tags for tags in stack.said("tagsAll") if not belongs(tags)] == []


def test_the_registrys_password_is_nowhere_in_clear(stack: Stack) -> None:
    stack.hides(PASSWORD, "ecr")


def test_no_service_makes_a_log_group_of_its_own(stack: Stack) -> None:
    assert stack.program.project.recording.section("left") == {}


def group(pool: str, *, made: bool = False) -> set[str]:
    """A node group and what carries its name on."""
    tags = {f"nodes-{pool}-resources-ephemeral-storage", f"nodes-{pool}-label-biojobs-pool"}
    tainted = set[str]() if pool == "system" else {f"nodes-{pool}-taint-biojobs-pool"}
    more = {f"nodes-{pool}-template", f"nodes-zones-{pool}", f"telemetry-{pool}-at-max"} if made else set[str]()
    return {f"nodes-{pool}"} | tags | tainted | more


def of_groups(*pools: str) -> set[str]:
    """What names the Auto Scaling groups of node groups, and changes with them."""
    steps = {f"nodes-zones-{pool}" for pool in pools if pool != "system"}
    return {*(f"telemetry-{pool}-at-max" for pool in pools), *steps, "telemetry-dashboard"}


SMALL = {**SETTINGS["classes"]["small"], "cpu": "2"}
BATCHES: Mapping[str, Batch] = {
    "reach, rights and sizes": [
        ({"adminCidrs": ["8.8.4.0/24", "9.9.9.9/32"]}, {"update": {"cluster-cluster"}}),
        (
            {"adminArns": ["arn:aws:iam::123456789012:role/admin"]},
            {"create": {"cluster-role-admin", "cluster-role-admin-admin"}},
        ),
        (
            # What may be read is in the environment of every step, so runs start again (and find their steps done).
            {"archives": {"requesterPays": ["somebodys-data"]}},
            {
                "update": {"identities-runner-policy", *(f"job-{job}" for job in JOBS)},
                "replace": {"reference", "pipeline-NA12878", "sheet"},
            },
        ),
        ({"buckets": {"tierDays": 30}}, {"update": {"storage-results-lifecycle"}}),
        ({"pools": {"spotSmall": {"max": 30}}}, {"update": {"nodes-spot-small", "telemetry-spot-small-at-max"}}),
        ({"pools": {"gpu": {"max": 1}}}, {"create": group("gpu", made=True), "update": {"telemetry-dashboard"}}),
        (
            {"network": {"flowLogs": True}},
            {"create": {f"network-flow-logs{part}" for part in ("", "-role", "-policy", "-vpc")}},
        ),
        ({"classes": {"small": SMALL}}, OF_SMALL),
    ],
    "ways out, disks and alarms": [
        (
            {"network": {"nat": "per-zone"}},
            {
                "create": {f"network-nat-{zone}{part}" for zone in "bc" for part in ("", "-address")},
                "update": {"network-private-b-out", "network-private-c-out"},
            },
        ),
        (
            {"network": {"endpoints": ["ecr.api"]}},
            {"create": {f"network-endpoints-{part}" for part in ("tls", "tls-in", "ecr-api")}},
        ),
        (
            {"pools": {"huge": {"diskGib": 600}}},
            {"update": {"nodes-huge-template", "nodes-huge", "nodes-huge-resources-ephemeral-storage"}},
        ),
        ({"alertEmail": "a@example.org"}, {"create": {"telemetry-topic", "telemetry-e-mail"}, "update": ALARMS}),
        (
            {"logDays": 60},
            {"update": {"cluster-logs", *(f"telemetry-{part}" for part in ("application", "dataplane", "host"))}},
        ),
    ],
    "instance types": [
        (
            {"pools": {"huge": {"types": ["r5.8xlarge", "r6i.8xlarge"]}}},
            {"replace": group("huge"), "update": of_groups("huge")},
        ),
    ],
    "Kubernetes version": [
        (
            {"kubernetes": "1.36"},
            {
                "update": {
                    *("cluster-cluster", "addons-kube-proxy", "addons-coredns", "autoscaler-release"),
                    *(f"nodes-{pool}" for pool in POOLS),
                }
            },
        ),
    ],
    "one zone less": [
        (
            {"network": {"zones": ["eu-west-1a", "eu-west-1b"]}},
            {
                "replace": set[str]().union(*(group(pool) for pool in POOLS)),
                "update": {"network-endpoints-s3", "cluster-cluster", *of_groups(*POOLS)},
                "delete": {"network-private-c-out", "network-public-c", "network-private-c"},
            },
        ),
    ],
}


@pytest.mark.parametrize("batch", BATCHES)
def test_a_setting_touches_only_what_it_should(stack: Stack, batch: str) -> None:
    planned, expected = stack.program.touched(BATCHES[batch])
    assert planned == expected


def test_a_new_disk_is_a_new_version_of_the_template_and_new_types_are_a_new_group_before_the_old_one_goes(
    stack: Stack,
) -> None:
    program = stack.program
    before = program.there()
    calls = len(program.calls())
    program.configure(pools={"huge": {"types": ["r5.8xlarge", "r6i.8xlarge"], "diskGib": 600}})
    program.up()
    after = program.there()
    assert {kind: len(ids) for kind, ids in after.items()} == {kind: len(ids) for kind, ids in before.items()}
    assert after["lt"] == before["lt"]
    assert len(set(after["node-group"]) & set(before["node-group"])) == len(POOLS) - 1
    done = [operation for operation, name in program.calls()[calls:] if name == "test-nodes-huge"]
    assert done == ["create", "delete"]
    groups = [thing for thing in program.things("node-group") if thing.urn.endswith("test-nodes-huge")]
    assert [thing.state["launchTemplate"]["version"] for thing in groups] == ["2"]


def test_destroy_takes_all_but_the_buckets_and_the_next_up_finds_them(stack: Stack) -> None:
    stack.goes_but_for(BUCKETS, *SLOW)
    # No service has left anything of its own.
    assert stack.program.project.recording.section("left") == {}
