"""Why a try of a step ended badly, and what follows from it: the one place that tells failures apart.

`RULES` is read twice: by `cause`, for people, and by Argo's controller, as the expressions of `retry_strategy` and
`pod_patch`. The controller knows of the last try only, so budgets that belong to one cause are kept by the step itself,
in a list of its tries beside its record (images/common/tries.sh); Argo's limit is where all of them together end.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from hera.workflows import RetryStrategy
from hera.workflows import models as m

from images.multiqc import nodes
from workflows.types import Placement, Size

Cause = Literal[
    "again",
    "budget",
    "deadline",
    "executor",
    "input",
    "interruption",
    "memory",
    "qc",
    "size",
    "store",
    "tool",
    "verification",
]
"""`again` is a try that ended at once because it was given less memory than an earlier one; `executor` is trouble of
Argo's own part of a pod; `size` something that its class does not give, and more tries would not either."""

MAX_INTERRUPTIONS: Final = 5
"""How often a step is tried again that was interrupted, or whose pod Argo had trouble with."""
MAX_STORE_TROUBLE: Final = 3
"""How often a step is tried again when the store or the network failed it, besides what it tries by itself."""
# No longest duration: Argo counts it from the first try, and would give up a step that had run for longer.
_BACKOFF: Final = m.Backoff(duration="5s", factor=m.IntOrString(root=2), cap="5m")


@dataclass(frozen=True)
class Rule:
    """A try that ended so had this cause: with one of `codes` and a message like `message`, whichever are given."""

    cause: Cause
    codes: tuple[int, ...] = ()
    message: str = ""
    status: str = ""
    """Argo's phase: `Error` where the platform failed, and not what the pod ran."""
    again: bool = False
    """Whether it is tried again, as long as the cause's budget lasts."""


RULES: Final = (
    # Budgets that are used up
    Rule("memory", codes=(76,), message="ran out of memory [(]"),
    Rule("store", codes=(76,), message="[)]: (store|network): "),
    Rule("interruption", codes=(76,)),
    # What a pod wrote itself it would write again
    Rule("size", message="exceed(s|ed) (the|its) (total |local ephemeral storage )?limit"),
    Rule("memory", message="OOMKilled|ran out of memory [(]", again=True),
    Rule("deadline", message="longer than the specified deadline"),
    Rule("deadline", codes=(124,)),
    Rule("again", codes=(75,), message="again, with [0-9]+ MiB", again=True),
    Rule("store", codes=(74,), again=True),
    Rule("input", codes=(65, 66)),
    Rule("verification", codes=(70,)),
    Rule("size", codes=(73,)),
    Rule("qc", codes=(77,)),
    Rule("budget", codes=(78,)),
    # The pod is gone, nobody knows how it ended
    Rule("interruption", message="^pod deleted$", again=True),
    # Not a command that is not there, which stays away
    Rule("executor", codes=(64,), message="[)]: failed to ([a-eg-z]|f[a-hj-z])", again=True),
    Rule("executor", message="^[a-z]+: StartError ", again=True),
    Rule("executor", status="Error", again=True),
    # 255 is said of containers that went down with the runtime
    Rule("interruption", message="^[a-z]+: Unknown [(]exit code 255[)]", again=True),
    Rule("interruption", codes=(-1, 137, 143), again=True),
)
"""The first that fits counts; what none fits is the tool's own error, which would come again."""


def cause(phase: str, exit_code: str, message: str) -> Cause:
    """Why a try ended badly, by its node in the Workflow: phase, `outputs.exitCode` ("" if it has none) and message."""
    return cast(Cause, nodes.cause(RULES, phase, exit_code, message))


def retry_strategy(asked: Size, tries: int) -> RetryStrategy:
    """When a step is tried again that may be interrupted `tries` times."""
    limit = tries + MAX_STORE_TROUBLE + 2 * doublings(asked)
    return RetryStrategy(limit=limit, retry_policy="Always", expression=_expression(asked), backoff=_BACKOFF)


def doublings(asked: Size) -> int:
    """How often memory is doubled until it is all that the step may have."""
    return next(times for times in range(64) if asked.memory_mib << times >= asked.most_mib)


