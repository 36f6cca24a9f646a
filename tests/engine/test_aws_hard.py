"""The program on AWS under the real engine, the hard way: everything fails once; then few zones and no NAT."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from offline.recording.aws.invokes import PASSWORD
from offline.recording.aws.world import World
from tests.engine.aws import aws_program

MOST_UPS = 25
# What the engine and the SDK say besides: with --continue-on-error the SDK's program ends with the first failure.
AFTERWARDS = ("update failed", "Program failed with an unhandled exception:")
EXCEPTIONS = {"error", "pulumi.runtime.stack.ResourceRegistrationFailed"}


def test_after_a_failure_of_each_resource_the_next_up_goes_on_until_all_is_there_once(tmp_path: Path) -> None:
    with aws_program(tmp_path) as program:
        with program.project.change() as content:
            content["fail_first"] = True
        # Independent branches go on, so that each `up` gets one level further.
        words = ("up", "--yes", "--skip-preview", "--continue-on-error")
        last = program.project.run(*words)
        for _ in range(MOST_UPS):
            if last.code == 0:
                break
            errors = re.findall(r"^    error: (.*)$", last.output, re.MULTILINE)
            assert [error for error in errors if "injected" not in error and error not in AFTERWARDS] == []
            assert set(re.findall(r"^    ([\w.]+): ", last.output, re.MULTILINE)) <= EXCEPTIONS
            last = program.project.run(*words)
        assert last.code == 0, last.output
        with program.project.change() as content:
            urns = Counter(thing.urn for thing in World(content).things())
            assert urns.keys() <= content["survived"].keys()
            assert {"Workflow/reference", "Namespace/argo"} <= {key.partition("-")[0] for key in content["survived"]}
            content["fail_first"] = False
        assert [urn for urn, count in urns.items() if count > 1] == []
        assert re.fullmatch(r"\d+ unchanged", program.up().changes())


def test_without_nat_third_zone_and_pod_identity_all_comes_up_and_goes_again(tmp_path: Path) -> None:
    with aws_program(tmp_path) as program:
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
        assert len(there["registry-image"]) == len(there["repository"]) - 2
        assert PASSWORD not in project.state()
        # The registry's password is another one each time; nothing is copied or built again for that.
        second = program.up().changes()
        assert re.fullmatch(r"\d+ unchanged", second), second
        project.ok("destroy", "--yes", "--skip-preview", "--exclude-protected")
        left = program.there()
        assert {kind for kind in left if not kind.startswith(("bucket", "object"))} == {"log-group", "key"}
        assert left["log-group"] == there["log-group"]
        assert project.recording.section("left") == {}
        program.up()
        assert program.there()["log-group"] == there["log-group"]
