"""Kills at random what a run needs, and mends what nobody else would; the same seed makes the same choices."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from sandbox import cluster, packages, supervisor, tools
from sandbox.cache import locked
from sandbox.chaosplan import PROCESSES, Choice, How, Plan, choices
from sandbox.components import Binaries, Component, all_components
from sandbox.console import say, show
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.up import STAGES
from sandbox.victims import DeletingApi, Victims

_IDLE = 200
"""So many choices in a row that met nothing, and there is nothing to kill."""
_TRIES = 20
_WATCHED = 60.0
"""Seconds after the last kill in which what falls is brought back: a scheduler may end long after what it has met."""
Kill = Callable[[str, How, float], tuple[str, bool]]


class Mender:
    """Starts killed components again, each after its time; `finish` waits for all of them."""

    def __init__(self, layout: Layout, components: Mapping[str, Component]) -> None:
        self._layout = layout
        self._components = components
        self._hurry = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    def is_away(self, name: str) -> bool:
        """Whether a component is still to come back."""
        return name in self._threads and self._threads[name].is_alive()

    def later(self, name: str, seconds: float) -> None:
        """Starts a component again after some time."""
        self._threads[name] = threading.Thread(target=self._mend, args=(name, seconds), name=name)
        self._threads[name].start()

    def fallen(self) -> list[str]:
        """Components that ended though nobody killed them here, such as a scheduler that met no API server."""
        names = [name for name in self._components if not self.is_away(name)]
        return [name for name in names if supervisor.pid_of(self._layout, name) is None]

    def finish(self) -> None:
        """Brings back at once all that is away, and whatever fell beside it."""
        self._hurry.set()
        for thread in self._threads.values():
            thread.join()
        for stage in STAGES:
            supervisor.ensure_stage(
                self._layout, [self._components[name] for name in stage if name in self._components]
            )

    def _mend(self, name: str, seconds: float) -> None:
        self._hurry.wait(seconds)
        for _ in range(_TRIES):
            try:
                supervisor.ensure_stage(self._layout, [self._components[name]])
            except SandboxError:
                # What it needs may be away itself; `finish` says what never comes back.
                self._hurry.wait(1)
            else:
                return


class Chaos:
    """The loop: waits, kills, says so and counts."""

    def __init__(self, plan: Plan, kill: Kill, mender: Mender) -> None:
        self._plan = plan
        self._kill = kill
        self._mender = mender
        self.counts: Counter[tuple[str, How]] = Counter()
        self.missed = 0

    def run(self) -> None:
        """Kills until the plan's number or time is reached."""
        ends = time.monotonic() + self._plan.seconds if self._plan.seconds is not None else math.inf
        idle = 0
        for choice in choices(self._plan):
            if self._plan.kills is not None and self.counts.total() >= self._plan.kills:
                return
            if time.monotonic() + choice.pause > ends:
                return
            time.sleep(choice.pause)
            self._pick_up()
            idle = 0 if self._try(choice) else idle + 1
            if idle >= _IDLE:
                raise SandboxError(f"{_IDLE} choices in a row met nothing to kill: start a run first, or see --only")

    def watch(self, seconds: float) -> None:
        """Kills nothing more, and brings back what falls by itself."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._pick_up()
            time.sleep(min(1.0, seconds))

    def table(self) -> str:
        """Counts by kind and how, and the choices that met nothing."""
        rows = [f"{kind:<20}{how:<10}{count:>6}" for (kind, how), count in sorted(self.counts.items())]
        total = [f"{'all kills':<30}{self.counts.total():>6}", f"{'met nothing':<30}{self.missed:>6}"]
        return "\n".join([*rows, *total])

    def _pick_up(self) -> None:
        for name in self._mender.fallen():
            line("fallen", "by-itself", name)
            self._mender.later(name, 0)

    def _try(self, choice: Choice) -> bool:
        name = PROCESSES.get(choice.kind)
        if name and self._mender.is_away(name):
            what, hit = f"{name} is away already", False
        else:
            what, hit = self._kill(choice.kind, choice.how, choice.fraction)
        if hit and name:
            self._mender.later(name, choice.down)
            what += f", back after {choice.down:.1f} s"
        if hit:
            self.counts[choice.kind, choice.how] += 1
            line(choice.kind, choice.how, what)
        else:
            self.missed += 1
            line(choice.kind, "nothing", what)
        return hit


def line(kind: str, how: str, what: str) -> None:
    """A line of what happened, with the time in UTC."""
    print(f"{time.strftime('%H:%M:%S', time.gmtime())}  {kind:<18}  {how:<9}  {what}", flush=True)


def chaos(layout: Layout, plan: Plan) -> int:
    """Carries a plan out on the sandbox; 130 when it was interrupted. It leaves everything mended."""
    with locked(layout.lock, "another `up`, `down` or `chaos` of the sandbox"):
        components = _components(layout)
        mender = Mender(layout, components)
        if fallen := mender.fallen():
            raise SandboxError(f"{fallen[0]} does not run: bring the sandbox up first (`python -m sandbox up`)")
        running = Chaos(plan, Victims(layout, DeletingApi(layout.pki)).kill, mender)
        show(f"chaos with seed {plan.seed}: {', '.join(plan.kinds)}; Ctrl-C ends it and mends what was killed")
        code = 0
        try:
            running.run()
            say(f"watching for {_WATCHED:.0f} s what falls late; Ctrl-C ends that")
            running.watch(_WATCHED)
        except KeyboardInterrupt:
            code = 130
        finally:
            _mend(layout, mender)
            print(running.table(), flush=True)
    return code


def _mend(layout: Layout, mender: Mender) -> None:
    say("bringing back what is away")
    try:
        mender.finish()
        cluster.await_ready(layout, None)
    except KeyboardInterrupt:
        raise SandboxError("interrupted before all was mended: run `python -m sandbox up`") from None


def _components(layout: Layout) -> dict[str, Component]:
    """All that can be killed and what else runs: as `up` has started it, or it would be started anew."""
    kubernetes, etcd, coredns = (tools.folder(name) for name in ("kubernetes", "etcd", "coredns"))
    binaries = Binaries(kubernetes, etcd, coredns, packages.runtime_entry(layout.cache))
    return {component.name: component for component in all_components(layout, binaries)}
