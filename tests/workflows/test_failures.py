"""Failures told apart: by a table of what Argo says of tries, and by the budgets that follow."""

import json
from typing import Any

import pytest

from workflows.failures import MAX_INTERRUPTIONS, RULES, Cause, cause, doublings, pod_patch, retry_strategy
from workflows.types import Placement, Size

SIZE = Size("1", 1, 512, "1Gi", max_memory_mib=2048)
SPOT = Placement({"pool": "large", "life": "spot"}, last_try={"life": "on-demand"})

TOLD: list[tuple[Cause, str, str, str]] = [
    # phase, exit code of `main`, message
    ("interruption", "Error", "", "pod deleted"),
    ("interruption", "Failed", "143", "main: Error (exit code 143): tool: step align was told to stop (SIGTERM)"),
    ("interruption", "Failed", "143", "Pod was terminated in response to imminent node shutdown."),
    ("interruption", "Failed", "", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi."),
    ("interruption", "Failed", "137", "main: Error (exit code 137): running with 512 MiB"),
    (
        "interruption",
        "Failed",
        "137",
        "main: ContainerStatusUnknown (exit code 137): The container could not be found",
    ),
    ("interruption", "Failed", "255", "main: Unknown (exit code 255)"),
    ("interruption", "Failed", "", "pod failed: neither main nor wait container completed successfully"),
    ("interruption", "Failed", "", "can't find failed message for pod x namespace biojobs"),
    ("interruption", "Failed", "76", "main: Error (exit code 76): interruption: align was interrupted 6 times"),
    ("memory", "Failed", "137", "main: OOMKilled (exit code 137): running with 512 MiB"),
    ("memory", "Failed", "137", "main: OOMKilled (exit code 137)"),
    (
        "memory",
        "Failed",
        "137",
        "main: Error (exit code 137): tool: bwa-mem2 mem ran out of memory (with 512 MiB)",
    ),
    ("memory", "Failed", "73", "main: Error (exit code 73): tool: FastQC ran out of memory (with 512 MiB)"),
    ("memory", "Failed", "64", "command: OOMKilled (exit code 137)"),
    ("memory", "Failed", "76", "main: Error (exit code 76): tool: lane ran out of memory (with 2048 MiB, and it may"),
    ("again", "Failed", "75", "main: Error (exit code 75): tool: again, with 1024 MiB: an earlier try had that much"),
    ("store", "Failed", "74", "main: Error (exit code 74): store: s3://reads/x does not answer"),
    ("store", "Failed", "64", "before: Error (exit code 74): store: s3://reads/x does not answer"),
    ("store", "Failed", "76", "main: Error (exit code 76): store: s3://reads/x does not answer (after 4 tries)"),
    ("executor", "Error", "0", "wait: Error (exit code 1): timed out waiting for the condition"),
    ("executor", "Error", "", "init: Error (exit code 64): failed to load artifacts"),
    ("executor", "Error", "", "Pod failed before main container starts due to CreateContainerError: no such device"),
    ("executor", "Failed", "64", "main: Error (exit code 64): failed to create ctr directory: no space left on device"),
    ("executor", "Failed", "128", "main: StartError (exit code 128): failed to create containerd task: runc"),
    ("input", "Failed", "65", "main: Error (exit code 65): bad input: line 7: the file is cut"),
    ("input", "Failed", "66", "main: Error (exit code 66): missing input: s3://reads/x is not there"),
    ("input", "Failed", "64", "before: Error (exit code 65): bad input: no reads"),
    ("verification", "Failed", "70", "main: Error (exit code 70): verification: the report is cut"),
    ("qc", "Failed", "77", "main: Error (exit code 77): stopped by QC: sample P1"),
    ("budget", "Failed", "78", "main: Error (exit code 78): budget: 50.00 USD are used up"),
    ("size", "Failed", "73", "main: Error (exit code 73): tool: the scratch volume is full: raise"),
    ("size", "Failed", "137", 'Usage of EmptyDir volume "scratch" exceeds the limit "32Mi". '),
    ("size", "Failed", "137", "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "),
    ("size", "Failed", "137", 'Container main exceeded its local ephemeral storage limit "1Gi". '),
    ("deadline", "Failed", "124", "main: Error (exit code 124): tool: FastQC did not end within 600 s"),
    ("deadline", "Failed", "", "Pod was active on the node longer than the specified deadline"),
    ("tool", "Failed", "1", "main: Error (exit code 1): tool: bwa-mem2 ended with exit code 1: a bug"),
    ("tool", "Failed", "64", "command: Error (exit code 64)"),
    ("tool", "Failed", "64", 'main: Error (exit code 64): failed to find name in PATH: exec: "bwa-mem3": not found'),
    ("tool", "Failed", "139", "command: Error (exit code 139)"),
    # What a tool or a file says is no word of Kubernetes
    ("input", "Failed", "65", "main: Error (exit code 65): bad input: line 1: 'pod deleted' is no base"),
    ("tool", "Failed", "1", "main: Error (exit code 1): tool: x: exit code 143"),
    ("tool", "Failed", "1", ""),
]


@pytest.mark.parametrize(("expected", "phase", "code", "message"), TOLD)
def test_what_argo_says_has_one_cause(expected: Cause, phase: str, code: str, message: str) -> None:
    assert cause(phase, code, message) == expected


def test_every_cause_is_in_the_table() -> None:
    assert {rule.cause for rule in RULES} | {"tool"} == {expected for expected, *_ in TOLD}


def test_what_would_come_again_is_not_tried_again() -> None:
    again = {rule.cause for rule in RULES if rule.again}
    assert again == {"interruption", "memory", "again", "store", "executor"}


def test_rules_hold_no_character_that_json_or_argo_would_change() -> None:
    for rule in RULES:
        assert not set(rule.message) & set("\\'\"{}\n"), rule


@pytest.mark.parametrize(("most", "times"), [(512, 0), (1023, 1), (1024, 1), (1025, 2), (4096, 3)])
def test_memory_is_doubled_until_it_is_all_that_a_class_gives(most: int, times: int) -> None:
    assert doublings(Size("1", 1, 512, "1Gi", max_memory_mib=most)) == times


def test_a_class_gives_twice_its_memory_unless_it_says_otherwise() -> None:
    assert doublings(Size("1", 1, 512, "1Gi")) == 1


def test_argos_limit_leaves_room_for_all_budgets_together() -> None:
    strategy = retry_strategy(SIZE, MAX_INTERRUPTIONS)
    assert strategy.limit == 5 + 3 + 2 * 2
    assert strategy.retry_policy == "Always"


def patched(container: str = "main", also: tuple[str, ...] = ()) -> dict[str, Any]:
    return json.loads(pod_patch(container, SIZE, SPOT, MAX_INTERRUPTIONS, also))


def test_a_try_is_told_of_the_tries_before_it() -> None:
    (main,) = patched()["containers"]
    told = {variable["name"]: variable["value"] for variable in main["env"]}
    assert told["BIOJOBS_TRY"] == "{{retries}}"
    assert told["BIOJOBS_BUDGETS"] == "interruption=5 store=3 memory=2"
    assert told["BIOJOBS_MOST_MEMORY"] == "2048"
    assert main["resources"]["limits"]["memory"] == told["BIOJOBS_MEMORY"] + "Mi"
    assert main["resources"]["requests"] == main["resources"]["limits"]


def test_containers_beside_an_aligner_of_ones_own_are_told_too_and_ask_for_the_same_as_ever() -> None:
    command, *others = patched("command", ("before", "main"))["containers"]
    assert [other["name"] for other in others] == ["before", "main"]
    assert all(other["env"] == command["env"] and "resources" not in other for other in others)


def test_the_last_tries_go_to_nodes_that_nobody_takes_away() -> None:
    assert patched()["nodeSelector"] == {"life": "{{=asInt(retries) < 5 ? 'spot' : 'on-demand'}}"}
