"""The stack that a job runs on."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Biojobs, Project
from tests.cli.fake_api import FakeApi


@pytest.mark.parametrize("stack", ["nope", "../own", "", " "])
def test_a_stack_without_a_file_is_told_with_those_that_have_one(
    biojobs: Biojobs, project: Project, stack: str
) -> None:
    result = biojobs("run", "fastqc", "--stack", stack, "--reads", "a.fq")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "stacks that have a file: own" in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("config: [", "Pulumi.own.yaml is not YAML: "),
        ("", "biojobs:cloud: is missing"),
        ("- 1", "biojobs:cloud: is missing"),
        ("config: 1", "biojobs:cloud: is missing"),
        ("config: {biojobs:cloud: local, biojobs:sheet: no.csv}", "biojobs:sheet: 'no.csv' is not a file"),
        ("config: {biojobs:cloud: local, biojobs:qc: {minReads: -1}}", "biojobs:qc.minReads: -1"),
    ],
)
def test_settings_that_cannot_be_used_are_told(biojobs: Biojobs, project: Project, content: str, said: str) -> None:
    (project.root / "Pulumi.own.yaml").write_text(content)
    result = biojobs("run", "fastqc", "--reads", "a.fq")
    assert result.exit_code == 1
    assert said in result.stderr


def test_what_only_pulumi_can_decrypt_is_left_out(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    with (project.root / "Pulumi.own.yaml").open("a") as file:
        file.write("  biojobs:quota: {secure: AAAA}\n  other:key: 1\nencryptionsalt: v1:x\n")
    assert biojobs("run", "fastqc", "--reads", "a.fq").exit_code == 0


def test_the_workspace_of_the_stack_is_used(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    project.put("other/reads/a.fq")
    with (project.root / "Pulumi.own.yaml").open("a") as file:
        file.write(f"  biojobs:workspace: {project.root.parent / 'other'}\n")
    result = biojobs("run", "fastqc", "--reads", "reads/a.fq")
    assert result.stdout == f"{project.root.parent / 'other'}/results/_jobs/fastqc-a-x7k2p\n"
