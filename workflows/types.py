"""What a pipeline is made from: plain frozen values, known before any manifest is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from images.multiqc import nodes

SizeName = Literal["small", "large", "huge", "gpu"]
Manifest = dict[str, Any]

SHEET_LABEL = "biojobs/sheet"
SAMPLE_LABEL = nodes.SAMPLE
KIND_LABEL = "biojobs/kind"
STACK_LABEL = "biojobs/stack"

LIMITS = "biojobs-limits"
"""The ConfigMap by which Argo knows the stack's limits."""
SAMPLES_AT_ONCE = "samples-at-once"
"""Its key: how many samples may run at once."""
GROUPS_AT_ONCE = "groups-at-once"
"""Its key: how many Workflows of samples may run at once."""


@dataclass(frozen=True)
class Source:
    """A file to read. `identity` changes when its content does (size and time, or an ETag); empty if not known.

    `size` is in bytes, 0 if not known; `checksum` is `none`, `md5:<hex>` or `sha256:<hex>`.
    """

    uri: str
    identity: str = ""
    size: int = 0
    checksum: str = "none"


@dataclass(frozen=True)
class LaneReads:
    """A read group with its two files located."""

    lane: str
    library: str
    platform: str
    reads: tuple[Source, Source]


@dataclass(frozen=True)
class SampleReads:
    """A sample whose files are located: what one Workflow is made from."""

    name: str
    lanes: tuple[LaneReads, ...]


@dataclass(frozen=True)
class Size:
    """What a step of a size class may use: `cpu` as a Kubernetes quantity, memory in MiB, scratch as a quantity."""

    cpu: str
    threads: int
    memory_mib: int
    scratch: str
    gpus: int = 0
    max_memory_mib: int = 0
    """What it may have after out-of-memory kills; 0 for twice its memory."""

    @property
    def most_mib(self) -> int:
        """The most memory that a try may have, in MiB."""
        return self.max_memory_mib or 2 * self.memory_mib


@dataclass(frozen=True)
class Placement:
    """Where pods of a size class go: node labels to match and taints to tolerate.

    `last_try` has labels that replace those of `node_selector` in a step's last try: nodes that nobody takes away.
    """

    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[Mapping[str, str], ...] = ()
    last_try: Mapping[str, str] = field(default_factory=dict[str, str])
    reserves_scratch: bool = False
    """Whether a pod reserves its scratch on the node: an autoscaler then adds nodes for it. A node of one's own may
    have less free than a class allows, so the default is to limit scratch and reserve none."""
    scratch_class: str = ""
    """Storage class of the volume that each pod gets for its scratch; empty where scratch is on the node's own disk."""


@dataclass(frozen=True)
class StoreUris:
    """Where data lies: URIs without a trailing slash, such as `s3://reads`."""

    reads: str
    reference: str
    results: str


@dataclass(frozen=True)
class StoreAccess:
    """How a step reaches the store: plain environment, and environment from a Secret (variable -> secret, key)."""

    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secret_env: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


@dataclass(frozen=True)
class QcRules:
    """The QC gate's rules; see `biojobs:qc`."""

    must_not_fail: tuple[str, ...]
    min_reads: int
    min_mean_quality: float


@dataclass(frozen=True)
class VariantRules:
    """How variants are called; see `biojobs:variants`. A shard should take `shard_seconds`, and `most` is the limit of
    their number."""

    ploidy: int | str
    """A number, or the parameter that holds one."""
    shard_seconds: int
    most: int


@dataclass(frozen=True)
class Aligner:
    """An aligner of the user's own: a command in an image, run on a size class; see `biojobs:aligner`."""

    image: str
    command: tuple[str, ...]
    size: SizeName


Event = Literal["sheet-ended", "sample-failed"]


@dataclass(frozen=True)
class Notification:
    """What a webhook is told; `secret` is the name of the Secret that holds its address, and the key there."""

    secret: tuple[str, str]
    on: tuple[Event, ...]


@dataclass(frozen=True)
class Budget:
    """What the runs of a sheet may cost in USD, by the prices of an hour of a step that asks for all of its class."""

    usd: float
    prices: Mapping[SizeName, float]
    source: str
    """Where the prices are from, for people."""


@dataclass(frozen=True)
class Platform:
    """All that a manifest needs to know of the stack it runs on."""

    namespace: str
    stack: str
    service_account: str
    images: Mapping[str, str]
    """Image references by digest, keyed by the name of the image's folder."""
    sizes: Mapping[SizeName, Size]
    placements: Mapping[SizeName, Placement]
    store: StoreUris
    access: StoreAccess
    stub: bool = False
    """Whether steps compute nothing and leave empty results, in folders of their own."""
    notification: Notification | None = None
    budget: Budget | None = None


def slug(subject: str) -> str:
    """A subject as part of the name of a Kubernetes object."""
    return re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40].strip("-")


def content_hash(*values: object) -> str:
    """The first 16 hex digits of a SHA-256 over the values' canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
