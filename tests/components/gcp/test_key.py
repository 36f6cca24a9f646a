"""The stack's KMS key: who may use it, and that its name never stands in the way of the next stack."""

from __future__ import annotations

from typing import Any

import pulumi

from components.gcp.key import Key
from components.gcp.services import Services
from tests.components.gcp.conftest import NUMBER, REGION, GcpRecorder, MakeScope

KEY = "dev-key-key"


def built(gcp_mock: GcpRecorder, scope: MakeScope) -> dict[str, Any]:
    def make() -> None:
        here = scope()
        Key("dev-key", here, Services("dev-services", here))

    gcp_mock.build(make)
    return gcp_mock.one("CryptoKey", KEY)


def test_the_key_is_of_the_region_rotates_and_can_be_restored(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    key = built(gcp_mock, scope)
    (ring,) = gcp_mock.of("KeyRing").values()
    assert ring["location"] == REGION
    assert (key["purpose"], key["rotationPeriod"]) == ("ENCRYPT_DECRYPT", f"{90 * 24 * 3600}s")
    assert key["destroyScheduledDuration"] == f"{30 * 24 * 3600}s"


def test_names_that_are_never_free_again_are_made_up_each_time(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    key = built(gcp_mock, scope)
    assert "name" not in key
    assert all("name" not in ring for ring in gcp_mock.of("KeyRing").values())


def test_gke_and_the_registry_may_use_the_key_and_nobody_else(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    built(gcp_mock, scope)
    agents = gcp_mock.of("ServiceIdentity").values()
    assert {agent["service"] for agent in agents} == {"container.googleapis.com", "artifactregistry.googleapis.com"}
    grants = gcp_mock.of("CryptoKeyIAMMember")
    assert {grant["role"] for grant in grants.values()} == {"roles/cloudkms.cryptoKeyEncrypterDecrypter"}
    assert {grant["cryptoKeyId"] for grant in grants.values()} == {f"{KEY}-id"}
    members = [grant["member"] for grant in grants.values()]
    assert len(set(members)) == 2
    assert all(member.startswith(f"serviceAccount:service-{NUMBER}@") for member in members)


def test_an_agent_is_there_before_it_is_given_the_key(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    built(gcp_mock, scope)
    for user in ("container", "artifactregistry"):
        assert f"dev-key-{user}-agent" in gcp_mock.options[f"dev-key-{user}"].depends_on


def test_who_uses_the_key_waits_until_its_users_may(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    class User(pulumi.CustomResource):
        def __init__(self, key: Key) -> None:
            super().__init__("gcp:test:User", "user", {"key": key.id})

    def make() -> None:
        here = scope()
        User(Key("dev-key", here, Services("dev-services", here)))

    gcp_mock.build(make)
    assert gcp_mock.one("User", "user")["key"] == f"{KEY}-id"
    assert {"dev-key-container", "dev-key-artifactregistry"} <= gcp_mock.options["user"].depends_on


def test_the_key_waits_for_its_api(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    built(gcp_mock, scope)
    assert "dev-services-cloudkms" in gcp_mock.options["dev-key-ring"].depends_on
