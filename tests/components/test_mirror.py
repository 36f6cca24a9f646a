"""References of images, as Docker reads them."""

from __future__ import annotations

import pytest

from components.mirror import Reference, parse


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("debian", Reference("docker.io/library/debian", "latest", "")),
        ("debian:trixie-slim", Reference("docker.io/library/debian", "trixie-slim", "")),
        ("argoproj/argoexec:v4", Reference("docker.io/argoproj/argoexec", "v4", "")),
        ("localhost:5050/a/b", Reference("localhost:5050/a/b", "latest", "")),
        ("quay.io/a/b@sha256:12", Reference("quay.io/a/b", "", "sha256:12")),
        ("quay.io/a/b:v1@sha256:12", Reference("quay.io/a/b", "v1", "sha256:12")),
    ],
)
def test_references_are_read_as_docker_reads_them(reference: str, expected: Reference) -> None:
    assert parse(reference) == expected


def test_a_reference_names_its_registry_and_what_it_asks_of_it() -> None:
    assert (parse("debian").host, parse("debian").path) == ("docker.io", "library/debian")
    assert parse("localhost:5050/a/b").host == "localhost:5050"
