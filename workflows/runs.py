"""What all Workflows have in common: labels, security, a name made from their content."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from hera.workflows import DAG, Task, Workflow
from hera.workflows import models as m

from workflows.steps import Step, container, fan_out_arguments
from workflows.types import KIND_LABEL, SAMPLE_LABEL, STACK_LABEL, Manifest, Platform, content_hash

GRACE_SECONDS = 15
"""What a spot node of Google Cloud leaves to a pod at the least; a step that is told to stop is gone well before."""


def workflow(kind: str, subject: str, stages: Sequence[Step], platform: Platform) -> Manifest:
    """A Workflow that runs `stages` one after the other; a stage with several items runs them side by side.

    `kind` is `sample` or `reference`, `subject` what it is about; both become labels.
    """
    with Workflow(
        name="unnamed",
        namespace=platform.namespace,
        entrypoint=kind,
        service_account_name=platform.service_account,
        labels={
            "app.kubernetes.io/part-of": "biojobs",
            "app.kubernetes.io/managed-by": "pulumi",
            STACK_LABEL: platform.stack,
            KIND_LABEL: kind,
            SAMPLE_LABEL: subject,
        },
        pod_metadata=m.Metadata(annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}),
        security_context=_pod_security(),
        pod_spec_patch=json.dumps({"terminationGracePeriodSeconds": GRACE_SECONDS}),
        archive_logs=True,
    ) as made:
        templates = [container(stage, subject, platform) for stage in stages]
        with DAG(name=kind, fail_fast=False):
            tasks = [
                Task(name=stage.name, template=template, **fan_out_arguments(stage))
                for stage, template in zip(stages, templates, strict=True)
            ]
            for earlier, later in pairwise(tasks):
                earlier.next(later)
    return _named(made.to_dict(), subject)


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
    slug = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40].strip("-")
    manifest["metadata"]["name"] = f"{slug}-{content_hash(manifest['metadata'], manifest['spec'])[:10]}"
    return manifest
