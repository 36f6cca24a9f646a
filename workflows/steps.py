"""Step templates: one container, hardened, sized by its class, with its retry rules. Every pipeline uses these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hera.workflows import Container, EmptyDirVolume, Env, EphemeralVolume, Parameter, RetryStrategy, SecretEnv
from hera.workflows import models as m

from quantities import MIB, write_bytes
from workflows.types import SAMPLE_LABEL, Placement, Platform, Size, SizeName

MAX_INTERRUPTIONS = 5
_BACKOFF = m.Backoff(duration="5s", factor=m.IntOrString(root=2), max_duration="30m")

# Pods that went away and signals that no out-of-memory kill explains are interruptions; 74 is store trouble. A pod that
# is evicted for what it wrote itself would write it again.
_OUT_OF_MEMORY = "lastRetry.message matches 'OOMKilled'"
_OUTGREW_ITS_DISK = "lastRetry.message matches 'exceeds the (total )?limit'"
_INTERRUPTED = "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [-1, 74, 137, 143]"

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
    size = platform.sizes[step.size]
    placement = platform.placements[step.size]
    memory = write_bytes(size.memory_mib * MIB)
    return Container(
        name=step.name,
        inputs=[Parameter(name=name) for name in _parameters(step.items[0])],
        image=platform.images[step.image],
        image_pull_policy="IfNotPresent",
        command=[f"/biojobs/{step.name}.sh"],
        args=[*step.args, *_item_args(step), *_common_args(step, subject, platform)],
        env=_environment(platform),
        resources=m.ResourceRequirements(
            requests=_quantities({"cpu": size.cpu, "memory": memory, **_scratch(size, placement)}),
            limits=_quantities({"memory": memory}),
        ),
        volumes=[_scratch_volume(size, placement)],
        security_context=m.SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=m.Capabilities(drop=["ALL"]),
        ),
        retry_strategy=RetryStrategy(
            limit=MAX_INTERRUPTIONS, retry_policy="Always", expression=RETRY_EXPRESSION, backoff=_BACKOFF
        ),
        pod_spec_patch=json.dumps({**_double_memory_after_oom(size.memory_mib), **_last_try(placement)}),
        node_selector=dict(placement.node_selector) or None,
        tolerations=[m.Toleration.model_validate(dict(taint)) for taint in placement.tolerations] or None,
        labels={"biojobs/step": step.name, SAMPLE_LABEL: subject},
    )


def fan_out_arguments(step: Step) -> dict[str, Any]:
    """The arguments of the step's task: plain for a single item, `withItems` for several."""
    values = [_parameters(item) for item in step.items]
    if len(values) == 1:
        return {"arguments": values[0]}
    return {"arguments": {name: f"{{{{item.{name}}}}}" for name in values[0]}, "with_items": values}


def _parameters(item: Item) -> dict[str, str]:
    return {"key": item.key, "record": item.record, **item.args}


def _item_args(step: Step) -> Sequence[str]:
    names = list(_parameters(step.items[0]))
    return [word for name in names for word in (f"--{name}", f"{{{{inputs.parameters.{name}}}}}")]


def _common_args(step: Step, subject: str, platform: Platform) -> Sequence[str]:
    size = platform.sizes[step.size]
    return (
        *("--sample", subject),
        *("--run", "{{workflow.name}}"),
        *("--image", platform.images[step.image]),
        *("--threads", str(size.threads)),
        *("--memory", str(size.memory_mib)),
    )


def _environment(platform: Platform) -> list[Any]:
    plain = {"TMPDIR": "/scratch", **platform.access.env}
    return [
        *(Env(name=name, value=value) for name, value in sorted(plain.items())),
        *(
            SecretEnv(name=name, secret_name=secret, secret_key=key)
            for name, (secret, key) in sorted(platform.access.secret_env.items())
        ),
    ]


def _quantities(values: dict[str, str]) -> dict[str, m.Quantity]:
    return {name: m.Quantity(root=value) for name, value in values.items()}


def _scratch(size: Size, placement: Placement) -> dict[str, str]:
    return {"ephemeral-storage": size.scratch} if placement.reserves_scratch else {}


def _scratch_volume(size: Size, placement: Placement) -> EmptyDirVolume | EphemeralVolume:
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


def _double_memory_after_oom(memory_mib: int) -> dict[str, Any]:
    """A pod patch that Argo fills in at every try: double memory if the last one was killed for want of it."""
    once, twice = write_bytes(memory_mib * MIB), write_bytes(2 * memory_mib * MIB)
    quantity = f"lastRetry.message matches 'OOMKilled' ? '{twice}' : '{once}'"
    memory = {"memory": "{{=" + quantity + "}}"}
    return {"containers": [{"name": "main", "resources": {"requests": memory, "limits": memory}}]}


def _last_try(placement: Placement) -> dict[str, Any]:
    """A pod patch that sends the last try to the placement's other nodes."""

    def label(name: str, last: str) -> str:
        usual = placement.node_selector[name]
        return "{{=asInt(retries) < " + str(MAX_INTERRUPTIONS) + f" ? '{usual}' : '{last}'" + "}}"

    selector = {name: label(name, last) for name, last in placement.last_try.items()}
    return {"nodeSelector": selector} if selector else {}
