"""Step templates: one container, hardened, sized by its class, with its retry rules. Every pipeline uses these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hera.workflows import Container, EmptyDirVolume, Env, EphemeralVolume, Parameter, SecretEnv
from hera.workflows import models as m

from quantities import MIB, parse_bytes, write_bytes
from workflows.failures import MAX_INTERRUPTIONS, pod_patch, retry_strategy
from workflows.sizing import Need
from workflows.types import SAMPLE_LABEL, Aligner, Placement, Platform, Size, SizeName

LIGHT = Size(cpu="50m", threads=1, memory_mib=256, scratch="1Gi")
RESTRICTED = m.SecurityContext(
    allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=m.Capabilities(drop=["ALL"])
)
_FIRST_STEP_MIB = 128
SCRATCH = "scratch"
"""By this an item may say how much scratch it takes: those of many sizes then share a template."""


@dataclass(frozen=True)
class Item:
    """One container of a step. `key` names what its result is made from: a record that carries it is not made again."""

    key: str
    record: str
    args: Mapping[str, str]
    """Arguments that differ between the items of a step, by option without dashes."""


@dataclass(frozen=True)
class Step:
    """A script of an image, run once for every item; `args` are the arguments that all items share."""

    name: str
    image: str
    size: SizeName
    args: tuple[str, ...]
    items: tuple[Item, ...]
    after: tuple[str, ...] = ()
    """Names of the steps whose end it waits for."""
    anyway: bool = False
    """Whether it runs also when those did not end well."""
    when: str = ""
    """Argo's condition; the step is left out where it does not hold."""
    outputs: tuple[str, ...] = ()
    """Names of the values that it hands to later steps."""
    each: str = ""
    """A JSON list that another step hands over: the step runs once for each of its entries, whose fields its only item
    names as `{{item.field}}`."""
    rest: str = ""
    """The output that lists, likewise, what is still to be done when an item ends: the step runs for those too."""
    need: Need | None = None
    """What it takes for inputs of known size; where that is less than its class gives, it asks for no more."""
    light: bool = False
    """Whether it only looks or waits: it asks for next to nothing, so that it stands in nobody's way."""
    tries: int = MAX_INTERRUPTIONS
    """How often it is tried again when it was interrupted."""
    aligner: Aligner | None = None
    """What runs between two containers of ours, where the step is an aligner of the user's own."""

    @property
    def records(self) -> tuple[str, ...]:
        """URIs of the records that the step leaves behind."""
        return tuple(item.record for item in self.items)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the step's results."""
        return tuple(item.key for item in self.items)


def container(step: Step, subject: str, platform: Platform) -> Container:
    """The Hera template of a step; what differs between its items are input parameters."""
    size, placement = asked(step, platform), platform.placements[step.size]
    return Container(
        name=step.name,
        inputs=inputs(step),
        outputs=[
            Parameter(name=name, value_from=m.ValueFrom(path=f"/scratch/outputs/{name}")) for name in step.outputs
        ],
        image=platform.images[step.image],
        image_pull_policy="IfNotPresent",
        command=[f"/biojobs/{step.name}.sh"],
        args=[*step.args, *item_args(step), *common_args(step, subject, platform)],
        env=environment(platform),
        archive_location=m.ArtifactLocation(archive_logs=True),
        resources=resources(size, placement),
        volumes=[scratch_volume(size, placement)],
        security_context=RESTRICTED,
        retry_strategy=retry_strategy(size, step.tries),
        pod_spec_patch=patch("main", step, platform),
        **place(step, subject, placement),
    )


