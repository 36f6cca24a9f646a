"""What all Workflows have in common: labels, security, a name made from their content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hera.workflows import DAG, Container, ContainerSet, Parameter, Steps, Task, Workflow, WorkflowTemplate
from hera.workflows import Step as Call
from hera.workflows import models as m

from workflows.own import lane_containers
from workflows.steps import Step, container, fan_out_arguments, inputs, parameters
from workflows.types import KIND_LABEL, SAMPLE_LABEL, STACK_LABEL, Manifest, Platform, content_hash, slug

GRACE_SECONDS = 15
"""What a spot node of Google Cloud leaves to a pod at the least; a step that is told to stop is gone well before."""


def workflow(
    kind: str, subject: str, steps: Sequence[Step], platform: Platform, labels: Mapping[str, str] | None = None
) -> Manifest:
    """A Workflow that runs `steps`, each after those that it names; one with several items runs them side by side.

    `kind` is `sample`, `sheet` or `reference`, `subject` what it is about; both become labels, beside `labels`.
    """
    own = {KIND_LABEL: kind, SAMPLE_LABEL: subject, **(labels or {})}
    with Workflow(name="unnamed", labels={**_labels(platform), **own}, **_common(kind, platform)) as made:
        _graph(kind, subject, steps, platform)
    return _named(made.to_dict(), subject)


def template(name: str, options: Mapping[str, str | None], steps: Sequence[Step], platform: Platform) -> Manifest:
    """A WorkflowTemplate from which people start single jobs; `options` are its parameters and their defaults.

    Its Workflows are of the kind `job`, about what their parameter `sample` says.
    """
    subject = "{{workflow.parameters.sample}}"
    metadata = m.WorkflowMetadata(
        labels={**_labels(platform), KIND_LABEL: "job"},
        labels_from={SAMPLE_LABEL: m.LabelValueFrom(expression="workflow.parameters.sample")},
    )
    with WorkflowTemplate(
        name=name,
        labels=_labels(platform),
        workflow_metadata=metadata,
        arguments=[_parameter(option, default) for option, default in options.items()],
        **_common("job", platform),
    ) as made:
        # Not by the job's own name: one of its steps has that.
        _graph("job", subject, steps, platform)
    return made.to_dict()


def _parameter(name: str, default: str | None) -> Parameter:
    return Parameter(name=name) if default is None else Parameter(name=name, value=default)


def _labels(platform: Platform) -> dict[str, str]:
    return {
        "app.kubernetes.io/part-of": "biojobs",
        "app.kubernetes.io/managed-by": "pulumi",
        STACK_LABEL: platform.stack,
    }


def _common(entrypoint: str, platform: Platform) -> dict[str, Any]:
    return {
        "namespace": platform.namespace,
        "entrypoint": entrypoint,
        "service_account_name": platform.service_account,
        "pod_metadata": m.Metadata(annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}),
        "security_context": _pod_security(),
        "pod_spec_patch": json.dumps({"terminationGracePeriodSeconds": GRACE_SECONDS}),
    }


def _graph(name: str, subject: str, steps: Sequence[Step], platform: Platform) -> None:
    """The templates of the steps, and the graph that runs them."""
    templates: dict[str, Container | ContainerSet | Steps] = {}
    for step in steps:
        own = step.aligner
        run = lane_containers(step, own, subject, platform) if own else container(step, subject, platform)
        templates[step.name] = _to_the_end(step, run) if step.rest else run
    with DAG(name=name, fail_fast=False):
        for step in steps:
            Task(
                name=step.name,
                template=templates[step.name],
                depends=_depends(step) or None,
                when=step.when or None,
                **fan_out_arguments(step),
            )


def _depends(step: Step) -> str:
    ends = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")
    if step.anyway:
        return " && ".join(f"({' || '.join(f'{earlier}.{end}' for end in ends)})" for earlier in step.after)
    return " && ".join(step.after)


def _to_the_end(step: Step, run: Container | ContainerSet) -> Steps:
    """A template that runs a step, and itself for everything that the step has left."""
    name = f"{step.name}-to-the-end"
    own = {given: f"{{{{inputs.parameters.{given}}}}}" for given in parameters(step.items[0])}
    with Steps(name=name, inputs=inputs(step)) as made:
        Call(name=step.name, template=run, arguments=own)
        left = f"{{{{steps.{step.name}.outputs.parameters.{step.rest}}}}}"
        Call(name="rest", template=name, arguments=parameters(step.items[0]), with_param=left)
    return made


def _pod_security() -> m.PodSecurityContext:
    """No root, one user, the default seccomp profile: Pod Security `restricted`."""
    return m.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=10001,
        run_as_group=10001,
        fs_group=10001,
        seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
    )


def _named(manifest: Manifest, subject: str) -> Manifest:
    """The manifest under a name made from its subject and the hash of its content: other content, another run."""
    manifest["metadata"]["name"] = f"{slug(subject)}-{content_hash(manifest['metadata'], manifest['spec'])[:10]}"
    return manifest
