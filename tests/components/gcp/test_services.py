"""The project's APIs: which are turned on, and that nothing turns them off."""

from __future__ import annotations

from typing import Any

import pytest

from components.gcp.services import Services, is_off, services
from tests.components.gcp.conftest import PROJECT, GcpRecorder, MakeScope, settings

NEEDED = {
    "artifactregistry",
    "cloudkms",
    "cloudresourcemanager",
    "compute",
    "container",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "storage",
}
BUDGET = {"monthlyBudget": 100, "alertEmail": "a@example.org", "billingAccount": "0A0A0A-0B0B0B-0C0C0C"}


@pytest.mark.parametrize(
    ("keys", "more"),
    [({}, set[str]()), ({"scanImages": True}, {"containerscanning"}), (BUDGET, {"billingbudgets"})],
)
def test_a_stack_turns_on_what_it_uses_and_nothing_else(
    gcp_mock: GcpRecorder, scope: MakeScope, keys: dict[str, Any], more: set[str]
) -> None:
    gcp_mock.build(lambda: Services("dev-services", scope(**keys)))
    made = gcp_mock.of("Service")
    assert {service["service"] for service in made.values()} == {f"{api}.googleapis.com" for api in NEEDED | more}
    assert {service["project"] for service in made.values()} == {PROJECT}


def test_apis_stay_on_when_the_stack_goes(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    gcp_mock.build(lambda: Services("dev-services", scope()))
    assert {service["disableOnDestroy"] for service in gcp_mock.of("Service").values()} == {False}


def test_all_that_is_turned_on_is_waited_for(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    found: list[int] = []
    gcp_mock.build(lambda: found.append(len(Services("dev-services", scope()).ready)))
    assert found == [len(services(settings()))] == [len(gcp_mock.of("Service"))]


@pytest.mark.parametrize(
    ("said", "off"),
    [
        ("googleapi: Error 403: Compute Engine API has not been used in project 1 before or it is disabled.", True),
        ("googleapi: Error 403: denied, reason: SERVICE_DISABLED", True),
        ("googleapi: Error 403: Access Not Configured., accessNotConfigured", True),
        ("googleapi: Error 403: Required 'compute.networks.get' permission", False),
        ("googleapi: Error 404: The resource 'networks/nope' was not found, notFound", False),
    ],
)
def test_an_api_that_is_not_on_yet_is_told_from_what_is_really_wrong(said: str, off: bool) -> None:
    assert is_off(Exception(said)) is off
