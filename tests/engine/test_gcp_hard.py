"""The program on Google Cloud under the real engine, the hard way: everything fails once; then no NAT, and in a VPC and
a registry of the project's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.gcp.services import SERVICES
from offline.recording.gcp.invokes import TOKEN
from offline.recording.gcp.place import PROJECT
from tests.engine.clouds import KEEP, CloudProgram, fail_each_once
from tests.engine.gcp import gcp_program

MIRROR = f"europe-west4-docker.pkg.dev/{PROJECT}/biojobs-test-quay-io/argoproj"


def argo_images(program: CloudProgram) -> set[str]:
    """Images of Argo that the release names."""
    (release,) = (body for key, body in program.project.recording.section("objects").items() if "-argo-release" in key)
    values: dict[str, Any] = release["values"]
    images = [values[part]["image"] for part in ("controller", "executor", "server")]
    return {f"{image['registry']}/{image['repository']}" for image in images}


def test_after_a_failure_of_each_resource_the_next_up_goes_on_until_all_is_there_once(
    tmp_path: Path, python: Path
) -> None:
    with gcp_program(tmp_path, python) as program:
        fail_each_once(program)


def test_without_nat_all_comes_up_through_the_mirror_and_goes_again(tmp_path: Path, python: Path) -> None:
    with gcp_program(tmp_path, python) as program:
        program.configure(
            network={"nat": False, "flowLogs": True},
            mirror=True,
            registry="gcr.io",
            keepLogs=True,
            alertEmail="a@example.org",
            monthlyBudget=100,
            billingAccount="0A0A0A-0B0B0B-0C0C0C",
            zones=["europe-west4-a", "europe-west4-b"],
            pools={"gpu": {"max": 1}, "spotLarge": {"types": ["n2-standard-96"], "localSsds": 16}},
        )
        project = program.project
        # Turning an API on takes its time: what does not wait for it is refused.
        with project.change() as content:
            content["delays"] = {f"test-services-{service}": 2 for service in SERVICES}
        program.up()
        there = program.there()
        assert "nat" not in there
        assert "router" not in there
        assert len(there["repository"]) == 2
        assert {image.rpartition("/")[0] for image in argo_images(program)} == {MIRROR}
        assert TOKEN not in project.state()
        # The registry's token is another one each time; nothing is built again for that.
        program.nothing_left_to_do()
        project.ok(*KEEP)
        left = program.there()
        # With the log bucket stays what its name comes from, and with what is protected the APIs that it needs.
        assert left.keys() == {"bucket", "object", "service", "log-bucket", "log-metric", "repository"}
        assert left["log-bucket"] == there["log-bucket"]
        program.up()
        assert program.there()["log-bucket"] == there["log-bucket"]
