"""The CI's workflows: two linters find nothing in them, and no credential is within reach of a pull request."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from sandbox import tools
from tests.program import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "preview.yml"
NOT_FROM_A_PULL_REQUEST = "github.event_name != 'pull_request'"
SAFE_EVENTS = {"pull_request", "push", "workflow_dispatch"}
"""Others, such as `pull_request_target`, run with the repository's rights on what strangers write."""

Job = Mapping[str, Any]


def actionlint(file: Path) -> str:
    """What actionlint finds, and shellcheck in the scripts."""
    program = tools.ensure("actionlint") / "actionlint"
    return run(program, "-oneline", "-pyflakes=", f"-shellcheck={installed('shellcheck')}", str(file))


def zizmor(file: Path) -> str:
    """What zizmor finds without asking GitHub anything, at its most suspicious."""
    return run(installed("zizmor"), "--offline", "--persona=auditor", "--format=github", "--no-ignores", str(file))


def own_rules(file: Path) -> str:
    """What goes against the rules of docs/ci.md."""
    return "\n".join(problems(file.read_text()))


def installed(program: str) -> Path:
    """A program of the locked environment."""
    return Path(sys.executable).parent / program


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([str(program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    # Its own failure says nothing on standard output, and must not pass for a clean bill.
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


LINTERS = {"actionlint": actionlint, "zizmor": zizmor, "own rules": own_rules}


def problems(text: str) -> Iterator[str]:
    """What is wrong with a workflow, a line each."""
    workflow = cast(dict[Any, Any], yaml.safe_load(text))
    # YAML 1.1 reads the key `on` as a truth value.
    if strange := set(workflow[True]) - SAFE_EVENTS:
        yield f"runs on {', '.join(sorted(strange))}"
    if workflow.get("permissions") != {}:
        yield "all jobs get permissions: write `permissions: {}` at the top"
    jobs = cast(dict[str, Job], workflow["jobs"])
    for name, job in jobs.items():
        yield from (f"{name}: {problem}" for problem in job_problems(job))
    for line in text.splitlines():
        if "uses:" in line and not re.search(r"@[0-9a-f]{40} # v\d+(\.\d+)*$", line):
            yield f"no full SHA with its version: {line.strip()}"


def job_problems(job: Job) -> Iterator[str]:
    permissions = cast(dict[str, str], job.get("permissions", {}))
    writes = {scope for scope, access in permissions.items() if access == "write"}
    trusted = bool(writes) or "environment" in job or "secrets." in str(job)
    condition = str(job.get("if", "")).strip("${} ")
    if trusted and ("||" in condition or NOT_FROM_A_PULL_REQUEST not in map(str.strip, condition.split("&&"))):
        yield "has credentials, and runs for pull requests"
    if "id-token" in writes and job.get("environment") != "preview":
        yield "can get an OIDC token whose subject is not that of the environment `preview`"
    steps = cast(list[dict[str, Any]], job["steps"])
    checkouts = [step for step in steps if str(step.get("uses", "")).startswith("actions/checkout@")]
    if writes - {"id-token"} and checkouts:
        yield f"may write {', '.join(sorted(writes))}, and checks code out"
    if any(step.get("with", {}).get("persist-credentials") is not False for step in checkouts):
        yield "leaves the token in the checkout"
    if any("${{" in step.get("run", "") for step in steps):
        yield "puts an expression into a script: hand it over in `env`"
    if "timeout-minutes" not in job:
        yield "has no timeout"


@pytest.mark.parametrize("linter", LINTERS)
def test_nothing_is_found_in_the_workflow(linter: str) -> None:
    assert LINTERS[linter](WORKFLOW) == ""


def test_there_is_no_workflow_that_is_not_checked() -> None:
    assert [path for path in WORKFLOW.parent.iterdir() if path != WORKFLOW] == []


def test_a_pull_request_gets_tests_and_a_plan() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    open_to_all = {name: job for name, job in workflow["jobs"].items() if "if" not in job}
    assert set(open_to_all) == {"tests", "plan"}
    assert [job["permissions"] for job in open_to_all.values()] == [{"contents": "read"}] * 2


def test_every_cloud_is_planned_and_can_be_previewed() -> None:
    clouds = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml") if path.name != "Pulumi.local.yaml")
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    assert jobs["plan"]["strategy"]["matrix"]["stack"] == clouds
    assert sorted(jobs["preview"]["outputs"]) == clouds
    shown = jobs["comment"]["steps"][0]["env"]
    assert [shown[cloud.upper()] for cloud in clouds] == [f"${{{{ needs.preview.outputs.{one} }}}}" for one in clouds]


def test_every_variable_is_told_how_to_set() -> None:
    asked = set(re.findall(r"vars\.(\w+)", WORKFLOW.read_text()))
    assert asked == set(re.findall(r"gh variable set (\w+)", (ROOT / "docs" / "ci.md").read_text()))


def test_branches_that_see_the_account_are_named() -> None:
    triggers = yaml.safe_load(WORKFLOW.read_text())[True]
    assert triggers["push"] == {"branches": ["main", "preview/*"]}


@dataclass(frozen=True)
class Mutant:
    """A mistake that could be made in the workflow, who finds it, and the word it is told by."""

    old: str
    new: str
    linter: str
    word: str


_GUARD = f"{NOT_FROM_A_PULL_REQUEST} && vars."
MUTANTS = {
    "an action by its tag": Mutant(
        "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "zizmor", "unpinned-uses"
    ),
    "a SHA without its version": Mutant(" # v7.0.1", "", "own rules", "no full SHA with its version"),
    "a token left in the checkout": Mutant("persist-credentials: false", "fetch-depth: 0", "zizmor", "artipacked"),
    "permissions for every job": Mutant("permissions: {}", "permissions: write-all", "zizmor", "excessive-permissions"),
    "strangers' code with our rights": Mutant(
        "  pull_request:", "  pull_request_target:", "zizmor", "dangerous-triggers"
    ),
    "a branch's name in a script": Mutant(':$BRANCH"', ':${{ github.ref_name }}"', "zizmor", "template-injection"),
    "an inherited secret": Mutant("github.token", "secrets.PAT", "zizmor", "secrets-outside-env"),
    "a preview of pull requests": Mutant(_GUARD, "vars.", "own rules", "preview: has credentials"),
    "a preview of pull requests too": Mutant(
        _GUARD, _GUARD.replace("&&", "||"), "own rules", "preview: has credentials"
    ),
    "a preview outside its environment": Mutant(
        "    environment: preview\n", "", "own rules", "OIDC token whose subject"
    ),
    "a comment with code at hand": Mutant(
        "id-token: write", "pull-requests: write", "own rules", "may write pull-requests, and checks code out"
    ),
    "a variable that is split": Mutant('comment "$number"', "comment $number", "actionlint", "SC2086"),
    "an output that nobody sets": Mutant("preview.outputs.gcp }}", "preview.outputs.gpc }}", "actionlint", "gpc"),
    "a machine that there is not": Mutant("ubuntu-24.04", "ubuntu-24.4", "actionlint", "runner-label"),
}


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_mistake_is_found(mistake: str, tmp_path: Path) -> None:
    mutant = MUTANTS[mistake]
    text = WORKFLOW.read_text()
    assert mutant.old in text
    # Under its own path, or the linters take it for no workflow.
    file = tmp_path / ".github" / "workflows" / WORKFLOW.name
    file.parent.mkdir(parents=True)
    file.write_text(text.replace(mutant.old, mutant.new))
    assert mutant.word in LINTERS[mutant.linter](file)
