"""Failures of steps, provoked under the real controller: what is tried again, with what, and what is said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster.faulty import Ended, Fault, create, ends, limits, manifest, platform, running
from tests.cluster.stack import Stack, await_true, kubectl
from workflows.types import Placement

# Until somebody takes the pod away; one that Argo makes anew as the same try has nobody to do so, and ends well
WAIT = "sleep 60"
GROW = "data=x; while true; do data+=$data; done"
FAULTS: Mapping[str, Fault] = {
    "tool-error": Fault("fail 1 tool 'a bug'"),
    "own-error": Fault("false"),
    "bad-input": Fault("bad_input 'line 7: no base'"),
    "stopped-by-qc": Fault("fail 77 'stopped by QC' 'too few reads'"),
    "wrong-result": Fault("fail 70 verification 'the report is cut'"),
    "too-slow": Fault("fail 124 tool 'it did not end within 600 s'"),
    "no-command": Fault(command="/biojobs/nowhere.sh"),
    "scratch-full": Fault("head -c 200M /dev/zero > /scratch/x; sleep 600"),
    "out-of-memory": Fault(GROW),
    "memory-then-deleted": Fault(f"((option[memory] >= 512)) || {{ {GROW}; }}; ((try > 1)) || {WAIT}"),
    "killed": Fault("((try > 0)) || kill -9 $BASHPID"),
    "deleted": Fault(f"((try > 0)) || {WAIT}"),
    "deleted-by-force": Fault(f"((try > 0)) || {WAIT}"),
    "evicted": Fault(f"((try > 0)) || {WAIT}"),
    "interrupted-for-ever": Fault("exit 143"),
    "store-trouble": Fault("((try > 1)) || fail 74 store 's3://reads does not answer'"),
    "store-trouble-for-ever": Fault("fail 74 store 's3://reads does not answer'"),
    # The node does not let it in: labels are changed while it is tried
    "turned-away": Fault(patch={"nodeName": "{node}", "nodeSelector": {"biojobs-test/let-in": "yes"}}),
}


@pytest.fixture(scope="module")
def ended(stack: Stack) -> dict[str, Ended]:
    """All faults at once, followed to their end, while pods are taken away as clouds and people do."""
    on = platform()
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    for name, fault in FAULTS.items():
        made = json.dumps(manifest(name, fault, on)).replace("{node}", node)
        create(json.loads(made))
    delete("deleted")
    delete("deleted-by-force", "--force", "--grace-period=0")
    delete("memory-then-deleted", "--force", "--grace-period=0", said="works with 512 MiB")
    evict("evicted")
    await_true("a try of the pod is turned away", lambda: bool(ends()["turned-away"].causes))
    kubectl("label", "node", node, "biojobs-test/let-in=yes", "--overwrite")
    try:
        await_true("all runs end", lambda: all(found.run.ended for found in ends().values()), 420)
    finally:
        kubectl("label", "node", node, "biojobs-test/let-in-")
    return ends()


def pod_of(name: str, said: str = "") -> str:
    found: list[str] = []

    def is_there() -> bool:
        pod = running(name, said)
        found.extend([pod] if pod else [])
        return pod is not None

    # Before its main container runs, Argo would make the same pod again: that is no try.
    await_true(f"the pod of {name} works", is_there)
    return found[0]


def delete(name: str, *how: str, said: str = "probe: works") -> None:
    kubectl("-n", "biojobs", "delete", "pod", pod_of(name, said), "--wait=false", *how)


def evict(name: str) -> None:
    """What a drain does."""
    pod = pod_of(name)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "biojobs"}}
    words = ["kubectl", "create", "--raw", f"/api/v1/namespaces/biojobs/pods/{pod}/eviction", "-f", "-"]
    subprocess.run(words, input=json.dumps(body), text=True, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "cause", "message"),
    [
        ("tool-error", "tool", "tool: a bug"),
        ("own-error", "tool", "tool: step probe ended with exit code 1"),
        ("bad-input", "input", "bad input: line 7: no base"),
        ("stopped-by-qc", "qc", "stopped by QC: too few reads"),
        ("wrong-result", "verification", "verification: the report is cut"),
        ("too-slow", "deadline", "tool: it did not end within 600 s"),
        ("no-command", "tool", "failed to find name in PATH"),
        ("scratch-full", "size", 'EmptyDir volume "scratch" exceeds the limit "32Mi"'),
    ],
)
def test_what_would_come_again_is_tried_once(ended: dict[str, Ended], name: str, cause: str, message: str) -> None:
    found = ended[name]
    assert (found.causes, found.failure.tries) == ((cause,), 1)
    assert message in found.failure.message


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("killed", ("interruption",)),
        ("deleted", ("interruption",)),
        ("deleted-by-force", ("interruption",)),
        ("evicted", ("interruption",)),
        ("store-trouble", ("store", "store")),
    ],
)
def test_what_passes_is_tried_again(ended: dict[str, Ended], name: str, causes: tuple[str, ...]) -> None:
    assert ended[name].run.phase == "Succeeded"
    # A pod that Argo did not see at work before it was gone is made anew, and is no other try
    assert ended[name].causes in ((causes, ()) if name.startswith(("deleted", "evicted")) else (causes,))


def test_memory_is_doubled_up_to_the_ceiling_of_the_class_and_no_further(ended: dict[str, Ended]) -> None:
    assert ended["out-of-memory"].causes == ("memory",) * 3
    assert limits("out-of-memory") == ["256Mi", "512Mi", "1Gi"]
    message = ended["out-of-memory"].failure.message
    assert message == "tool: step probe ran out of memory (with 1024 MiB): raise biojobs:classes.small.memory"


def test_doubled_memory_is_kept_when_an_interruption_follows(ended: dict[str, Ended], stack: Stack) -> None:
    found = ended["memory-then-deleted"]
    assert found.run.phase == "Succeeded", found
    # Argo may not have seen the pod at work, and make the try anew: it counts none then.
    assert [cause for cause in found.causes if cause != "interruption"] == ["memory", "again"]
    record = json.loads((stack.workspace / "results/_faults/memory-then-deleted/.steps/probe.json").read_text())
    assert record["memory_mib"] == 512
    assert [entry["memory"] for entry in record["tries"]] == [512, 256, 512]


def test_the_sixth_interruption_is_the_last(ended: dict[str, Ended]) -> None:
    assert ended["interrupted-for-ever"].causes == ("interruption",) * 7
    assert "probe was interrupted 6 times" in ended["interrupted-for-ever"].failure.message


def test_store_trouble_is_tried_three_times_more(ended: dict[str, Ended]) -> None:
    assert ended["store-trouble-for-ever"].causes == ("store",) * 4
    assert ended["store-trouble-for-ever"].failure.message == "store: s3://reads does not answer (after 4 tries)"


def test_a_pod_that_a_node_turned_away_is_made_anew_three_times_before_it_costs_a_try(ended: dict[str, Ended]) -> None:
    found = ended["turned-away"]
    assert found.run.phase == "Succeeded"
    assert set(found.causes) == {"interruption"}
    assert found.made_anew[0] == 3


def waiting(name: str, fault: Fault, placement: Placement | None, expected: str) -> None:
    """Until the run tells what it waits for; then it is taken away."""
    create(manifest(name, fault, platform(placement)))
    await_true(f"{name} tells it", lambda: expected in ends()[name].run.progress, 90)
    kubectl("-n", "biojobs", "delete", "workflow", f"fault-{name}")


def test_a_pod_without_a_node_waits_and_says_what_for(stack: Stack) -> None:
    waiting("no-node", Fault(), Placement({"biojobs/pool": "none"}), "nodes are available")


def test_an_image_that_cannot_be_pulled_is_said(stack: Stack) -> None:
    patch: dict[str, Any] = {"containers": [{"name": "main", "image": "localhost:5050/biojobs/nowhere:1"}]}
    waiting("no-image", Fault(patch=patch), None, "localhost:5050/biojobs/nowhere:1")


def test_the_last_try_goes_to_the_nodes_that_nobody_takes_away(stack: Stack) -> None:
    """No node of the sandbox is one of those: that the second pod asks for them and waits is the proof."""
    placement = Placement({"kubernetes.io/os": "linux"}, last_try={"kubernetes.io/os": "on-demand"})
    made = manifest("last-try", Fault("exit 143"), platform(placement))
    step = next(template for template in made["spec"]["templates"] if "container" in template)
    step["podSpecPatch"] = step["podSpecPatch"].replace("asInt(retries) < 5 ", "asInt(retries) < 1 ")
    create(made)
    pods = ("pods", "-l", "workflows.argoproj.io/workflow=fault-last-try", "--sort-by=.metadata.creationTimestamp")
    where = r"jsonpath={.items[*].spec.nodeSelector.kubernetes\.io/os}"
    asked = ("-n", "biojobs", "get", *pods, "-o", where)
    await_true("the second try", lambda: kubectl(*asked).split() == ["linux", "on-demand"], 90)
    kubectl("-n", "biojobs", "delete", "workflow", "fault-last-try")
