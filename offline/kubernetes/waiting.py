"""Waiting for an object to become ready, or to go, with progress and an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from offline.engine import Engine
from offline.kubernetes import objects
from offline.kubernetes.api import ApiServer, Kind
from offline.kubernetes.errors import UnreachableError
from offline.kubernetes.ready import Condition, Verdict
from offline.kubernetes.reasons import why_not
from offline.resource import Request, ResourceError
from offline.values import Map

TIMEOUT = 600.0  # pulumi-kubernetes waits ten minutes where nobody says otherwise
OUTAGE = 60.0  # an API server that restarts is back well before
POLL = (0.2, 2.0)  # the first and the longest pause between two looks
QUIET = 10.0  # a wait that takes longer says what it waits for


class WaitError(Exception):
    """The wait ended without success; `live` is the last seen object."""

    def __init__(self, reasons: Sequence[str], live: Map | None) -> None:
        """The first reason is the headline."""
        super().__init__(reasons[0])
        self.reasons = tuple(reasons)
        self.live = live


@dataclass(frozen=True)
class Waiting:
    """Waits on one API server, until cancelled."""

    api: ApiServer
    engine: Engine | None
    cancelled: threading.Event
    _warned: threading.Event = field(default_factory=threading.Event)

    def warn_unreachable(self, urn: str, error: UnreachableError) -> None:
        """Say once that a preview goes by the stored state, because the cluster does not answer."""
        if self.engine and not self._warned.is_set():
            self._warned.set()
            self.engine.warning(urn, f"the preview is by the stack's state alone: {error}")

    def until_ready(self, request: Request, kind: Kind, live: Map, condition: Condition) -> Map:
        """The object once `condition` holds. Raises `WaitError`."""
        watch = _Watch(self, request, live)
        seen: Map | None = live
        while seen is not None:
            verdict = condition(self.api, seen)
            if verdict.failed:
                raise WaitError([verdict.message, *why_not(self.api, seen)], seen)
            if verdict.ready:
                return seen
            watch.pause(verdict, lambda last=seen: why_not(self.api, last))
            seen = watch.look(lambda: self.api.get(kind, objects.namespace_of(live), objects.name_of(live)))
        raise WaitError([f"{kind.kind} {objects.object_id(live)} was deleted while it was waited for"], None)

    def until_gone(self, request: Request, kind: Kind, live: Map) -> None:
        """Return when the object, or its very incarnation, is there no more. Raises `ResourceError`."""
        watch = _Watch(self, request, live)
        seen: Map | None = live
        try:
            while seen is not None and seen["metadata"]["uid"] == live["metadata"]["uid"]:
                verdict = Verdict(False, f"waiting for {kind.kind} {objects.object_id(live)} to be gone{_held(seen)}")
                watch.pause(verdict, list)
                seen = watch.look(lambda: self.api.get(kind, objects.namespace_of(live), objects.name_of(live)))
        except WaitError as failed:
            raise ResourceError("\n".join(failed.reasons)) from None


class _Watch:
    """The clock of one wait: pauses, progress, timeout, outages of the API server, cancellation."""

    def __init__(self, waiting: Waiting, request: Request, live: Map) -> None:
        asked = objects.annotation(live, "pulumi.com/timeoutSeconds")
        self._limit = request.timeout or (float(asked) if asked.isdigit() else TIMEOUT)
        self._waiting = waiting
        self._urn = request.urn
        self._live = live
        self._started = self._told = time.monotonic()
        self._delay = POLL[0]

    def pause(self, verdict: Verdict, details: Callable[[], list[str]]) -> None:
        now = time.monotonic()
        if now - self._started > self._limit:
            headline = f"timed out after {self._limit:.0f} s: {verdict.message}"
            raise WaitError([headline, *details()], self._live)
        if self._waiting.engine and now - self._told > QUIET:
            words = [verdict.message, *details()][:2]
            self._waiting.engine.status(self._urn, f"{now - self._started:.0f} s: {'; '.join(words)}")
            self._told = now
        if self._waiting.cancelled.wait(self._delay):
            raise WaitError([f"the wait was cancelled: {verdict.message}"], self._live)
        self._delay = min(self._delay * 1.3, POLL[1])

    def look(self, get: Callable[[], Map | None]) -> Map | None:
        until = time.monotonic() + OUTAGE
        while True:
            try:
                live = get()
                self._live = live or self._live
                return live
            except UnreachableError as error:
                if time.monotonic() > until:
                    raise WaitError([str(error)], self._live) from None
                self.pause(Verdict(False, "the API server does not answer"), list)


def _held(live: Map) -> str:
    finalizers = live["metadata"].get("finalizers")
    return f" (finalizers: {', '.join(finalizers)})" if finalizers else ""
