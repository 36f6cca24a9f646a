"""The workflow's scripts, run with stand-ins for the programs that they call."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lint.test_workflows import WORKFLOW

ACCOUNT = "123456789012"


@dataclass
class Runner:
    """A machine of GitHub's: a folder of a checkout, programs, and the files that steps write to."""

    folder: Path

    def program(self, name: str, script: str) -> None:
        """Puts a stand-in on PATH, or into the checkout if its name is a path."""
        file = self.folder / name if "/" in name else self.folder / "bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/bash\n{script}\n")
        file.chmod(0o755)

    def run(self, job: str, step: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a step of the workflow as GitHub does with `shell: bash`."""
        steps = yaml.safe_load(WORKFLOW.read_text())["jobs"][job]["steps"]
        (script,) = (found["run"] for found in steps if found["name"] == step)
        files = {name: str(self.folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        environment = {**os.environ, **files, "PATH": path, **env}
        return subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def written(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    made = Runner(tmp_path)
    made.program(".venv/bin/python", "echo 'export PULUMI_HOME=/x'")
    return made


def preview(runner: Runner, script: str, stack: str = "aws") -> subprocess.CompletedProcess[str]:
    runner.program("pulumi", script)
    return runner.run("preview", "Preview", ACCOUNT=ACCOUNT, STACK=stack)


@pytest.mark.parametrize("stack", ["aws", "gcp"])
def test_a_preview_is_told_without_the_accounts_number(runner: Runner, stack: str) -> None:
    ended = preview(runner, f"echo $*; echo role/{ACCOUNT}/x", stack)
    assert ended.returncode == 0, ended.stderr
    for text in (ended.stdout, runner.written("GITHUB_OUTPUT"), runner.written("GITHUB_STEP_SUMMARY")):
        assert f"preview --stack {stack} --non-interactive" in text
        assert "role/ACCOUNT/x" in text
        assert ACCOUNT not in text
    assert runner.written("GITHUB_OUTPUT").startswith(f"{stack}<<")
    assert f"pulumi preview of the stack {stack}: exit status 0" in runner.written("GITHUB_OUTPUT")


def test_a_preview_that_fails_is_told_and_fails(runner: Runner) -> None:
    ended = preview(runner, "echo no such region >&2; exit 255")
    assert ended.returncode == 255
    assert "no such region" in runner.written("GITHUB_OUTPUT")
    assert "no such region" in runner.written("GITHUB_STEP_SUMMARY")
    assert "exit status 255" in runner.written("GITHUB_OUTPUT")


def test_nothing_is_previewed_without_its_environment(runner: Runner) -> None:
    runner.program(".venv/bin/python", "exit 1")
    ended = preview(runner, "touch previewed")
    assert ended.returncode == 1
    assert not (runner.folder / "previewed").exists()


def test_a_preview_cannot_end_its_own_output(runner: Runner) -> None:
    preview(runner, "yes $'EOF\\naws=forged' | head -n 20000")
    first, *_, last = runner.written("GITHUB_OUTPUT").splitlines()
    assert first == f"aws<<{last}"
    assert len(last) == 32
    # Two stacks share a comment.
    assert 2 * len(runner.written("GITHUB_OUTPUT")) < 65_536


def test_a_plan_that_fails_fails_its_job(runner: Runner) -> None:
    runner.program(".venv/bin/python", "echo half a plan; exit 1")
    assert runner.run("plan", "Plan", STACK="gcp").returncode == 1


def comment(runner: Runner, pull_request: str, **texts: str) -> list[str]:
    """What is asked of GitHub and sent to it; `pull_request` is the number of the branch's own, or empty."""
    runner.program("gh", f'echo "$@" >&2; if [[ $1 = api ]]; then echo {pull_request}; else cat >&2; fi')
    env = {"BRANCH": "preview/x", "COMMIT": "abc", "GH_REPO": "octo/x", "AWS": "", "GCP": "", **texts}
    ended = runner.run("comment", "Write the comment, or write it anew", GITHUB_REPOSITORY_OWNER="octo", **env)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr.splitlines()


def told(stack: str) -> str:
    return f"pulumi preview of the stack {stack}: exit status 0\n+ 3 to create\n+ 4 to create"


def test_a_preview_is_shown_on_the_branchs_own_pull_request(runner: Runner) -> None:
    asked, sent, *body = comment(runner, "9", AWS=told("aws"))
    assert asked.startswith("api repos/octo/x/pulls --method GET -f state=open -f head=octo:preview/x")
    assert sent == "pr comment 9 --edit-last --create-if-none --body-file -"
    assert body[0] == "What abc would change"
    assert body[2] == "<details><summary>pulumi preview of the stack aws: exit status 0</summary>"
    assert body[body.index("~~~~text") + 1 :][:3] == ["+ 3 to create", "+ 4 to create", "~~~~"]
    assert body.count("~~~~text") == 1


def test_previews_of_both_stacks_share_a_comment(runner: Runner) -> None:
    _, _, *body = comment(runner, "9", AWS=told("aws"), GCP=told("gcp"))
    shown = [line for line in body if "<summary>" in line]
    assert ["stack aws" in line for line in shown] == [True, False]
    assert ["stack gcp" in line for line in shown] == [False, True]
    assert body.count("~~~~text") == body.count("~~~~") == body.count("</details>") == 2


def test_a_branch_without_a_pull_request_gets_no_comment(runner: Runner) -> None:
    assert len(comment(runner, "", AWS=told("aws"))) == 1
