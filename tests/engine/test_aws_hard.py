"""The program on AWS under the real engine, the hard way: everything fails once; then few zones and no NAT."""

from __future__ import annotations

from pathlib import Path

from components.images import IMAGES
from offline.recording.aws.invokes import PASSWORD
from tests.engine.aws import aws_program
from tests.engine.clouds import KEEP, fail_each_once


def test_after_a_failure_of_each_resource_the_next_up_goes_on_until_all_is_there_once(
    tmp_path: Path, python: Path
) -> None:
    with aws_program(tmp_path, python) as program:
        fail_each_once(program)


def test_without_nat_third_zone_and_pod_identity_all_comes_up_and_goes_again(tmp_path: Path, python: Path) -> None:
    with aws_program(tmp_path, python) as program:
        program.configure(
            region="us-west-1",
            network={"nat": "none", "flowLogs": True},
            mirror=True,
            podIdentity=False,
            keepLogs=True,
            alertEmail="a@example.org",
            monthlyBudget=100,
            pools={"gpu": {"max": 1}},
        )
        project = program.project
        program.up()
        there = program.there()
        assert len(there["subnet"]) == 4
        assert "nat" not in there
        assert "eip" not in there
        assert "pod-identity" not in there
        assert len(there["registry-image"]) == len(there["repository"]) - len(IMAGES)
        assert PASSWORD not in project.state()
        # The registry's password is another one each time; nothing is copied or built again for that.
        program.nothing_left_to_do()
        project.ok(*KEEP)
        left = program.there()
        assert {kind for kind in left if not kind.startswith(("bucket", "object"))} == {"log-group", "key"}
        assert left["log-group"] == there["log-group"]
        assert project.recording.section("left") == {}
        program.up()
        assert program.there()["log-group"] == there["log-group"]
