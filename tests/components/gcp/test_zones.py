"""Machine types that zones lack are told before anything is made."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components.gcp.zones import machine_problems
from tests.components.cloud import RefusedError
from tests.components.gcp.conftest import ZONES, GcpRecorder, MakeScope

TYPES = "gcp:compute/getMachineTypes:getMachineTypes"
POOLS = {
    "spotSmall": {"types": ["n2-standard-4", "e2-standard-4"]},
    "onDemandSmall": {"types": ["n2-standard-4"]},
    "spotLarge": {"types": ["c3-standard-88"]},
    "onDemandLarge": {"types": ["n2-standard-96"]},
    "huge": {"types": ["n2-highmem-32"]},
}


def problems(gcp_mock: GcpRecorder, make_scope: MakeScope, lacking: dict[str, set[str]], **keys: Any) -> list[str]:
    """`lacking`: zone -> types that it has not."""

    def answer(args: dict[str, Any]) -> dict[str, Any]:
        # The filter names every type that is asked for.
        asked = re.findall(r'\(name = "([^"]+)"\)', args["filter"])
        names = [name for name in asked if name not in lacking.get(args["zone"], set())]
        return {"id": args["zone"], "machineTypes": [{"name": name} for name in names]}

    gcp_mock.answers.setdefault(TYPES, answer)
    found: list[str] = []
    gcp_mock.build(lambda: found.extend(machine_problems(make_scope(**keys))))
    return found


def test_a_region_with_all_types_in_every_zone_has_none(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert problems(gcp_mock, scope, {}, pools=POOLS) == []
    assert [args["zone"] for token, args in gcp_mock.calls if token == TYPES] == list(ZONES)


def test_a_type_that_a_zone_lacks_is_told_with_the_zones_that_have_all(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    (problem,) = problems(gcp_mock, scope, {ZONES[2]: {"c3-standard-88"}}, pools=POOLS)
    assert problem.startswith("biojobs:pools.spotLarge.types: 'c3-standard-88': is not to be had in europe-west4-c")
    assert problem.endswith("or set biojobs:zones to [europe-west4-a, europe-west4-b]")


def test_a_type_that_the_region_lacks_has_no_zones_to_go_to(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    lacking = {zone: {"c3-standard-88"} for zone in ZONES}
    (problem,) = problems(gcp_mock, scope, lacking, pools=POOLS)
    assert ", ".join(ZONES) in problem
    assert "biojobs:zones" not in problem


def test_only_the_zones_of_the_settings_are_asked(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    lacking = {ZONES[2]: {"c3-standard-88"}}
    assert problems(gcp_mock, scope, lacking, pools=POOLS, zones=list(ZONES[:2])) == []


def test_autopilot_chooses_machines_itself(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert problems(gcp_mock, scope, {ZONES[2]: {"n2-standard-4"}}, gke="autopilot") == []
    assert gcp_mock.calls == []


def test_a_project_whose_api_is_off_yet_is_not_asked(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    def off(_: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError("Compute Engine API has not been used in project 1 before or it is disabled")

    gcp_mock.answers[TYPES] = off
    assert problems(gcp_mock, scope, {}, pools=POOLS) == []


def test_any_other_refusal_is_told(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    def denied(_: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError("Required 'compute.machineTypes.list' permission")

    gcp_mock.answers[TYPES] = denied
    with pytest.raises(Exception, match=r"compute\.machineTypes\.list"):
        problems(gcp_mock, scope, {}, pools=POOLS)
