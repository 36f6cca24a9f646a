"""Whether the region's zones have the machines of the node pools: GKE would say so only after a quarter of an hour."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import pulumi
import pulumi_gcp as gcp

from components.gcp.scope import Scope
from components.gcp.services import is_off
from components.pools import key
from settings_gcp import Gcp


@functools.cache
def machine_problems(scope: Scope) -> tuple[str, ...]:
    """Machine types that zones of the stack lack, a line each. Google Cloud is asked once; where its API is off yet, as
    in an empty project, nothing can be said."""
    if scope.target.autopilot:
        return ()
    try:
        return tuple(missing_types(scope.target, _offers(scope)))
    except Exception as error:
        if is_off(error):
            return ()
        raise


def _offers(scope: Scope) -> dict[str, frozenset[str]]:
    """Machine types of the pools that each zone of the stack has; of the region, where the settings name no zones."""
    ask = pulumi.InvokeOptions(provider=scope.provider)
    words = types_filter(scope.target)
    zones = scope.target.zones or gcp.compute.get_zones(region=scope.region, status="UP", opts=ask).names
    return {
        zone: frozenset(
            found.name for found in gcp.compute.get_machine_types(filter=words, zone=zone, opts=ask).machine_types
        )
        for zone in zones
    }


def kinds_of(target: Gcp) -> list[str]:
    """Machine types of all pools, each once."""
    return sorted({kind for pool in target.pools.named().values() for kind in pool.types})


def types_filter(target: Gcp) -> str:
    """What Compute Engine's lists of machine types are asked for: those of the pools, and no others."""
    return " OR ".join(f'(name = "{kind}")' for kind in kinds_of(target))


def missing_types(target: Gcp, offers: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Which types are not in every zone, with the zones that have all."""
    named = target.pools.named()
    whole = [zone for zone, kinds in offers.items() if kinds.issuperset(kinds_of(target))]
    for name, pool in named.items():
        for kind in pool.types:
            without = [zone for zone, kinds in offers.items() if kind not in kinds]
            if not without:
                continue
            others = f", or set biojobs:zones to [{', '.join(whole)}]" if whole else ""
            yield (
                f"{key(name, 'types')}: {kind!r}: is not to be had in {', '.join(without)}; name another one that "
                f"`gcloud compute machine-types list --zones {without[0]}` lists{others}"
            )
