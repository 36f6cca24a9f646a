"""When a step is tried again, and with what: Argo's retry rules, made of what is known of a step."""

from __future__ import annotations

import json
from typing import Any

from hera.workflows import RetryStrategy
from hera.workflows import models as m

from quantities import MIB, write_bytes
from workflows.types import Placement, Size

MAX_INTERRUPTIONS = 5
# No longest duration: Argo counts it from the first try, and would give up a step that had run for longer.
_BACKOFF = m.Backoff(duration="5s", factor=m.IntOrString(root=2), cap="5m")

# Pods that went away and signals that no out-of-memory kill explains are interruptions; 74 is store trouble. A pod that
# is evicted for what it wrote itself would write it again.
_OUT_OF_MEMORY = "lastRetry.message matches 'OOMKilled'"
_OUTGREW_ITS_DISK = "lastRetry.message matches 'exceeds the (total )?limit'"
# A pod of several containers ends with the code of the last one, and its message tells of the one that failed first.
_INTERRUPTED = (
    "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [-1, 74, 137, 143] || "
    "lastRetry.message matches '^(before|command): .*exit code (74|137|143)'"
)

RETRY_EXPRESSION = f"({_OUT_OF_MEMORY}) ? asInt(retries) < 1 : ({_OUTGREW_ITS_DISK}) ? false : ({_INTERRUPTED})"
"""Out of memory is tried once more, with double memory; interruptions and store trouble up to the limit; a tool's own
error, bad input and a QC stop never."""


def retry_strategy(tries: int) -> RetryStrategy:
    """When a step is tried again."""
    return RetryStrategy(limit=tries, retry_policy="Always", expression=RETRY_EXPRESSION, backoff=_BACKOFF)


def pod_patch(container: str, asked: Size, most: Size, placement: Placement, tries: int) -> str:
    """What Argo changes in the pods of later tries of a step that asks for `asked` and may have `most`."""
    return json.dumps({**_more_memory_after_oom(container, asked, most), **_last_try(placement, tries)})


def _more_memory_after_oom(container: str, asked: Size, share: Size) -> dict[str, Any]:
    """A pod patch that Argo fills in at every try: double memory if the last one was killed for want of it, and all of
    its class where it asked for less."""
    once, more = (write_bytes(mib * MIB) for mib in (asked.memory_mib, max(2 * asked.memory_mib, share.memory_mib)))
    quantity = f"lastRetry.message matches 'OOMKilled' ? '{more}' : '{once}'"
    memory = {"memory": "{{=" + quantity + "}}"}
    return {"containers": [{"name": container, "resources": {"requests": memory, "limits": memory}}]}


def _last_try(placement: Placement, tries: int) -> dict[str, Any]:
    """A pod patch that sends the last try to the placement's other nodes."""

    def label(name: str, last: str) -> str:
        usual = placement.node_selector[name]
        return "{{=asInt(retries) < " + str(tries) + f" ? '{usual}' : '{last}'" + "}}"

    selector = {name: label(name, last) for name, last in placement.last_try.items()}
    return {"nodeSelector": selector} if selector else {}
