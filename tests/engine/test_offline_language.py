"""The stand-in language host: how a program's own words and errors reach the user."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Project


@pytest.fixture
def project(processes: Project) -> Project:
    """With the stand-in as it is."""
    return processes


def test_outputs_and_prints_reach_the_user(project: Project) -> None:
    project.write('import pulumi\nprint("hello there")\npulumi.export("answer", 42)\n')
    assert "hello there" in project.up().output
    assert project.ok("stack", "output", "answer").output.strip() == "42"


def test_a_run_error_is_told_once_and_without_a_traceback(project: Project) -> None:
    project.write('import pulumi\nraise pulumi.RunError("samples.csv, line 3: no such file")\n')
    result = project.run("up", "--yes", "--skip-preview")
    assert result.code != 0
    told = result.output.partition("Diagnostics:")[2]
    assert told.count("samples.csv, line 3: no such file") == 1
    assert "Traceback" not in result.output


def test_a_defect_shows_the_programs_own_lines(project: Project) -> None:
    project.write('def broken():\n    return {}["key"]\n\nbroken()\n')
    result = project.run("up", "--yes", "--skip-preview")
    assert result.code != 0
    assert 'line 2, in broken\n        return {}["key"]' in result.output
    assert "KeyError: 'key'" in result.output
    assert "runpy" not in result.output


def test_an_error_raised_in_an_apply_fails_the_up(project: Project) -> None:
    project.write(
        "import pulumi\n"
        "def check(value):\n"
        '    raise pulumi.RunError(f"run {value} failed")\n'
        'pulumi.export("x", pulumi.Output.from_input("NA12878").apply(check))\n'
    )
    result = project.run("up", "--yes", "--skip-preview")
    assert result.code != 0
    assert "run NA12878 failed" in result.output
    assert "Traceback" not in result.output


def test_configuration_and_its_secrets_reach_the_program(project: Project) -> None:
    project.ok("config", "set", "sheet", "samples.csv")
    project.ok("config", "set", "--secret", "token", "sesame")
    project.write(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        'pulumi.export("sheet", config.require("sheet"))\n'
        'pulumi.export("token", config.require_secret("token"))\n'
    )
    assert "sesame" not in project.up().output
    assert project.ok("stack", "output", "sheet").output.strip() == "samples.csv"
    assert project.ok("stack", "output", "token", "--show-secrets").output.strip() == "sesame"


def test_a_missing_program_is_named(project: Project) -> None:
    result = project.run("preview")
    assert result.code != 0
    assert "__main__.py" in result.output
