"""Artifact Registry: a repository that can be trusted and goes with the stack, and a token that nobody sees."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from components.contracts import Registry
from components.gcp.key import Key
from components.gcp.registry import ArtifactRegistry, place
from components.gcp.services import Services
from tests.components.cloud import RefusedError
from tests.components.gcp.conftest import PROJECT, TOKEN, GcpRecorder, MakeScope
from tests.components.registries import access, awaited

HOST = "europe-west4-docker.pkg.dev"
KEY = f"projects/{PROJECT}/locations/europe-west4/keyRings/r/cryptoKeys/k"
NODES = f"biojobs-dev-nodes@{PROJECT}.iam.gserviceaccount.com"
LOOK_UP = "gcp:artifactregistry/getRepository:getRepository"
REPOSITORY = "dev-registry-images"


def some_key() -> Key:
    return cast(Key, SimpleNamespace(id=pulumi.Output.from_input(KEY), ready=[]))


def registry(scope: MakeScope, **settings: Any) -> Registry:
    given = scope(**settings)
    services = Services("dev-services", given)
    return ArtifactRegistry("dev-registry", given, some_key(), pulumi.Output.from_input(NODES), services).registry


def build(gcp_mock: GcpRecorder, scope: MakeScope, **settings: Any) -> list[Any]:
    """Address, user, password and whether the password is secret."""
    return access(gcp_mock, lambda: registry(scope, **settings))


@pytest.fixture
def repository(gcp_mock: GcpRecorder, scope: MakeScope) -> Mapping[str, Any]:
    build(gcp_mock, scope)
    return gcp_mock.one("Repository", REPOSITORY)


def test_images_lie_in_the_stacks_region_in_a_repository_of_its_own(repository: Mapping[str, Any]) -> None:
    where = (repository["repositoryId"], repository["location"], repository["format"])
    assert where == ("biojobs-dev", "europe-west4", "DOCKER")


def test_a_tag_never_changes_its_content(repository: Mapping[str, Any]) -> None:
    assert repository["dockerConfig"] == {"immutableTags": True}


def test_images_are_encrypted_with_the_stacks_key(repository: Mapping[str, Any]) -> None:
    assert repository["kmsKeyName"] == KEY


def test_untagged_images_expire_and_tagged_ones_stay(repository: Mapping[str, Any]) -> None:
    (policy,) = repository["cleanupPolicies"]
    assert policy["action"] == "DELETE"
    assert policy["condition"] == {"tagState": "UNTAGGED", "olderThan": "1209600s"}


def test_a_repository_with_images_does_not_block_destroy(repository: Mapping[str, Any], gcp_mock: GcpRecorder) -> None:
    options = gcp_mock.options[REPOSITORY]
    assert (options.protect, options.retain_on_delete) == (False, False)
    assert "dev-services-artifactregistry" in options.depends_on


@pytest.mark.parametrize(("wanted", "said"), [(False, "DISABLED"), (True, "INHERITED")])
def test_images_are_scanned_by_setting(gcp_mock: GcpRecorder, scope: MakeScope, wanted: bool, said: str) -> None:
    build(gcp_mock, scope, scanImages=wanted)
    assert gcp_mock.one("Repository", REPOSITORY)["vulnerabilityScanningConfig"] == {"enablementConfig": said}


def test_the_nodes_may_read_this_repository_and_nothing_else_of_the_registry(
    repository: Mapping[str, Any], gcp_mock: GcpRecorder
) -> None:
    (granted,) = gcp_mock.of("RepositoryIamMember").values()
    assert granted == {
        "project": PROJECT,
        "location": "europe-west4",
        "repository": "biojobs-dev",
        "role": "roles/artifactregistry.reader",
        "member": f"serviceAccount:{NODES}",
    }
    assert REPOSITORY in gcp_mock.options["dev-registry-nodes"].depends_on


def test_the_push_token_is_short_lived_and_secret(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert build(gcp_mock, scope) == [f"{HOST}/{PROJECT}/biojobs-dev", "oauth2accesstoken", TOKEN, True]


def test_the_token_is_no_input_of_any_resource_of_the_registry(
    repository: Mapping[str, Any], gcp_mock: GcpRecorder
) -> None:
    assert TOKEN not in str(gcp_mock.resources)


def test_who_pushes_or_pulls_waits_for_the_repository_and_its_reader(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    assert awaited(gcp_mock, lambda: registry(scope)) == {"dev-registry-nodes"}


@pytest.mark.parametrize(
    ("region", "host", "location"),
    [
        ("europe-west4", "eu.gcr.io", "europe"),
        ("me-west1", "eu.gcr.io", "europe"),
        ("australia-southeast1", "asia.gcr.io", "asia"),
        ("southamerica-east1", "us.gcr.io", "us"),
    ],
)
def test_old_addresses_are_those_of_the_stacks_continent(
    scope: MakeScope, region: str, host: str, location: str
) -> None:
    found = place(scope(registry="gcr.io", region=region))
    assert (found.repository, found.location) == (host, location)
    assert found.address == f"{host}/{PROJECT}/biojobs-dev"


def absent(_: dict[str, Any]) -> Mapping[str, Any]:
    raise RefusedError("Error 404: Requested entity was not found.")


def test_a_repository_of_old_addresses_is_made_once_and_stays(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    gcp_mock.answers[LOOK_UP] = absent
    address, *_ = build(gcp_mock, scope, registry="gcr.io")
    made = gcp_mock.one("Repository", REPOSITORY)
    assert (made["repositoryId"], made["location"]) == ("eu.gcr.io", "europe")
    assert "kmsKeyName" not in made, "a key of one region cannot encrypt what lies in several"
    assert made["cleanupPolicies"][0]["condition"]["packageNamePrefixes"] == ["biojobs-dev/"]
    options = gcp_mock.options[REPOSITORY]
    assert (options.protect, options.retain_on_delete) == (True, True)
    assert address == f"eu.gcr.io/{PROJECT}/biojobs-dev"


def test_the_stacks_own_repository_of_old_addresses_is_kept_in_its_state(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    gcp_mock.answers[LOOK_UP] = {"effectiveLabels": {"stack": "dev"}}
    build(gcp_mock, scope, registry="gcr.io")
    assert list(gcp_mock.of("Repository")) == [REPOSITORY]


def test_somebody_elses_repository_of_old_addresses_is_used_as_it_is(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    gcp_mock.answers[LOOK_UP] = {"effectiveLabels": {}}
    address, *_ = build(gcp_mock, scope, registry="gcr.io")
    assert not gcp_mock.of("Repository")
    (granted,) = gcp_mock.of("RepositoryIamMember").values()
    assert (granted["repository"], granted["location"]) == ("eu.gcr.io", "europe")
    assert address == f"eu.gcr.io/{PROJECT}/biojobs-dev"


def test_old_addresses_that_cannot_be_looked_up_are_refused(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    def denied(_: dict[str, Any]) -> Mapping[str, Any]:
        raise RefusedError("Error 403: Permission denied")

    gcp_mock.answers[LOOK_UP] = denied
    with pytest.raises(pulumi.RunError, match=r"biojobs:registry: 'gcr.io': .*eu\.gcr\.io.*Or use pkg\.dev"):
        build(gcp_mock, scope, registry="gcr.io")
