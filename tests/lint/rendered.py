"""The Kubernetes objects of a stack, as the program itself makes them on recorded clouds.

Runs become the pods that Argo makes of their steps. A release becomes what helm renders of its chart where that is in
this repository, and else the pod that its values shape.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import subprocess
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pulumi
import yaml
from pulumi.runtime import rpc
from pulumi.runtime.config import CONFIG

import versions
from sandbox import tools
from tests.components.aws.conftest import AwsRecorder
from tests.components.conftest import drained
from tests.program import ROOT

CHARTS = ROOT / "offline" / "charts"
SAMPLES = {"sheet": "samples/na12878.csv", "reference": "samples/na12878-chr22/reference.fa"}
CONFIGS = {
    "local": {"cloud": "local", "workspace": "/srv/biojobs", **SAMPLES},
    "aws": {"cloud": "aws", "region": "eu-west-1", "adminCidrs": '["192.0.2.7/32"]', "wait": "false", **SAMPLES},
}
"""Settings of the stacks that are rendered, by stack."""

USER = 1000
"""Who runs Pulumi: nobody special, as on most machines."""

Manifest = dict[str, Any]


def objects(stack: str) -> list[Manifest]:
    """All objects of a stack; one that stands for others (a run, a release) is followed by them."""
    recorder = AwsRecorder()
    pulumi.runtime.set_mocks(recorder, project="biojobs", stack=stack, preview=True)

    @drained
    def run() -> None:
        runpy.run_path(str(ROOT / "__main__.py"))

    with (
        contextlib.chdir(ROOT),
        config({f"biojobs:{key}": value for key, value in CONFIGS[stack].items()}),
        # A plan looks nothing up.
        mock.patch.dict(os.environ, {"BIOJOBS_PLAN": "1"}),
        mock.patch("os.getuid", lambda: USER),
    ):
        run()
    resources: list[Manifest] = [plain(inputs) for inputs in recorder.resources.values()]
    (argo,) = (resource for resource in resources if resource.get("chart") == versions.ARGO_CHART_NAME)
    executor = executor_container(argo)
    return [made for resource in resources for made in _expanded(resource, executor)]


@contextlib.contextmanager
def config(values: Mapping[str, str]) -> Generator[None]:
    """The stack's configuration, for a while."""
    before = CONFIG.set(dict(values))
    try:
        yield
    finally:
        CONFIG.reset(before)


def plain(value: Any) -> Any:
    """A resource's inputs as YAML would have them: no wrapping of secrets, whole numbers as such."""
    if isinstance(value, list):
        return [plain(item) for item in cast(list[Any], value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, dict):
        return value
    found = cast(dict[str, Any], value)
    if rpc._special_sig_key in found:  # pyright: ignore[reportPrivateUsage]
        return plain(found["value"])
    return {key: plain(item) for key, item in found.items() if item is not None}


def _expanded(resource: Manifest, executor: Manifest) -> Iterator[Manifest]:
    if {"apiVersion", "kind"} <= resource.keys():
        yield resource
    if resource.get("kind") == "Workflow":
        yield from pods(resource, executor)
    if "chart" in resource:
        yield from chart_objects(resource) if (CHARTS / resource["chart"]).is_dir() else [chart_pod(resource)]


def executor_container(release: Manifest) -> Manifest:
    """The container that Argo adds to every step, as its release shapes it."""
    values = release["values"]
    return {"name": "wait", "image": f"quay.io/argoproj/argoexec:{values['images']['tag']}", **values["executor"]}


def pods(workflow: Manifest, executor: Manifest) -> Iterator[Manifest]:
    """A pod for each step of a Workflow, and one with Argo's container: a finding then tells whose it is."""
    spec = workflow["spec"]
    shared = {key: spec[key] for key in ("securityContext", "serviceAccountName")}
    yield pod(workflow, "argoexec", {}, {**shared, "containers": [executor]})
    for template in (template for template in spec["templates"] if "container" in template):
        own = {key: template[key] for key in ("nodeSelector", "tolerations", "volumes") if key in template}
        containers = [{"name": "main", **template["container"]}]
        metadata = {**spec["podMetadata"], **template["metadata"]}
        yield pod(workflow, template["name"], metadata, {**shared, **own, "containers": containers})


def pod(workflow: Manifest, role: str, metadata: Manifest, spec: Manifest) -> Manifest:
    """A pod of a Workflow."""
    name, namespace = (workflow["metadata"][key] for key in ("name", "namespace"))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-{role}", "namespace": namespace, **metadata},
        "spec": {"restartPolicy": "Never", **spec},
    }


def chart_objects(release: Manifest) -> Iterator[Manifest]:
    """What helm renders of a release whose chart is in this repository, but for CRDs."""
    # Argo's CRDs are no part of the chart's folder; the sandbox adds them.
    values = {**release["values"], "crds": {**release["values"].get("crds", {}), "install": False}}
    helm = shutil.which("helm") or str(tools.ensure("helm") / "helm")
    words = [helm, "template", release["name"], str(CHARTS / release["chart"]), "--namespace", release["namespace"]]
    done = subprocess.run(
        [*words, "--values", "-"], input=json.dumps(values), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    yield from (made for made in yaml.safe_load_all(done.stdout) if made)


def chart_pod(release: Manifest) -> Manifest:
    """The pod of a release whose chart is not in this repository, as far as its values tell."""
    values = release["values"]
    image = f"{values['image']['repository']}:{values['image']['tag']}"
    container = {"name": "main", "image": image, "resources": values["resources"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {key: release[key] for key in ("name", "namespace")},
        "spec": {
            "securityContext": values["securityContext"],
            "containers": [{**container, "securityContext": values["containerSecurityContext"]}],
        },
    }


def write(made: Iterable[Manifest], folder: Path) -> None:
    """Writes one file an object, named so that a finding tells where it is."""
    folder.mkdir()
    for number, manifest in enumerate(made):
        file = folder / f"{number:03d}-{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml"
        file.write_text(yaml.safe_dump(manifest))
