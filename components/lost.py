"""Pods that are gone without Argo's controller having seen it.

The controller lists pods and then watches them, but from no certain moment on: its list (Argo 4.0.7) has no resource
version. What is deleted between the two, as when the API server goes away just then, stays in its memory, and the
Workflow waits for it for ever. A controller that is started anew knows better. Found by `sandbox chaos` with seed 7.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final, Protocol

from workflows.status import RunStatus

LOOK_SECONDS: Final = 60.0
LOST_SECONDS: Final = 300.0
"""After so long a pod is lost. Argo takes a minute or two for one whose going it has seen."""
REST_SECONDS: Final = 600.0
"""Between two restarts: a controller that is slow, and not mistaken, must come to its work."""


class Pods(Protocol):
    """What is asked of the cluster."""

    def pod_nodes(self) -> set[str]:
        """Nodes of Workflows that have a pod."""
        ...

    def restart_controller(self) -> None:
        """Starts Argo's controller anew."""
        ...


class Lost:
    """Finds pods that Workflows wait for and that are not there, and restarts Argo's controller for them."""

    def __init__(self, cluster: Pods) -> None:
        self._cluster = cluster
        self._missing: dict[str, float] = {}
        self._looked, self._restarted = time.monotonic(), -REST_SECONDS

    def look(self, runs: Iterable[RunStatus]) -> list[str]:
        """Looks once a minute; what it has found and done, if anything. Raises what the cluster's client raises."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return []
        self._looked = now
        waited = {node: run.workflow for run in runs for node in run.active}
        gone = set(waited) - self._cluster.pod_nodes() if waited else set[str]()
        self._missing = {node: self._missing.get(node, now) for node in gone}
        lost = sorted(node for node, since in self._missing.items() if now - since >= LOST_SECONDS)
        if not lost or now - self._restarted < REST_SECONDS:
            return []
        self._cluster.restart_controller()
        self._missing, self._restarted = {}, now
        more = f" (and {len(lost) - 1} more)" if lost[1:] else ""
        return [
            f"{waited[lost[0]]}: the pod of {lost[0]}{more} is gone, and Argo's controller has not seen it in "
            f"{LOST_SECONDS:.0f} s: the controller is started anew"
        ]
