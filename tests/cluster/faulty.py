"""Steps that fail in many ways, as Workflows of the pipeline's own making with another script: templates, retry rules,
security and sizes stay."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.cluster.stack import kubectl
from workflows.failures import cause
from workflows.runs import workflow
from workflows.status import Failure, RunStatus, nodes, read
from workflows.types import Placement, Platform, Size, StoreAccess, StoreUris
from workflows.work import Work

SCRIPT = """
. /biojobs/lib.sh
step_class=small
step_main() { parse "" "" "$@"; skip_if_done; echo "probe: works with ${option[memory]} MiB"; {do}; write_record; }
run_step "$@"
"""
"""A step with nothing to do but to fail; {do} knows `$try`, the number of the tries before."""
BACKOFF = {"duration": "1s"}
"""Of the tests: five interruptions would wait for minutes otherwise."""


@dataclass(frozen=True)
class Fault:
    """What a step does, and how its manifest differs from others."""

    do: str = "true"
    command: str = ""
    """In place of the script."""
    patch: Mapping[str, Any] | None = None
    """More of the pod's patch."""


@dataclass(frozen=True)
class Ended:
    """A run's end: causes of the tries in their order, and how often Argo made their pods anew."""

    run: RunStatus
    causes: tuple[str, ...]
    made_anew: tuple[int, ...]

    @property
    def failure(self) -> Failure:
        assert self.run.failed, self.run
        (found,) = self.run.failures
        return found


def platform(placement: Placement | None = None) -> Platform:
    """The stack's own, with a class that may be doubled twice."""
    template = json.loads(kubectl("-n", "biojobs", "get", "workflowtemplate", "index", "-o", "json"))
    step = next(made for made in template["spec"]["templates"] if "container" in made)["container"]
    given = step["env"]
    secrets = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in given if "valueFrom" in one}
    return Platform(
        namespace="biojobs",
        stack="faults",
        service_account="runner",
        images={"bwa-mem2": step["image"]},
        sizes={"small": Size("50m", 1, 256, "32Mi", max_memory_mib=1024)},
        placements={"small": placement or Placement()},
        store=StoreUris("s3://reads", "s3://reference", "s3://results"),
        access=StoreAccess(
            {one["name"]: one["value"] for one in given if "value" in one},
            {name: (key["name"], key["key"]) for name, key in secrets.items()},
        ),
    )


def manifest(name: str, fault: Fault, on: Platform) -> dict[str, Any]:
    """The Workflow of a fault."""
    work = Work(name, f"s3://results/_faults/{name}", on)
    made = workflow("fault", name, [work.single("probe", "bwa-mem2", "small", [], name)], on)
    made["metadata"]["name"] = f"fault-{name}"
    step = next(template for template in made["spec"]["templates"] if "container" in template)
    script = SCRIPT.replace("{do}", fault.do)
    args = step["container"]["args"]
    command = [fault.command] if fault.command else ["/bin/bash", "-c", script, "probe.sh"]
    step["container"] |= {"command": command[:1], "args": [*command[1:], *args]}
    step["retryStrategy"]["backoff"] = BACKOFF
    if fault.patch:
        step["podSpecPatch"] = json.dumps({**json.loads(step["podSpecPatch"]), **fault.patch})
    made["spec"]["podGC"] = {"strategy": "OnWorkflowCompletion", "deleteDelayDuration": "1h"}
    return made


def create(made: Mapping[str, Any]) -> None:
    """Starts a Workflow."""
    text = json.dumps(made)
    subprocess.run(["kubectl", "create", "-f", "-"], input=text, text=True, check=True, capture_output=True)


def ends() -> dict[str, Ended]:
    """How the faults' runs are by now."""
    found = json.loads(kubectl("-n", "biojobs", "get", "workflows", "-l", "biojobs/stack=faults", "-o", "json"))
    return {item["metadata"]["name"].removeprefix("fault-"): _ended(item) for item in found["items"]}


def _ended(item: Mapping[str, Any]) -> Ended:
    pods = sorted((node for node in nodes(item) if node["type"] == "Pod"), key=lambda node: _number(node["name"]))
    failed = [node for node in pods if node["phase"] in ("Failed", "Error")]
    told = (
        cause(node["phase"], str(node.get("outputs", {}).get("exitCode", "")), node.get("message", ""))
        for node in failed
    )
    anew = tuple(int(node.get("failedPodRestarts", 0)) for node in pods)
    return Ended(read(item, datetime.now(UTC)), tuple(told), anew)


def _number(name: str) -> int:
    return int(name.rpartition("(")[2].rstrip(")")) if name.endswith(")") else 0


def limits(name: str) -> list[str]:
    """Memory limits of a fault's pods, oldest first."""
    found = kubectl(
        *("-n", "biojobs", "get", "pods", "-l", f"workflows.argoproj.io/workflow=fault-{name}"),
        "--sort-by=.metadata.creationTimestamp",
        *("-o", "jsonpath={.items[*].spec.containers[?(@.name=='main')].resources.limits.memory}"),
    )
    return found.split()


def running(name: str, said: str = "") -> str | None:
    """The pod of a fault whose main container runs, as Argo knows too, and has said this."""
    if "running" not in ends()[name].run.progress:
        return None
    started = "{.status.containerStatuses[?(@.name=='main')].state.running.startedAt}"
    path = f"{{range .items[*]}}{{.metadata.name}}{{' '}}{started}{{'\\n'}}{{end}}"
    selected = ("pods", "-l", f"workflows.argoproj.io/workflow=fault-{name}")
    for line in kubectl("-n", "biojobs", "get", *selected, "-o", f"jsonpath={path}").splitlines():
        pod, _, since = line.partition(" ")
        if since and said in kubectl("-n", "biojobs", "logs", pod, "-c", "main"):
            return pod
    return None
