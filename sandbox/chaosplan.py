"""What `chaos` is asked for: options, kinds, and the sequence of choices that a seed stands for."""

import argparse
import os
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

How = Literal["SIGKILL", "forced", "deleted"]
"""By SIGKILL of a process, by a deletion that waits for nothing, or by one that gives the pod its time."""

HOWS: tuple[How, ...] = ("SIGKILL", "forced", "deleted")
PROCESSES: Mapping[str, str] = {
    "api-server": "kube-apiserver",
    "containerd": "containerd",
    "controller-manager": "kube-controller-manager",
    "dns": "coredns",
    "etcd": "etcd",
    "kubelet": "kubelet",
    "node": "kubelet",
    "proxy": "kube-proxy",
    "registry": "registry",
    "scheduler": "kube-scheduler",
}
"""Kind -> component; nothing starts them again but us. `node` takes all pods with it, as a power cut does."""


@dataclass(frozen=True)
class Pods:
    """Pods of a namespace with a label; whoever made them makes them again."""

    namespace: str
    selector: str
    weight: int = 1

    @property
    def path(self) -> str:
        """Where the API lists them."""
        return f"/api/v1/namespaces/{self.namespace}/pods?labelSelector={self.selector}"


PODS: Mapping[str, Pods] = {
    "controller": Pods("argo", "app.kubernetes.io/component=workflow-controller"),
    # As often as the rest of the usual kinds together: they are what there is most of.
    "pods": Pods("biojobs", "workflows.argoproj.io/workflow", weight=5),
    "store": Pods("biojobs-store", "app.kubernetes.io/name=store"),
}
KINDS = (*sorted({*PODS, *PROCESSES}),)
WEIGHTS: Mapping[str, int] = {kind: PODS[kind].weight if kind in PODS else 1 for kind in KINDS}
USUAL = ("api-server", "controller", "kubelet", "pods", "registry", "store")
DOWN_SECONDS = (0.5, 8.0)
"""How long a process of the sandbox stays away."""


@dataclass(frozen=True)
class Plan:
    """What the command was asked for. `pause` are seconds between kills, from and to."""

    seed: int
    kinds: tuple[str, ...]
    pause: tuple[float, float]
    kills: int | None
    seconds: float | None


@dataclass(frozen=True)
class Choice:
    """A kill to be tried after `pause` seconds; `fraction` chooses among what there is, `down` is for processes."""

    pause: float
    kind: str
    how: How
    fraction: float
    down: float


def choices(plan: Plan) -> Iterator[Choice]:
    """The endless sequence that a plan's seed stands for: in turns, in which each kind comes as often as it weighs."""
    rng = random.Random(plan.seed)
    turn = [kind for kind in plan.kinds for _ in range(WEIGHTS[kind])]
    while True:
        for kind in rng.sample(turn, len(turn)):
            how = rng.choice(HOWS)
            # All are drawn for every choice: what a kill meets must not change the ones after it.
            pause, fraction, down = rng.uniform(*plan.pause), rng.random(), rng.uniform(*DOWN_SECONDS)
            yield Choice(pause, kind, "SIGKILL" if kind in PROCESSES else how, fraction, down)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m sandbox chaos`."""
    parser.add_argument("--seed", type=int, help="the same seed makes the same choices")
    parser.add_argument("--kills", type=_whole, help="end after so many kills")
    parser.add_argument("--seconds", type=_seconds, help="end after so much time; 60 where --kills is not given")
    parser.add_argument("--only", type=_kinds, default=USUAL, help=f"of {', '.join(KINDS)} ({','.join(USUAL)})")
    parser.add_argument("--pause", type=_pause, default=(1.0, 5.0), help="seconds between kills, MIN-MAX (1-5)")


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan that the options ask for; without a seed, one that is said."""
    seed: int = int.from_bytes(os.urandom(3)) if options.seed is None else options.seed
    seconds: float | None = 60.0 if options.kills is None and options.seconds is None else options.seconds
    return Plan(seed, options.only, options.pause, options.kills, seconds)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 1 to 999999")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of seconds from 0 to 999999")
    return float(text)


def _pause(text: str) -> tuple[float, float]:
    least, dash, most = text.partition("-")
    if not dash:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} must be MIN-MAX, such as 1-5")
    pause = _seconds(least), _seconds(most)
    if pause[0] > pause[1]:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: the first number may not be above the second")
    return pause


def _kinds(text: str) -> tuple[str, ...]:
    # Sorted: the order in which they are typed must not change what a seed stands for.
    kinds = tuple(sorted(set(text.split(","))))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(f"{unknown[0][:40]!r} is none of {', '.join(KINDS)}")
    return kinds
