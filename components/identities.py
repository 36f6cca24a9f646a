"""The workloads that reach the store, on every cloud: who they are in the cluster, and what they are given there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

import pulumi

from components.contracts import Identity
from components.names import ARGO_CONTROLLER, ARGO_NAMESPACE, ARGO_SERVER, NAMESPACE, READER, RUNNER


class Workload(NamedTuple):
    """A service account of the cluster."""

    namespace: str
    service_account: str


STEPS: Final = Workload(NAMESPACE, RUNNER)
PEOPLE: Final = Workload(NAMESPACE, READER)
SERVER: Final = Workload(ARGO_NAMESPACE, ARGO_SERVER)
CONTROLLER: Final = Workload(ARGO_NAMESPACE, ARGO_CONTROLLER)


class Admitted(pulumi.ComponentResource):
    """What a cloud makes for a workload: `annotations` go on its service account (none where the cloud binds roles to
    accounts' names); what uses the account depends on `resources`."""

    annotations: Mapping[str, pulumi.Input[str]]
    resources: list[pulumi.Resource]


Made = TypeVar("Made", bound=Admitted)
Rights = TypeVar("Rights")


class StoreIdentities(pulumi.ComponentResource):
    """Who may do what with the data: steps, people who look at it, and Argo with its logs.

    `ready` are all that a pod's credentials need.
    """

    identity: Identity
    ready: list[pulumi.Resource]


@dataclass(frozen=True)
class Workloads(Generic[Made]):
    """Steps, people who look at data, and Argo, which shows its archived logs."""

    runner: Made
    reader: Made
    argo_server: Made
    argo_controller: Made

    @property
    def ready(self) -> list[pulumi.Resource]:
        """All that credentials of pods need."""
        every = (self.runner, self.reader, self.argo_server, self.argo_controller)
        return [resource for made in every for resource in made.resources]

    def identity(self, agent: tuple[str, int] | None) -> Identity:
        """The contract's; `agent` is where the node hands out credentials."""
        return Identity(
            runner=self.runner.annotations,
            reader=self.reader.annotations,
            argo_server=self.argo_server.annotations,
            argo_controller=self.argo_controller.annotations,
            agent=agent,
        )


def admit(make: Callable[[Workload, Rights], Made], runner: Rights, reader: Rights, argo: Rights) -> Workloads[Made]:
    """Makes for every workload what its rights need."""
    return Workloads(make(STEPS, runner), make(PEOPLE, reader), make(SERVER, argo), make(CONTROLLER, argo))
