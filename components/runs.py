"""Follows runs in the cluster until they end, with live progress, and tells what failed.

The resources of the runs are ready as soon as they exist: Pulumi works on a few resources at once only, and waiting
for each run in its own creation would let no more than those few run.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, cast

import pulumi
import yaml

from components.lost import Lost
from components.names import ARGO_NAMESPACE, NAMESPACE
from workflows import status
from workflows.status import Failure, RunStatus

POLL_SECONDS = 2.0
REST = 3
"""How many times as long as an answer took it is waited before the next question."""
SHOW_SECONDS = 10.0
LOG_LINES = 15
MOST_TOLD, MOST_NAMED = 50, 1000
"""Failed runs that are told with their logs, and those after them that are named."""
MAX_PROBLEMS = 300  # two seconds each: ten minutes without an answer
_EXECUTOR_LINE = re.compile(r"(time=\S+ level=\w+ msg=.* argo=true|Error: exit status \d+$)")
"""Lines that Argo's executor adds to a step's own."""
_NODE_ID = "workflows.argoproj.io/node-id"
Report = Callable[[RunStatus], None]


@dataclass(frozen=True)
class ClusterAccess:
    """How the program reaches the cluster: a context, and a kubeconfig document unless it is the ambient one."""

    context: str | None
    kubeconfig: str | None = None


class Runs:
    """Workflows of the runs' namespace, read through the official client."""

    def __init__(self, access: ClusterAccess) -> None:
        # Imported here: half a second that a preview and the other clouds' programs need not spend.
        from kubernetes import client, config

        load: Any = config.new_client_from_config  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        if access.kubeconfig is None:
            api = load(context=access.context)
        else:
            load = config.new_client_from_config_dict  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
            api = load(yaml.safe_load(access.kubeconfig), context=access.context)
        self._workflows = client.CustomObjectsApi(api)
        self._pods = client.CoreV1Api(api)

    def statuses(self, names: Sequence[str]) -> dict[str, RunStatus]:
        """The status of the named Workflows; one that does not exist is missing from the answer."""
        listed = cast(
            dict[str, Any],
            self._workflows.list_namespaced_custom_object(
                "argoproj.io", "v1alpha1", NAMESPACE, "workflows", _request_timeout=30
            ),
        )
        now, wanted = datetime.now(UTC), set(names)
        found = (item for item in listed["items"] if item["metadata"]["name"] in wanted)
        return {item["metadata"]["name"]: status.read(item, now) for item in found}

    def pod_nodes(self) -> set[str]:
        """Nodes of Workflows that have a pod."""
        # Unread: the client makes objects of all that thousands of pods are.
        answer: Any = self._pods.list_namespaced_pod(
            NAMESPACE, label_selector="workflows.argoproj.io/workflow", _request_timeout=30, _preload_content=False
        )
        pods = json.loads(answer.data)["items"]
        return {str(pod["metadata"].get("annotations", {}).get(_NODE_ID)) for pod in pods}

    def restart_controller(self) -> None:
        """Starts Argo's controller anew: its Deployment replaces a pod that is taken away."""
        self._pods.delete_collection_namespaced_pod(
            ARGO_NAMESPACE, label_selector="app.kubernetes.io/component=workflow-controller", _request_timeout=30
        )

    def log_tail(self, workflow: str, node: str) -> list[str]:
        """The last lines of a step's log, or none when its pod is gone."""
        selector = f"workflows.argoproj.io/workflow={workflow}"
        try:
            pods = self._pods.list_namespaced_pod(NAMESPACE, label_selector=selector, _request_timeout=30)
            for metadata in (pod.metadata for pod in pods.items if pod.metadata is not None):
                if metadata.name and (metadata.annotations or {}).get(_NODE_ID) == node:
                    text = self._pods.read_namespaced_pod_log(
                        metadata.name,
                        NAMESPACE,
                        container="main",
                        tail_lines=LOG_LINES * 2,
                        _request_timeout=30,
                    )
                    return [line for line in str(text).splitlines() if not _EXECUTOR_LINE.match(line)][-LOG_LINES:]
        except Exception:  # noqa: BLE001  the log is a courtesy: no trouble with it may hide the failure itself
            return []
        return []


