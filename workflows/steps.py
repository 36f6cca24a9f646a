"""Step templates: one container, hardened, sized by its class, with its retry rules. Every pipeline uses these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hera.workflows import Container, EmptyDirVolume, Env, EphemeralVolume, Parameter, RetryStrategy, SecretEnv
from hera.workflows import models as m

from quantities import MIB, parse_bytes, write_bytes
from workflows.sizing import Need
from workflows.types import SAMPLE_LABEL, Aligner, Placement, Platform, Size, SizeName

MAX_INTERRUPTIONS = 5
LIGHT = Size(cpu="50m", threads=1, memory_mib=256, scratch="1Gi")
RESTRICTED = m.SecurityContext(
    allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=m.Capabilities(drop=["ALL"])
)
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
    size, placement = sized(step, platform), platform.placements[step.size]
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
        retry_strategy=retries(step),
        pod_spec_patch=pod_patch("main", step, platform),
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
    scratch = min(share, -(-step.need.scratch_bytes // MIB) * MIB or share)
    return replace(size, memory_mib=min(size.memory_mib, step.need.memory_mib), scratch=write_bytes(scratch))


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


def retries(step: Step) -> RetryStrategy:
    """When a step is tried again."""
    return RetryStrategy(limit=step.tries, retry_policy="Always", expression=RETRY_EXPRESSION, backoff=_BACKOFF)


def place(step: Step, subject: str, placement: Placement) -> dict[str, Any]:
    """Where a step's pods go, and what they are labelled with."""
    return {
        "node_selector": dict(placement.node_selector) or None,
        "tolerations": [m.Toleration.model_validate(dict(taint)) for taint in placement.tolerations] or None,
        "labels": {"biojobs/step": step.name, SAMPLE_LABEL: subject},
    }


def fan_out_arguments(step: Step) -> dict[str, Any]:
    """The arguments of the step's task: plain for a single item, `withItems` or `withParam` for several."""
    values = [parameters(item) for item in step.items]
    if step.each:
        return {"arguments": values[0], "with_param": step.each}
    if len(values) == 1:
        return {"arguments": values[0]}
    return {"arguments": {name: f"{{{{item.{name}}}}}" for name in values[0]}, "with_items": values}


def parameters(item: Item) -> dict[str, str]:
    """An item's input parameters by name."""
    return {"key": item.key, "record": item.record, **item.args}


def item_args(step: Step) -> Sequence[str]:
    """A script's options for what differs between a step's items."""
    names = list(parameters(step.items[0]))
    return [word for name in names for word in (f"--{name}", f"{{{{inputs.parameters.{name}}}}}")]


def common_args(step: Step, subject: str, platform: Platform) -> Sequence[str]:
    """The options that all scripts know."""
    size = sized(step, platform)
    return (
        *("--sample", subject),
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


def pod_patch(container: str, step: Step, platform: Platform) -> str:
    """What Argo changes in the pods of later tries."""
    asked = sized(step, platform)
    memory = _more_memory_after_oom(container, asked, asked if step.light else platform.sizes[step.size])
    return json.dumps({**memory, **_last_try(step, platform.placements[step.size])})


def _more_memory_after_oom(container: str, asked: Size, share: Size) -> dict[str, Any]:
    """A pod patch that Argo fills in at every try: double memory if the last one was killed for want of it, and all of
    its class where it asked for less."""
    once, more = (write_bytes(mib * MIB) for mib in (asked.memory_mib, max(2 * asked.memory_mib, share.memory_mib)))
    quantity = f"lastRetry.message matches 'OOMKilled' ? '{more}' : '{once}'"
    memory = {"memory": "{{=" + quantity + "}}"}
    return {"containers": [{"name": container, "resources": {"requests": memory, "limits": memory}}]}


def _last_try(step: Step, placement: Placement) -> dict[str, Any]:
    """A pod patch that sends the last try to the placement's other nodes."""

    def label(name: str, last: str) -> str:
        usual = placement.node_selector[name]
        return "{{=asInt(retries) < " + str(step.tries) + f" ? '{usual}' : '{last}'" + "}}"

    selector = {name: label(name, last) for name, last in placement.last_try.items()}
    return {"nodeSelector": selector} if selector else {}
