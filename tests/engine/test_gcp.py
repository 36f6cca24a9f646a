"""The program on Google Cloud under the real engine, on GKE Standard: what is made, what a change of a setting touches,
what is taken away.

The tests share one stack, and are run in their order. What the recording Google Cloud refuses (an order that it would
refuse, a name that it would not take, an API that is off) fails whichever test asks for it: `offline/recording/gcp`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components.gcp.actions import ACTIONS
from offline.recording.gcp.invokes import TOKEN
from tests.engine.clouds import OF_SMALL, Batch, Stack, belongs
from tests.engine.gcp import SETTINGS, gcp_program

TYPES = {
    "system": ("e2-standard-2",),
    "spot-small": ("n2-standard-4", "n2d-standard-4", "e2-standard-4"),
    "on-demand-small": ("n2-standard-4", "n2d-standard-4"),
    "spot-large": ("n2-standard-96", "n2d-standard-96", "c3-standard-88"),
    "on-demand-large": ("n2-standard-96", "n2d-standard-96"),
    "huge": ("n2-highmem-32", "n2d-highmem-32"),
}
ALERTS = {"telemetry-failed-runs", "telemetry-no-room", *(f"telemetry-{pool}-at-max" for pool in TYPES)}
BUCKETS = {"storage-reads", "storage-reference", "storage-results"}


def pools(*names: str) -> set[str]:
    """The node pools of pools."""
    return {f"nodes-{name}-{kind}" for name in names for kind in TYPES[name]}


SLOW = (
    *("test-argo-release", "test-cluster-cluster", "test-network-nat", "test-network-subnet"),
    *(f"test-{name}" for name in pools(*TYPES)),
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Iterator[Stack]:
    with gcp_program(tmp_path_factory.mktemp("gcp"), python) as program:
        yield Stack(program)


def test_up_makes_what_the_plan_says_and_a_second_up_changes_nothing(stack: Stack) -> None:
    stack.comes_up_as_planned_and_stays()


def test_every_type_is_in_the_deployers_permissions(stack: Stack) -> None:
    assert stack.types("gcp") <= set(ACTIONS)


def test_names_say_whose_they_are(stack: Stack) -> None:
    named = [
        thing for thing in stack.program.things() if thing.kind.called in ("network", "cluster", "bucket", "account")
    ]
    assert named
    assert [
        str(thing) for thing in named if "biojobs-test" not in str(thing.state.get("email", thing.state["name"]))
    ] == []


def test_everything_that_takes_labels_says_whose_it_is(stack: Stack) -> None:
    assert [labels for labels in stack.said("effectiveLabels") if not belongs(labels)] == []
    nodes = stack.program.things("node-pool")
    assert len(nodes) == len(pools(*TYPES))
    assert all(belongs(node.state["nodeConfig"]["resourceLabels"]) for node in nodes)


def test_the_registrys_token_is_nowhere_in_clear(stack: Stack) -> None:
    stack.hides(TOKEN, "pkg.dev")


SMALL = {**SETTINGS["classes"]["small"], "cpu": "2"}
BATCHES: Mapping[str, Batch] = {
    "reach, rights and sizes": [
        ({"adminCidrs": ["8.8.4.0/24", "9.9.9.9/32"]}, {"update": {"cluster-cluster"}}),
        ({"buckets": {"softDeleteDays": 14}}, {"update": BUCKETS}),
        (
            {"pools": {"spotSmall": {"max": 30}}},
            {"update": {*pools("spot-small"), "telemetry-spot-small-at-max"}},
        ),
        ({"pools": {"gpu": {"max": 1}}}, {"create": {"nodes-gpu-g2-standard-8", "telemetry-gpu-at-max"}}),
        ({"network": {"flowLogs": True}}, {"update": {"network-subnet"}}),
        ({"scanImages": True}, {"create": {"services-containerscanning"}, "update": {"registry-images"}}),
        ({"logDays": 60}, {"update": {"telemetry-logs"}}),
        ({"classes": {"small": SMALL}}, OF_SMALL),
    ],
    "disks, machine types, alarms and money": [
        ({"protectCluster": True}, {"update": {"cluster-cluster"}}),
        ({"buckets": {"tierDays": 30}}, {"update": {"storage-results"}}),
        ({"pools": {"onDemandLarge": {"diskGib": 600}}}, {"update": pools("on-demand-large")}),
        (
            {"pools": {"huge": {"types": ["n2-highmem-32", "n2-highmem-48"]}}},
            {"create": {"nodes-huge-n2-highmem-48"}, "delete": {"nodes-huge-n2d-highmem-32"}},
        ),
        ({"alertEmail": "a@example.org"}, {"create": {"telemetry-e-mail"}, "update": ALERTS}),
        (
            {"monthlyBudget": 100, "billingAccount": "0A0A0A-0B0B0B-0C0C0C"},
            # The provider then says whose call it is.
            {"create": {"services-billingbudgets", "telemetry-budget"}, "update": {"gcp"}},
        ),
    ],
}


@pytest.mark.parametrize("batch", BATCHES)
def test_a_setting_touches_only_what_it_should(stack: Stack, batch: str) -> None:
    planned, expected = stack.program.touched(BATCHES[batch])
    assert planned == expected


def test_another_machine_type_is_another_node_pool_which_is_there_before_the_old_one_goes(stack: Stack) -> None:
    program = stack.program
    calls = len(program.calls())
    program.configure(pools={"huge": {"types": ["n2-highmem-32", "n2-highmem-48"]}}, protectCluster=True)
    program.up()
    done = [(operation, name) for operation, name in program.calls()[calls:] if "-huge-" in name]
    assert done == [("create", "test-nodes-huge-n2-highmem-48"), ("delete", "test-nodes-huge-n2d-highmem-32")]


def test_a_protected_cluster_is_not_destroyed_until_the_setting_is_taken_back(stack: Stack) -> None:
    program = stack.program
    before = program.there()
    refused = program.project.run(
        "destroy", "--yes", "--skip-preview", "--target", cluster_urn(stack), "--target-dependents"
    )
    assert refused.code != 0
    assert "deletion_protection" in refused.output or "deletionProtection" in refused.output, refused.output
    assert program.there()["cluster"] == before["cluster"]
    program.configure()
    program.up()


def cluster_urn(stack: Stack) -> str:
    return next(thing.urn for thing in stack.program.things("cluster"))


def test_destroy_takes_all_but_the_buckets_and_the_next_up_finds_them(stack: Stack) -> None:
    stack.goes_but_for({"bucket", "object", "service"}, *SLOW)
