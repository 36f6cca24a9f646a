"""What a pipeline is made from: plain frozen values, known before any manifest is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SizeName = Literal["small", "large", "huge"]
Manifest = dict[str, Any]

SAMPLE_LABEL = "biojobs/sample"
KIND_LABEL = "biojobs/kind"
STACK_LABEL = "biojobs/stack"


@dataclass(frozen=True)
class Source:
    """A file to read. `identity` changes when its content does (size and time, or an ETag); empty if not known."""

    uri: str
    identity: str = ""


@dataclass(frozen=True)
class Size:
    """What a step of a size class may use: `cpu` as a Kubernetes quantity, memory in MiB, scratch as a quantity."""

    cpu: str
    threads: int
    memory_mib: int
    scratch: str


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
class Platform:
    """All that a manifest needs to know of the stack it runs on."""

    namespace: str
    stack: str
    service_account: str
    images: Mapping[str, str]
    """Image references by digest, keyed `fastqc` and `bwa-mem2`."""
    sizes: Mapping[SizeName, Size]
    placements: Mapping[SizeName, Placement]
    store: StoreUris
    access: StoreAccess


def content_hash(*values: object) -> str:
    """The first 16 hex digits of a SHA-256 over the values' canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
