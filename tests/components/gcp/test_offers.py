"""What Google Cloud offers a stack: each thing that it lacks is told with the setting and a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.gcp.offers import barred_apis
from tests.components.gcp.answers import DENIED, Answers, Refused
from tests.components.gcp.conftest import PROJECT, REGION, ZONES
from tests.components.gcp.willing import checked, enabled, machines, willing

ALL_ZONES = f"GET compute/v1/projects/{PROJECT}/zones"
POLICY = f"POST v1/projects/{PROJECT}:getEffectiveOrgPolicy"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return willing(monkeypatch)


def zones(*names: str, down: str = "") -> Mapping[str, Any]:
    return {"items": [{"name": name, "status": "DOWN" if name == down else "UP"} for name in names]}


def test_a_project_that_nobody_pays_for_is_told_with_the_command(api: Answers, tmp_path: Path) -> None:
    api.given[f"GET v1/projects/{PROJECT}/billingInfo"] = {"name": "x", "billingAccountName": ""}
    (result,) = checked(tmp_path, "billing")
    assert result.state == "problem"
    assert (
        f"biojobs:project: '{PROJECT}': has no billing account that pays; `gcloud billing projects link {PROJECT}"
        in (result.words)
    )


# APIs.


def test_apis_that_are_off_are_turned_on_later_and_no_problem(api: Answers, tmp_path: Path) -> None:
    api.given["GET services"] = enabled("compute", "storage")
    (result,) = checked(tmp_path, "apis")
    assert result.state == "ok"
    assert "container.googleapis.com" in result.words
    assert "compute.googleapis.com" not in result.words


def test_an_api_that_a_policy_bars_is_told_with_the_policy(api: Answers, tmp_path: Path) -> None:
    api.given[POLICY] = {"listPolicy": {"deniedValues": ["cloudkms.googleapis.com"]}}
    (result,) = checked(tmp_path, "apis")
    assert result.state == "problem"
    assert "policy gcp.restrictServiceUsage does not allow the API cloudkms.googleapis.com" in result.words
    (asked,) = api.of(":getEffectiveOrgPolicy", "POST")
    assert asked.body == {"constraint": "constraints/gcp.restrictServiceUsage"}


@pytest.mark.parametrize(
    ("policy", "barred"),
    [
        ({}, []),
        ({"allValues": "ALLOW"}, []),
        ({"allValues": "DENY"}, ["a", "b"]),
        ({"allowedValues": ["a"]}, ["b"]),
        ({"allowedValues": ["is:a", "b"]}, []),
        ({"deniedValues": ["b", "c"]}, ["b"]),
        ({"allowedValues": ["a", "b"], "deniedValues": ["a"]}, ["a"]),
    ],
)
def test_a_policy_bars_what_it_denies_or_does_not_allow(policy: Mapping[str, Any], barred: list[str]) -> None:
    assert barred_apis(["a", "b"], policy) == barred


def test_a_policy_that_may_not_be_read_is_not_checked(api: Answers, tmp_path: Path) -> None:
    api.given[POLICY] = DENIED
    assert [result.state for result in checked(tmp_path, "apis")] == ["unchecked"]


# Region, zones and machine types.


def test_a_region_that_does_not_exist_is_told(api: Answers, tmp_path: Path) -> None:
    api.given["GET regions/europe-west99"] = Refused(404)
    (result,) = checked(tmp_path, "zones", region="europe-west99")
    assert result.state == "problem"
    assert result.words.startswith("biojobs:region: 'europe-west99': is no region of Google Cloud")
    assert checked(tmp_path, "types", region="europe-west99") == []


def test_a_zone_that_is_not_to_be_had_is_told_with_those_that_are(api: Answers, tmp_path: Path) -> None:
    api.given[ALL_ZONES] = zones(*ZONES, down=ZONES[1])
    (result,) = checked(tmp_path, "zones", zones=f'["{ZONES[1]}", "{ZONES[0]}"]')
    assert result.state == "problem"
    assert f"biojobs:zones: {ZONES[1]}: not to be had in {REGION}, which has {ZONES[0]}, {ZONES[2]}" in result.words


def test_two_zones_are_enough_and_one_is_not(api: Answers, tmp_path: Path) -> None:
    api.given[ALL_ZONES] = zones(*ZONES[:2])
    assert checked(tmp_path, "zones")[0].state == "ok"
    # A region whose name begins alike has zones of its own.
    api.given[ALL_ZONES] = zones(ZONES[0], f"{REGION}1-a", f"{REGION}-x-b")
    assert checked(tmp_path, "zones")[0].state == "problem"


def test_a_type_that_the_region_has_not_is_told_with_the_setting(api: Answers, tmp_path: Path) -> None:
    api.given["GET machineTypes"] = machines(("c3-standard-88", "*"))
    (result,) = checked(tmp_path, "types")
    assert result.state == "problem"
    assert result.words.startswith("biojobs:pools.spotLarge.types: 'c3-standard-88': is not to be had in")


def test_a_type_that_one_zone_lacks_is_told_with_the_zones_that_have_all(api: Answers, tmp_path: Path) -> None:
    api.given["GET machineTypes"] = machines(("c3-standard-88", ZONES[2]))
    (result,) = checked(tmp_path, "types")
    assert result.words.endswith(f"or set biojobs:zones to [{ZONES[0]}, {ZONES[1]}]")
    assert checked(tmp_path, "types", zones=f'["{ZONES[0]}", "{ZONES[1]}"]')[0].state == "ok"


def test_autopilot_asks_for_no_machine_types(api: Answers, tmp_path: Path) -> None:
    (result,) = checked(tmp_path, "types", gke="autopilot")
    assert result.state == "ok"
    assert not api.of("machineTypes")


def test_gke_without_the_channel_is_told(api: Answers, tmp_path: Path) -> None:
    assert checked(tmp_path, "gke")[0].words == "1.35.1-gke.100, the default of the channel REGULAR"
    api.given["GET serverConfig"] = {"channels": [{"channel": "RAPID", "defaultVersion": "1.36"}]}
    assert checked(tmp_path, "gke")[0].state == "problem"


# Network and buckets.


def test_a_network_that_does_not_exist_is_told(api: Answers, tmp_path: Path) -> None:
    assert checked(tmp_path, "network") == []
    api.given["GET global/networks/default"] = {"name": "default", "subnetworks": ["a", "b"]}
    assert checked(tmp_path, "network", network='{"name": "default"}')[0].state == "ok"
    api.given["GET global/networks/default"] = Refused(404, "notFound", old=True)
    (result,) = checked(tmp_path, "network", network='{"name": "default"}')
    assert result.state == "problem"
    assert "biojobs:network.name: 'default': there is no such VPC in a-project" in result.words


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ({"location": "EUROPE-WEST4"}, "ok", "reads: my-reads"),
        ({"location": "EU"}, "warning", "is in eu: what is read may cross regions"),
        ({"location": "EUR4"}, "ok", "reads: my-reads"),
        ({"location": "US-EAST1"}, "warning", "is in us-east1"),
        (Refused(404, "notFound", old=True), "problem", "there is no such bucket"),
        (Refused(403, "forbidden", old=True), "unchecked", "is denied"),
        (Refused(500), "problem", "storage/v1/b/my-reads"),
    ],
)
def test_a_bucket_of_the_settings_is_looked_at(
    api: Answers, tmp_path: Path, answer: Any, state: str, said: str
) -> None:
    api.given["GET b/my-reads"] = answer
    (result,) = checked(tmp_path, "buckets", buckets='{"reads": "my-reads"}')
    assert result.state == state
    assert said in result.words
