"""What the wiring of every cloud does alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from components.locate import PLAN
from components.reach import placeholders


def kubernetes_provider(stack: str, kubeconfig: pulumi.Input[str], after: Sequence[pulumi.Resource]) -> k8s.Provider:
    """The provider of everything in the cluster: made when there are nodes, so that what needs pods comes after them,
    and goes before them."""
    return k8s.Provider(
        f"{stack}-kubernetes",
        kubeconfig=kubeconfig,
        # The cluster is the stack's own: what is there is from an `up` that was cut off, and nobody else's.
        upsert_existing_objects=True,
        opts=pulumi.ResourceOptions(depends_on=list(after)),
    )


def placeholder_problems(cidrs: Iterable[str]) -> list[str]:
    """Those of `adminCidrs` that are nobody's; a plan without an account is made for them all the same."""
    if os.environ.get(PLAN):
        return []
    return [
        f"biojobs:adminCidrs: {cidr!r}: is an address for documentation; write your own, as "
        "`curl https://checkip.amazonaws.com` tells it, with /32"
        for cidr in placeholders(cidrs)
    ]


def warn(elsewhere: Mapping[str, str], far: Callable[[str, str], str], advise: Callable[[], Iterable[str]]) -> None:
    """Warns of buckets that are far away, by their region, and in a preview of what `advise` finds in the account."""
    for bucket, region in sorted(elsewhere.items()):
        pulumi.log.warn(far(bucket, region))
    if pulumi.runtime.is_dry_run() and not os.environ.get(PLAN):
        for warning in advise():
            pulumi.log.warn(warning)
