"""What a cloud hands to the rest. Everything above these types is blind to the cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pulumi
import pulumi_kubernetes as k8s

from settings import Settings
from workflows.types import Placement, SizeName, Source, StoreUris


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes cluster that is ready for use.

    `placements` says where the pods of each size class go; `ready` is what must be there before they do. `api_ports`
    are the ports of its API server, which steps report to. `context` (and `kubeconfig`, a document, where it is not the
    ambient one) let the program follow its runs there.
    """

    provider: k8s.Provider
    placements: Mapping[SizeName, Placement]
    api_ports: Sequence[int]
    context: pulumi.Output[str]
    kubeconfig: pulumi.Output[str] | None = None
    ready: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class Registry:
    """Where our images live: image `x` is pushed to `<address>/x`. Credentials are short-lived; None where none are
    needed."""

    address: pulumi.Input[str]
    username: pulumi.Input[str] | None = None
    password: pulumi.Input[str] | None = None
    copies: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Third-party images that are used from here: the usual reference and that of the copy, by digest."""


@dataclass(frozen=True)
class Identity:
    """Annotations of service accounts, by which a cloud knows whom it may let in, each for its own prefixes only.

    A cloud that binds its roles to the accounts' names needs no annotations.
    """

    runner: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Of the steps: they read reads and references, and write results and indices."""
    argo_controller: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    argo_server: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Of Argo's two deployments, which read archived logs."""
    reader: Mapping[str, pulumi.Input[str]] | None = None
    """Of people's and notebooks' pods, which look and never write; None where there is no such identity."""
    agent: tuple[str, int] | None = None
    """IPv4 address and TCP port on the node that hand out credentials, which pods must reach."""


@dataclass(frozen=True)
class Endpoint:
    """An S3 endpoint that is not the cloud's own."""

    host: str
    """host:port, as pods reach it; plain HTTP."""
    port: int
    access_key: pulumi.Input[str]
    secret_key: pulumi.Input[str]


@dataclass(frozen=True)
class Store:
    """Where data lies and how it is reached."""

    uris: StoreUris
    where: str
    """Where a person finds the results."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment of every step."""
    endpoint: Endpoint | None = None
    ready: Sequence[pulumi.Resource] = ()
    """Resources that must be there before anything reads or writes."""


Locate = Callable[[str], Source]
"""Turns a location of a sheet or setting (a URI, or a path) into what steps read, with an identity that changes with
its content; raises LookupError with a remedy when there is nothing to read."""


@dataclass(frozen=True)
class Cloud:
    """A cloud, ready for the platform and the pipeline."""

    cluster: Cluster
    registry: Registry
    identity: Identity
    store: Store


@dataclass(frozen=True)
class Prepared:
    """A cloud whose settings were found good, and of which nothing is made yet.

    `locate` finds reads and references; `build` makes the cloud, and is called when all of them were found.
    """

    locate: Locate
    build: Callable[[], Cloud]


class CloudModule(Protocol):
    """What `components/<cloud>/cloud.py` offers: a cloud is one more folder."""

    def prepare(self, settings: Settings, root: Path) -> Prepared:
        """Checks what only this cloud can, for the project in `root`; raises `SettingsError` with all problems."""
        ...
