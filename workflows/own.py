"""An aligner of the user's own: their image and command between two containers of ours, which fetch and deliver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hera.workflows import ContainerNode, ContainerSet, Env
from hera.workflows import models as m

from workflows.failures import retry_strategy
from workflows.sizing import Need
from workflows.steps import (
    RESTRICTED,
    Step,
    asked,
    common_args,
    environment,
    inputs,
    item_args,
    patch,
    place,
    resources,
    scratch_volume,
)
from workflows.types import Aligner, Placement, Platform, Size
from workflows.work import NEEDED, Work

COURIER = Size(cpu="100m", threads=1, memory_mib=512, scratch="1Gi")
"""What fetching and delivering take; they run before and after the aligner, in its pod."""


_LANE = ("lane", "library", "platform", "reads-1", "reads-2", "checksum-1", "checksum-2")
"""A lane as the options of our two containers."""


def own_aligner(
    work: Work,
    aligner: Aligner,
    reference: str,
    duplicates: str,
    lanes: Sequence[tuple[str, Sequence[str]]],
    sorting: Need | None,
    made_from: object,
    after: Sequence[str],
) -> list[Step]:
    """The steps from reads to the BAM: the aligner on every lane (its name and its arguments), then one sort of all,
    which takes `sorting`. Where the BAM is there already, no machine is asked for."""
    folder = f"{work.results}/.steps/lanes"
    bams = (word for lane, _ in lanes for word in ("--lane-bam", lane, f"{folder}/{lane}.bam"))
    args = (*("--reference", f"{reference}/"), *bams, *("--out", f"{work.results}/"), *("--duplicates", duplicates))
    source = [made_from, aligner.image, aligner.command]
    # The record of bwa-mem2's alignment is replaced: whoever goes back to it finds that the BAM is another one.
    sort = work.single("sort", "bwa-mem2", "large", args, source, record="align", after=["lane"], need=sorting)
    lookup = work.lookup(sort.items, wait_seconds=0, after=after)
    shared = ("--reference", f"{reference}/", "--out", f"{folder}/")
    items = (
        work.item("lane", "bwa-mem2", shared, source, f"lanes/{lane}", dict(zip(_LANE, words, strict=True)))
        for lane, words in lanes
    )
    lane = Step(
        "lane",
        "bwa-mem2",
        aligner.size,
        shared,
        tuple(items),
        after=("lookup",),
        when=NEEDED,
        aligner=aligner,
    )
    return [lookup, lane, sort]


def lane_containers(step: Step, aligner: Aligner, subject: str, platform: Platform) -> ContainerSet:
    """The Hera template of the aligner's step: fetch, align, deliver in one pod, with one scratch volume."""
    size, placement = asked(step, platform), platform.placements[step.size]
    courier: dict[str, Any] = {
        "image": platform.images[step.image],
        "env": environment(platform),
        "resources": resources(COURIER, Placement()),
        "security_context": RESTRICTED,
        "args": [*step.args, *item_args(step), *common_args(step, subject, platform)],
    }
    given = {
        "BIOJOBS_IN": "/scratch/in",
        "BIOJOBS_OUT": "/scratch/out",
        "BIOJOBS_THREADS": str(size.threads),
        "BIOJOBS_SAMPLE": subject,
        "BIOJOBS_LANE": "{{inputs.parameters.lane}}",
        "TMPDIR": "/scratch",
        "HOME": "/scratch",
    }
    scratch = scratch_volume(size, placement)
    # No logs are archived: a program that says nothing would leave an empty one, which not every store takes. And
    # Argo tells of the first container that failed, in the order of their names: that is the order they run in.
    with ContainerSet(
        name=step.name,
        inputs=inputs(step),
        volumes=[scratch],
        volume_mounts=[m.VolumeMount(name="scratch", mount_path="/scratch")],
        retry_strategy=retry_strategy(size, step.tries),
        pod_spec_patch=patch("command", step, platform, also=("before", "main")),
        **place(step, subject, placement),
    ) as made:
        ContainerNode(name="before", command=["/biojobs/fetch.sh"], **courier)
        ContainerNode(
            name="command",
            image=platform.images[step.image] if platform.stub else aligner.image,
            command=["/bin/true"] if platform.stub else list(aligner.command),
            env=[Env(name=name, value=value) for name, value in given.items()],
            resources=resources(size, placement),
            security_context=m.SecurityContext(
                allow_privilege_escalation=False, capabilities=m.Capabilities(drop=["ALL"])
            ),
            dependencies=["before"],
        )
        ContainerNode(name="main", command=["/biojobs/deliver.sh"], dependencies=["command"], **courier)
    return made