class Shown:
    """What has been said of each run: a new state is news at once, mere passing of time every ten seconds."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def is_news(self, run: RunStatus) -> bool:
        """True when the run's progress should be shown again."""
        state, now = status.without_times(run.progress), time.monotonic()
        before, when = self._last.get(run.workflow, ("", 0.0))
        if state == before and (run.ended or now - when < SHOW_SECONDS):
            return False
        self._last[run.workflow] = state, now
        return True


async def follow(runs: Runs, names: Sequence[str], report: Report) -> Mapping[str, RunStatus]:
    """Waits until all named Workflows have ended; calls `report` with every status of every poll.

    An API server that does not answer is asked again for ten minutes. What Argo's controller has lost sight of is found
    again (`components/lost.py`). Raises `pulumi.RunError` for a run that is
    deleted meanwhile, and when the API server stays away.
    """
    problems, unseen = 0, Lost(runs)
    while True:
        asked = time.monotonic()
        try:
            found = await asyncio.to_thread(runs.statuses, names)
            for line in await asyncio.to_thread(unseen.look, found.values()):
                pulumi.log.warn(line)
            problems = 0
        except Exception as error:
            problems += 1
            if problems > MAX_PROBLEMS:
                raise pulumi.RunError(f"the cluster does not answer: {error}; the runs go on, `up` again") from error
            await asyncio.sleep(POLL_SECONDS)
            continue
        if lost := [name for name in names if name not in found]:
            raise pulumi.RunError(
                f"{', '.join(lost)}: deleted while it was followed; `pulumi refresh` and then `pulumi up` runs it again"
            )
        for found_status in found.values():
            report(found_status)
        if all(found_status.ended for found_status in found.values()):
            return found
        # Thousands of samples take seconds to read: the API server has others to serve.
        await asyncio.sleep(max(POLL_SECONDS, REST * (time.monotonic() - asked)))


def explain_failures(runs: Runs, ended: Mapping[str, RunStatus], urns: Mapping[str, str]) -> str | None:
    """A text that names every failed run, its step, its reason and the last lines of its log; None if all is well."""
    every = [run for whole in ended.values() for run in whole.each]
    failed = [run for run in every if run.failed]
    if not failed:
        return None
    done = len(every) - len(failed)
    lines = [f"{len(failed)} of {len(every)} runs failed" + (f", {done} done:" if done else ":")]
    for workflow, of_workflow in groupby(failed[:MOST_TOLD], lambda run: run.workflow):
        for run in of_workflow:
            lines += failure_lines(runs, run)
        lines += [
            f"    mend the input or the setting and run `up` again, or try again as it is: "
            f"pulumi up --replace '{urns[workflow]}'"
        ]
    if len(failed) > MOST_TOLD:
        lines += [f"  and {len(failed) - MOST_TOLD} more: {_names(failed[MOST_TOLD:])}"]
    return "\n".join(lines)


def explain_edits(ended: Mapping[str, RunStatus], urns: Mapping[str, str]) -> list[str]:
    """A line for each run that is not any more what was made: what its steps have left goes by what they should be."""
    return [
        f"{name} was changed by hand ({run.edited}): what it did since need not be what its records say. To do it as "
        f"it should be: delete the folders .steps of its samples' results, then pulumi up --replace '{urns[name]}'"
        for name, run in ended.items()
        if run.edited
    ]


def _names(failed: Sequence[RunStatus]) -> str:
    shown = ", ".join(run.subject for run in failed[:MOST_NAMED])
    return f"{shown}, ..." if len(failed) > MOST_NAMED else shown


def failure_lines(runs: Runs, run: RunStatus) -> list[str]:
    """What failed in a run: each step, its reason and the end of its log."""
    lines: list[str] = []
    for failure in run.failures:
        lines += [f"  {run.subject}: {failure.step}: {_reason(failure)}"]
        lines += [f"      {line}" for line in runs.log_tail(run.workflow, failure.node)]
    return lines


def _reason(failure: Failure) -> str:
    return failure.message + (f" (after {failure.tries} tries)" if failure.tries > 1 else "")
