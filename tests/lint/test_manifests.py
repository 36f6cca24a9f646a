"""The Kubernetes objects of every stack, checked by checkov. What it may find has a reason, in one table.

The checks' names are at https://www.checkov.io/5.Policy%20Index/kubernetes.html.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox import layout
from tests.lint.rendered import Manifest, objects, write
from tests.program import ROOT

STACKS = ("local", "aws")


@dataclass(frozen=True)
class Waiver:
    """A check that objects (`<stack>/<kind>.<namespace>.<name>`, with `*`) need not pass."""

    check: str
    objects: str
    reason: str


STEPS = "*/Pod.biojobs.*-*"
EXECUTOR = "*/Pod.biojobs.*-argoexec"
ARGO = "*/Deployment.argo.*"
AUTOSCALER = "aws/Pod.kube-system.cluster-autoscaler"
STORE = "local/Deployment.biojobs-store.store"

_UNTHROTTLED = "a limit only throttles: CPU is shared by requests, and a step may use what nobody else does"
_BY_VERSION = "others' image by its exact version; `biojobs:mirror` uses it by digest"
_KEEPS = "the reference is a digest or an exact version, which names the same image for ever"
_ENDS = "a step ends by itself, serves nobody, and has retries: nothing waits for it to be ready"

WAIVERS = (
    *(Waiver("CKV_K8S_11", objects, _UNTHROTTLED) for objects in (STEPS, ARGO, AUTOSCALER, STORE)),
    *(Waiver("CKV_K8S_15", objects, _KEEPS) for objects in (STEPS, ARGO, AUTOSCALER)),
    *(Waiver("CKV_K8S_43", objects, _BY_VERSION) for objects in (EXECUTOR, ARGO, AUTOSCALER)),
    Waiver("CKV_K8S_40", ARGO, "Argo's images have a user of their own, and runAsNonRoot refuses root"),
    Waiver("CKV_K8S_38", ARGO, "both talk to the API server, each with a role of its own that has what it needs"),
    Waiver("CKV_K8S_38", AUTOSCALER, "talks to the API server, with a role of its own that the chart makes"),
    *(Waiver(check, STEPS, _ENDS) for check in ("CKV_K8S_8", "CKV_K8S_9")),
    Waiver("CKV_K8S_8", AUTOSCALER, "the chart sets one"),
    Waiver("CKV_K8S_9", AUTOSCALER, "serves nobody but its own metrics"),
    Waiver("CKV_K8S_38", STEPS, "Argo reports a step's result with it; all it may do is to write that result"),
    Waiver(
        "CKV_K8S_8", "*/Deployment.argo.*-server", "the chart has none; the server keeps nothing, and holds nothing up"
    ),
    Waiver(
        "CKV_K8S_35", "local/Pod.biojobs.*-*", "S3 clients read keys from the environment; on a cloud there are no keys"
    ),
    Waiver("CKV_K8S_35", STORE, "rclone reads its keys from the environment"),
    Waiver("CKV_K8S_40", STORE, "serves the workspace as the user who owns the folder, whose files they are"),
)


@dataclass(frozen=True)
class Finding:
    """A check that an object (`<stack>/<kind>.<namespace>.<name>`) does not pass."""

    check: str
    object: str
    what: str

    @property
    def waivers(self) -> set[Waiver]:
        """Waivers that let it pass."""
        return {waiver for waiver in WAIVERS if waiver.check == self.check and fnmatchcase(self.object, waiver.objects)}


def _container(pod: Manifest) -> dict[str, Any]:
    return pod["spec"]["containers"][0]


def _security(pod: Manifest) -> dict[str, Any]:
    return _container(pod)["securityContext"]


@dataclass(frozen=True)
class Mutant:
    """A mistake that could be made in an object of a stack, and the check that finds it."""

    object: str
    spoil: Callable[[Manifest], object]
    check: str


_ALIGN = "Pod.biojobs.na12878-*-align"
MUTANTS = {
    "privileged": Mutant(_ALIGN, lambda pod: _security(pod).update(privileged=True), "CKV_K8S_16"),
    "root": Mutant(_ALIGN, lambda pod: pod["spec"].pop("securityContext"), "CKV_K8S_23"),
    "low-user": Mutant(_ALIGN, lambda pod: pod["spec"]["securityContext"].update(runAsUser=1000), "CKV_K8S_40"),
    "no-seccomp": Mutant(_ALIGN, lambda pod: pod["spec"]["securityContext"].pop("seccompProfile"), "CKV_K8S_31"),
    "escalation": Mutant(_ALIGN, lambda pod: _security(pod).pop("allowPrivilegeEscalation"), "CKV_K8S_20"),
    "capabilities": Mutant(_ALIGN, lambda pod: _security(pod).pop("capabilities"), "CKV_K8S_37"),
    "writable-root": Mutant(_ALIGN, lambda pod: _security(pod).pop("readOnlyRootFilesystem"), "CKV_K8S_22"),
    "no-memory-limit": Mutant(_ALIGN, lambda pod: _container(pod)["resources"].pop("limits"), "CKV_K8S_13"),
    "by-tag": Mutant(_ALIGN, lambda pod: _container(pod).update(image="bwa-mem2:2.3"), "CKV_K8S_43"),
    "host-network": Mutant(_ALIGN, lambda pod: pod["spec"].update(hostNetwork=True), "CKV_K8S_19"),
    "any-verb": Mutant("Role.biojobs.executor", lambda role: role["rules"][0].update(verbs=["*"]), "CKV_K8S_49"),
}


def _spoilt(made: list[Manifest], mistake: str) -> Manifest:
    mutant = MUTANTS[mistake]
    (found,) = (manifest for manifest in made if fnmatchcase(_name(manifest), mutant.object))
    spoilt = copy.deepcopy(found)
    mutant.spoil(spoilt)
    spoilt["metadata"]["name"] = mistake
    return spoilt


def _name(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return f"{manifest['kind']}.{metadata.get('namespace', 'default')}.{metadata['name']}"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[Finding]:
    """Findings of all stacks, and of the mutants in a stack of their own; checkov takes its time to start."""
    folder = tmp_path_factory.mktemp("manifests")
    made = {stack: objects(stack) for stack in STACKS}
    made["mutants"] = [_spoilt(made["local"], mistake) for mistake in MUTANTS]
    for stack, manifests in made.items():
        write(manifests, folder / stack)
    return checkov(folder)


def checkov(folder: Path) -> set[Finding]:
    """What checkov finds, in an environment of its own and without asking its maker anything."""
    words = [
        "--framework",
        "kubernetes",
        "argo_workflows",
        "--skip-download",
        "--compact",
        "--quiet",
        "--output",
        "json",
    ]
    done = subprocess.run(
        [
            uv(),
            "run",
            "--locked",
            "--quiet",
            "--script",
            "tests/lint/run_checkov.py",
            *words,
            "--directory",
            str(folder),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # It answers with a list when there is more than one framework, and with 1 when it has found something.
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    reports = cast(list[dict[str, Any]] | dict[str, Any], json.loads(done.stdout))
    results = [report["results"] for report in (reports if isinstance(reports, list) else [reports])]
    assert not any(result.get("parsing_errors") for result in results)
    return {
        Finding(check["check_id"], f"{check['file_path'].split('/')[1]}/{check['resource']}", check["check_name"])
        for result in results
        for check in result["failed_checks"]
    }


def uv() -> str:
    """The uv that made the environment of these tests; bootstrap/ puts its own into the cache."""
    cached = sorted(layout.from_environment().cache.glob("uv-*/bin/uv"))
    places = (os.environ.get("UV"), shutil.which("uv"), *map(str, cached))
    return next(place for place in places if place)


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_found_but_what_has_a_reason(found: set[Finding], stack: str) -> None:
    own = {finding for finding in found if finding.object.startswith(f"{stack}/")}
    assert {finding for finding in own if not finding.waivers} == set()


def test_every_waiver_is_needed(found: set[Finding]) -> None:
    assert set(WAIVERS) - {waiver for finding in found for waiver in finding.waivers} == set()


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_mistake_is_found(found: set[Finding], mistake: str) -> None:
    assert MUTANTS[mistake].check in {finding.check for finding in found if finding.object.endswith(f".{mistake}")}
