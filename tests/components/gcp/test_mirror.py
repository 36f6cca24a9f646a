"""The mirror: through which repositories images come, and under which addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pytest

from components.gcp.mirror import Mirror
from components.gcp.services import Services
from tests.components.gcp.conftest import PROJECT, GcpRecorder, MakeScope
from tests.components.registries import copies

CONTROLLER = "quay.io/argoproj/workflow-controller:v4.0.7"
EXECUTOR = "quay.io/argoproj/argoexec:v4.0.7"
PINNED = f"registry.k8s.io/pause:3.10@sha256:{'b' * 64}"
HOST = f"europe-west4-docker.pkg.dev/{PROJECT}"

Mirrored = Callable[..., dict[str, str]]


@pytest.fixture
def mirrored(gcp_mock: GcpRecorder, scope: MakeScope) -> Mirrored:
    def refs(images: Sequence[str]) -> Mapping[str, pulumi.Output[str]]:
        given = scope(mirror=True)
        return Mirror("dev-mirror", given, images, "nodes@x", Services("dev-services", given)).refs

    return lambda *images: copies(gcp_mock, lambda: refs(images))


def test_every_image_keeps_its_name_and_tag_behind_the_stacks_own_address(mirrored: Mirrored) -> None:
    assert mirrored(CONTROLLER) == {CONTROLLER: f"{HOST}/biojobs-dev-quay-io/argoproj/workflow-controller:v4.0.7"}


def test_what_is_named_by_digest_is_fetched_by_digest(mirrored: Mirrored) -> None:
    assert mirrored(PINNED) == {PINNED: f"{HOST}/biojobs-dev-registry-k8s-io/pause@sha256:{'b' * 64}"}


def test_there_is_one_repository_for_each_registry_and_it_fetches_from_there(
    mirrored: Mirrored, gcp_mock: GcpRecorder
) -> None:
    mirrored(CONTROLLER, EXECUTOR, "debian:trixie-slim")
    made = {found["repositoryId"]: found for found in gcp_mock.of("Repository").values()}
    assert {found["mode"] for found in made.values()} == {"REMOTE_REPOSITORY"}
    sources = {name: found["remoteRepositoryConfig"] for name, found in made.items()}
    assert sources == {
        "biojobs-dev-quay-io": {"description": "quay.io", "commonRepository": {"uri": "https://quay.io"}},
        "biojobs-dev-docker-io": {
            "description": "docker.io",
            "dockerRepository": {"publicRepository": "DOCKER_HUB"},
        },
    }


def test_images_of_docker_hub_have_their_full_name(mirrored: Mirrored) -> None:
    assert mirrored("debian:13")["debian:13"] == f"{HOST}/biojobs-dev-docker-io/library/debian:13"


def test_the_nodes_may_read_each_of_these_repositories(mirrored: Mirrored, gcp_mock: GcpRecorder) -> None:
    mirrored(CONTROLLER, PINNED)
    granted = gcp_mock.of("RepositoryIamMember").values()
    assert {(found["repository"], found["role"], found["member"]) for found in granted} == {
        ("biojobs-dev-quay-io", "roles/artifactregistry.reader", "serviceAccount:nodes@x"),
        ("biojobs-dev-registry-k8s-io", "roles/artifactregistry.reader", "serviceAccount:nodes@x"),
    }
    before = gcp_mock.options["dev-mirror-quay-io-nodes"].depends_on
    assert "dev-mirror-quay-io" in before


def test_a_remote_repository_lies_in_the_stacks_region_and_goes_with_it(
    mirrored: Mirrored, gcp_mock: GcpRecorder
) -> None:
    mirrored(CONTROLLER)
    (found,) = gcp_mock.of("Repository").values()
    assert (found["location"], found["format"]) == ("europe-west4", "DOCKER")
    options = gcp_mock.options["dev-mirror-quay-io"]
    assert (options.protect, options.retain_on_delete) == (False, False)
    assert "dev-services-artifactregistry" in options.depends_on