def sized(step: Step, platform: Platform) -> Size:
    """What a step asks for: its class's share, or less where it needs less."""
    size = platform.sizes[step.size]
    if step.light:
        return LIGHT
    if step.need is None:
        return size
    share = parse_bytes(size.scratch)
    scratch = min(share, coarse(-(-step.need.scratch_bytes // MIB), 150) * MIB or share)
    memory = min(size.memory_mib, coarse(step.need.memory_mib, 110))
    return replace(size, memory_mib=memory, max_memory_mib=size.most_mib, scratch=write_bytes(scratch))


def asked(step: Step, platform: Platform) -> Size:
    """What a step's template asks for: as `sized`, with its class's scratch where each item says its own."""
    size = sized(step, platform)
    return replace(size, scratch=platform.sizes[step.size].scratch) if SCRATCH in step.items[0].args else size


def coarse(mib: int, percent: int) -> int:
    """An amount in MiB, rounded up to one of few: each `percent` of the one before it; 0 is not known and stays.

    Steps of many samples then ask for the same, and are the same template.
    """
    step = _FIRST_STEP_MIB if mib else 0
    while step < mib:
        step = -(-step * percent // 100)
    return step


def patch(container: str, step: Step, platform: Platform, also: tuple[str, ...] = ()) -> str:
    """What Argo changes in the pods of a step's tries; see `pod_patch`."""
    placement = platform.placements[step.size]
    scratch = f"{{{{inputs.parameters.{SCRATCH}}}}}" if SCRATCH in step.items[0].args else ""
    return pod_patch(container, asked(step, platform), placement, step.tries, also, scratch)


def inputs(step: Step) -> list[Parameter]:
    """The input parameters of a step's template."""
    return [Parameter(name=name) for name in parameters(step.items[0])]


def resources(size: Size, placement: Placement) -> m.ResourceRequirements:
    """Requests and limits of a step's container. Memory that is promised is there; CPU may be more than that."""
    memory = write_bytes(size.memory_mib * MIB)
    scratch = {"ephemeral-storage": size.scratch} if placement.reserves_scratch else {}
    gpus = {"nvidia.com/gpu": str(size.gpus)} if size.gpus else {}
    return m.ResourceRequirements(
        requests=_quantities({"cpu": size.cpu, "memory": memory, **scratch}),
        limits=_quantities({"memory": memory, **gpus}),
    )


def place(step: Step, subject: str, placement: Placement) -> dict[str, Any]:
    """Where a step's pods go, and what they are labelled with."""
    return {
        "node_selector": dict(placement.node_selector) or None,
        "tolerations": [m.Toleration.model_validate(dict(taint)) for taint in placement.tolerations] or None,
        "labels": {"biojobs/step": step.name, SAMPLE_LABEL: subject},
    }


def parameters(item: Item) -> dict[str, str]:
    """An item's input parameters by name."""
    return {"key": item.key, "record": item.record, **item.args}


def item_args(step: Step) -> Sequence[str]:
    """A script's options for what differs between a step's items."""
    names = [name for name in parameters(step.items[0]) if name != SCRATCH]
    return [word for name in names for word in (f"--{name}", f"{{{{inputs.parameters.{name}}}}}")]


def common_args(step: Step, subject: str, platform: Platform) -> Sequence[str]:
    """The options that all scripts know."""
    size = sized(step, platform)
    return (
        # A step that many samples share is told by its items which one it works on.
        *(() if "sample" in step.items[0].args else ("--sample", subject)),
        *("--run", "{{workflow.name}}"),
        *("--image", platform.images[step.image]),
        *("--threads", str(size.threads)),
        *("--memory", str(size.memory_mib)),
    )


def environment(platform: Platform) -> list[Any]:
    """Variables of every step."""
    plain = {"TMPDIR": "/scratch", **platform.access.env, **({"BIOJOBS_STUB": "1"} if platform.stub else {})}
    return [
        *(Env(name=name, value=value) for name, value in sorted(plain.items())),
        *(
            SecretEnv(name=name, secret_name=secret, secret_key=key)
            for name, (secret, key) in sorted(platform.access.secret_env.items())
        ),
    ]


def _quantities(values: dict[str, str]) -> dict[str, m.Quantity]:
    return {name: m.Quantity(root=value) for name, value in values.items()}


def scratch_volume(size: Size, placement: Placement) -> EmptyDirVolume | EphemeralVolume:
    """The step's scratch: on the node's disk, or a volume that comes and goes with the pod."""
    if not placement.scratch_class:
        return EmptyDirVolume(name="scratch", mount_path="/scratch", size_limit=m.Quantity(root=size.scratch))
    claim = m.PersistentVolumeClaimSpec(
        access_modes=["ReadWriteOnce"],
        storage_class_name=placement.scratch_class,
        resources=m.VolumeResourceRequirements(requests=_quantities({"storage": size.scratch})),
    )
    return EphemeralVolume(
        name="scratch", mount_path="/scratch", volume_claim_template=m.PersistentVolumeClaimTemplate(spec=claim)
    )
