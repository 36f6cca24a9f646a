"""The same sheet on every cloud: the same Workflows, but for where data and images lie and where pods go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from components.contracts import Cloud, Cluster, Identity, Registry, Store
from components.gcp.cloud import placements
from components.inputs import read_inputs
from components.manifests import Manifests, platform
from components.pools import SIZES, placement
from settings import Settings, load
from tests.components.test_settings import ROOT
from workflows.types import Manifest, Placement, SizeName, Source, StoreUris

IMAGES = {name: f"{{registry}}/{name}@sha256:1" for name in ("fastqc", "bwa-mem2", "variants", "multiqc")}
COMMON = {
    "biojobs:adminCidrs": '["8.8.4.0/24"]',
    "biojobs:sheet": "samples/na12878.csv",
    "biojobs:reference": "samples/na12878-chr22/reference.fa",
}
CLOUDS = {
    "aws": {"biojobs:cloud": "aws", "biojobs:region": "eu-west-1"},
    "gke": {"biojobs:cloud": "gcp", "biojobs:region": "europe-west4", "biojobs:project": "a-project"},
    "autopilot": {
        **{"biojobs:cloud": "gcp", "biojobs:region": "europe-west4", "biojobs:project": "a-project"},
        "biojobs:gke": "autopilot",
    },
}


def manifests(name: str, **keys: str) -> list[Manifest]:
    """All Workflows of the sheet on a cloud."""
    settings = load({**CLOUDS[name], **COMMON, **keys}, "dev", ROOT)
    scheme = "s3" if settings.cloud == "aws" else "gs"

    def located(location: str) -> Source:
        return Source(f"{scheme}://reads-bucket/{location}", "1-1")

    inputs = read_inputs(settings, ROOT, located)
    made_for = platform(
        settings, cloud(settings, scheme), {key: ref.format(registry=name) for key, ref in IMAGES.items()}
    )
    made = Manifests(settings, inputs, made_for)
    return [made.reference(), made.samples(inputs.samples), made.sheet(), *made.jobs().values()]


def cloud(settings: Settings, scheme: str) -> Cloud:
    places: dict[SizeName, Placement] = (
        {size: placement(size) for size in SIZES} if settings.cloud == "aws" else placements(settings.gcp)
    )
    uris = StoreUris(*(f"{scheme}://{role}-bucket" for role in ("reads", "reference", "results")))
    env = {"AWS_REGION": "eu-west-1"} if settings.cloud == "aws" else {}
    provider = cast(Any, None)
    context = cast(Any, None)
    return Cloud(Cluster(provider, places, (443,), context), Registry(settings.cloud), Identity(), Store(uris, "", env))


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths, without indices, at which two manifests differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        first, second = cast(dict[str, Any], one), cast(dict[str, Any], other)
        for key in sorted({*first, *second}):
            yield from differences(first.get(key), second.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(cast(list[Any], one)) == len(cast(list[Any], other)):
        for first, second in zip(cast(list[Any], one), cast(list[Any], other), strict=True):
            yield from differences(first, second, path)
    elif isinstance(one, str) and isinstance(other, str):
        if _plain(one) != _plain(other):
            yield path
    elif one != other:
        yield path


def _plain(text: str) -> str:
    """A text without what says where data and images lie, and without the hashes in names and keys that follow."""
    for scheme in ("s3://", "gs://"):
        text = text.replace(scheme, "store://")
    for registry in CLOUDS:
        text = text.replace(f"{registry}/", "registry/")
    return re.sub(r"\b([0-9a-f]{10}|[0-9a-f]{16})\b", "hash", text)


def test_aws_and_gke_run_the_same_workflows_but_for_the_region_of_s3() -> None:
    for aws, gke in zip(manifests("aws"), manifests("gke"), strict=True):
        found = set(differences(aws, gke))
        assert found == {".spec.templates.container.env"}
        assert environment(aws) - environment(gke) == {"AWS_REGION"}
        assert environment(gke) <= environment(aws)


def test_autopilot_runs_the_same_workflows_with_other_places_and_volumes_for_scratch() -> None:
    for standard, autopilot in zip(manifests("gke"), manifests("autopilot"), strict=True):
        found = set(differences(standard, autopilot))
        templates = {
            *("container.resources.requests.ephemeral-storage", "volumes.emptyDir", "volumes.ephemeral"),
            *("nodeSelector.biojobs/pool", "nodeSelector.cloud.google.com/compute-class"),
            *("podSpecPatch", "tolerations"),
        }
        expected = {f".spec.templates.{path}" for path in templates}
        assert found <= expected
        assert {".spec.templates.volumes.ephemeral", ".spec.templates.tolerations"} <= found


def test_stubs_ask_for_no_big_machine() -> None:
    for manifest in manifests("gke", **{"biojobs:profile": "stub"}):
        for template in manifest["spec"]["templates"]:
            assert template.get("nodeSelector", {"biojobs/pool": "spot-small"}) == {"biojobs/pool": "spot-small"}


@pytest.mark.parametrize("name", CLOUDS)
def test_a_last_try_goes_where_nothing_is_taken_away(name: str) -> None:
    for manifest in manifests(name):
        for template in manifest["spec"]["templates"]:
            if "container" not in template:
                continue
            usual = next(iter(template["nodeSelector"].values()))
            patch = json.loads(template["podSpecPatch"]).get("nodeSelector", {})
            assert ("spot" in usual) == bool(patch)
            assert all("on-demand" in value for value in patch.values())


def environment(manifest: Manifest) -> set[str]:
    """Names of the variables of all steps."""
    containers = [template["container"] for template in manifest["spec"]["templates"] if "container" in template]
    return {variable["name"] for found in containers for variable in found["env"]}