def pod_patch(
    container: str, asked: Size, placement: Placement, tries: int, also: tuple[str, ...] = (), scratch: str = ""
) -> str:
    """What Argo changes in the pods of a step's tries: memory, the last tries' nodes, and what the step is told of the
    tries before; and its scratch, where that is said. `also` are containers that are told, and ask for the same as
    ever."""
    told = [{"name": name, "value": value} for name, value in _told(asked, tries).items()]
    memory = {"memory": f"{{{{={_memory(asked)}}}}}Mi"}
    reserved = {"ephemeral-storage": scratch} if scratch and placement.reserves_scratch else {}
    containers: list[dict[str, Any]] = [
        {"name": container, "env": told, "resources": {"requests": {**memory, **reserved}, "limits": memory}},
        *({"name": name, "env": told} for name in also),
    ]
    volumes = {"volumes": [_scratch(placement, scratch)]} if scratch else {}
    return json.dumps({"containers": containers, **volumes, **_last_try(placement, tries)})


def _scratch(placement: Placement, size: str) -> dict[str, Any]:
    """The scratch volume of `workflows.steps.scratch_volume` in another size."""
    if not placement.scratch_class:
        return {"name": "scratch", "emptyDir": {"sizeLimit": size}}
    claim = {"resources": {"requests": {"storage": size}}}
    return {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}


def _told(asked: Size, tries: int) -> Mapping[str, str]:
    """The variables that images/common/tries.sh reads."""
    return {
        "BIOJOBS_TRY": "{{retries}}",
        "BIOJOBS_BEFORE": f"{{{{={_LAST}asInt(retries) == 0 ? '' : {_cause()}}}}}",
        "BIOJOBS_MEMORY": f"{{{{={_memory(asked)}}}}}",
        "BIOJOBS_MOST_MEMORY": str(asked.most_mib),
        "BIOJOBS_BUDGETS": f"interruption={tries} store={MAX_STORE_TROUBLE} memory={doublings(asked)}",
    }


# What the expressions call the last try's message, and its exit code: that of the message where it has one, for a pod
# of several containers ends with another than that of the one that failed.
_LAST: Final = (
    f"let m = lastRetry.message; let c = m matches '{nodes.ENDED}' ? asInt(sprig.regexFind('[0-9]+', m)) "
    ": asInt(lastRetry.exitCode); "
)


def _condition(rule: Rule) -> str:
    """A rule in Argo's language of expressions."""
    return " && ".join(_conditions(rule))


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.status:
        yield f"lastRetry.status == '{rule.status}'"
    if rule.codes:
        yield f"c in {json.dumps(rule.codes)}"
    if rule.message:
        yield f"m matches '{rule.message}'"


def _chosen(outcomes: Sequence[tuple[Rule, str]], otherwise: str) -> str:
    """The outcome of the first rule that fits, as an expression."""
    grouped = itertools.groupby(outcomes, key=lambda found: found[1])
    cases = ((outcome, " || ".join(_condition(rule) for rule, _ in rules)) for outcome, rules in grouped)
    return "".join(f"{conditions} ? {outcome} : " for outcome, conditions in cases) + otherwise


def _cause() -> str:
    """An expression for the cause of the last try, where there is another one. A pod that left no exit code has none to
    be told by, and was interrupted."""
    return _chosen([(rule, f"'{rule.cause}'") for rule in RULES if rule.again], "'interruption'")


def _memory(asked: Size) -> str:
    """An expression for the memory of the next try in MiB: what the last one said that it had, twice that when it was
    too little."""
    told = "asInt(sprig.regexFind('[0-9]+', sprig.regexFind('with [0-9]+ MiB', m)))"
    had = f"m matches 'with [0-9]+ MiB' ? {told} : {asked.memory_mib}"
    times = _chosen([(rule, "2") for rule in RULES if rule.cause == "memory" and rule.again], "1")
    later = f"min({asked.most_mib}, ({times}) * ({had}))"
    return f"let m = lastRetry.message; asInt(retries) == 0 ? {asked.memory_mib} : {later}"


def _expression(asked: Size) -> str:
    """Whether there is another try. A step that had all the memory it may have is not tried again with as much."""
    more = f"!(m matches 'with {asked.most_mib} MiB')"
    return _LAST + _chosen([(rule, _again(rule, more)) for rule in RULES], "false")


def _again(rule: Rule, more: str) -> str:
    if not rule.again:
        return "false"
    return more if rule.cause == "memory" else "true"


def _last_try(placement: Placement, tries: int) -> dict[str, Any]:
    """A pod patch that sends a step to the placement's other nodes when it has been tried again so often."""

    def label(name: str, last: str) -> str:
        usual = placement.node_selector[name]
        return "{{=asInt(retries) < " + str(tries) + f" ? '{usual}' : '{last}'" + "}}"

    selector = {name: label(name, last) for name, last in placement.last_try.items()}
    return {"nodeSelector": selector} if selector else {}
