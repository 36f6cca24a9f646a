"""Tells a webhook how a run has ended: a template that Argo calls when a Workflow is at its end, however it came there.

Argo takes a Workflow whose exit handler failed for a failed one. So the pod is the only task of a graph that goes on
when it fails, and it has a time limit: no webhook and no want of room for the pod changes what a run is, or holds it.
"""

from __future__ import annotations

import json
from typing import Final

from hera.workflows import DAG, Container, Env, SecretEnv, Task, Workflow
from hera.workflows import models as m

from workflows.failures import RULES
from workflows.steps import RESTRICTED, Item, Step, common_args, place, resources, scratch_volume, sized
from workflows.types import KIND_LABEL, SHEET_LABEL, Event, Manifest, Notification, Platform

_ENTRY: Final = "at-the-end"
_STEP: Final = "notify"
_TIMEOUT: Final = "10m"
"""Also for a pod that finds no room: then nobody is told."""
_EVENTS: Final[dict[str, Event]] = {"sample": "sample-failed", "sheet": "sheet-ended"}


def with_exit_handler(manifest: Manifest, platform: Platform) -> Manifest:
    """A Workflow that tells how it has ended, where the platform has a webhook for runs of its kind."""
    labels = manifest["metadata"]["labels"]
    told, kind = platform.notification, labels[KIND_LABEL]
    if told is None or _EVENTS.get(kind) not in told.on:
        return manifest
    spec = manifest["spec"]
    spec["onExit"] = _ENTRY
    spec["templates"] = [*spec["templates"], *_templates(kind, labels[SHEET_LABEL], platform, told)]
    return manifest


def causes() -> str:
    """The rules of `workflows.failures` for images/multiqc/ended.py: JSON, [cause, codes, message, status] each."""
    rules = [[rule.cause, rule.codes, rule.message, rule.status] for rule in RULES]
    return json.dumps(rules, separators=(",", ":"))


def _templates(kind: str, sheet: str, platform: Platform, told: Notification) -> list[Manifest]:
    # A run that went well has no failed sample: no pod needs to find that out.
    when = "{{workflow.status}} != Succeeded" if kind == "sample" else None
    with Workflow(name="unnamed") as made:
        pod = _pod(kind, sheet, platform, told)
        with DAG(name=_ENTRY):
            Task(name=_STEP, template=pod, when=when, continue_on=m.ContinueOn(error=True, failed=True))
    return made.to_dict()["spec"]["templates"]


def _pod(kind: str, sheet: str, platform: Platform, told: Notification) -> Container:
    """It has neither the store's credentials nor anything else but the webhook's address."""
    args = ("--about", kind, "--sheet", sheet, "--stack", platform.stack, "--causes", causes())
    step = Step(_STEP, "multiqc", "small", args, (Item("none", "none", {}),), light=True)
    size, placement, (secret, key) = sized(step, platform), platform.placements[step.size], told.secret
    return Container(
        name=_STEP,
        image=platform.images[step.image],
        image_pull_policy="IfNotPresent",
        command=[f"/biojobs/{_STEP}.sh"],
        args=[*args, "--record", "none", "--key", "none", *common_args(step, sheet, platform)],
        env=[
            Env(name="TMPDIR", value="/scratch"),
            SecretEnv(name="BIOJOBS_WEBHOOK", secret_name=secret, secret_key=key),
        ],
        resources=resources(size, placement),
        volumes=[scratch_volume(size, placement)],
        security_context=RESTRICTED,
        timeout=_TIMEOUT,
        **place(step, sheet, placement),
    )
