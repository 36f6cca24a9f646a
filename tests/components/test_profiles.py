"""Profiles: defaults that a stack file overrides key by key, and nothing else between a stub run and a real one."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
import yaml

from components.contracts import Cloud, Cluster, Identity, Registry, Store
from components.inputs import read_inputs
from components.manifests import Manifests, platform
from settings import COMMON_KEYS, SettingsError, load
from settings_profiles import PROFILES
from tests.components.test_clouds import CLOUDS, COMMON, IMAGES, differences
from tests.components.test_settings import ROOT
from workflows.types import Manifest, Placement, Source, StoreUris

LOCAL = {"biojobs:cloud": "local"}


@pytest.mark.parametrize(("cloud", "usual"), [("local", "local"), ("aws", "cloud"), ("gke", "cloud")])
def test_a_stack_that_names_no_profile_has_the_one_of_its_cloud(cloud: str, usual: str) -> None:
    config = {**CLOUDS[cloud], **COMMON} if cloud != "local" else LOCAL
    assert load(config, "dev", ROOT).profile == usual
    assert load(config, "dev", ROOT).classes == load({**config, "biojobs:profile": usual}, "dev", ROOT).classes


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sets_keys_that_exist_in_the_spelling_of_a_stack_file(name: str) -> None:
    said = PROFILES[name]  # pyright: ignore[reportArgumentType]
    assert set(said) <= COMMON_KEYS
    settings = load({**LOCAL, "biojobs:profile": name}, "dev", ROOT)
    assert _part_of(said, settings.model_dump(by_alias=True))


def _part_of(said: Any, all_of_it: Any) -> bool:
    if not isinstance(said, dict):
        return said == all_of_it
    return all(_part_of(value, all_of_it[key]) for key, value in cast(dict[str, Any], said).items())


def test_what_a_stack_file_says_is_laid_over_its_profile_key_by_key() -> None:
    large = {"large": {"cpu": "2", "memory": "8Gi"}}
    config = {**LOCAL, "biojobs:profile": "cloud", "biojobs:wait": "true", "biojobs:classes": json.dumps(large)}
    settings = load(config, "dev", ROOT)
    assert settings.wait is True
    large = settings.classes.large.model_dump(exclude_none=True)
    assert large == {"cpu": "2", "memory": "8Gi", "scratch": "340Gi", "gpus": 0}
    assert settings.classes.huge.cpu == "16"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"profile": "clowd"}, "biojobs:profile: 'clowd': use one of 'stub', 'local' or 'cloud'"),
        ({"profile": '["stub"]'}, "biojobs:profile: ['stub']: use one of 'stub', 'local' or 'cloud'"),
        ({"classes": "[1]"}, "biojobs:classes: [1]: write a YAML mapping"),
        ({"classes": '{"large": "big"}'}, "biojobs:classes.large: 'big': write a YAML mapping"),
        ({"classes": '{"large": {"cpus": "2"}}'}, "biojobs:classes.large.cpus: '2': is not a key here"),
        (
            {"profile": "cloud", "quota": '{"memory": "120Gi"}'},
            "biojobs:classes.large.memory: '165Gi' (of biojobs:profile cloud): is over biojobs:quota.memory '120Gi'",
        ),
        (
            {"profile": "cloud", "classes": '{"large": {"memory": "3Ti"}}'},
            "biojobs:classes.large.memory: '3Ti': is over biojobs:quota.memory '2Ti'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_under_the_key_of_the_stack_file(config: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**LOCAL, **{f"biojobs:{key}": value for key, value in config.items()}}, "dev", ROOT)
    assert [line.startswith(said) for line in str(caught.value).splitlines()] == [True]


@pytest.mark.parametrize("stack", ["local", "aws", "gcp"])
@pytest.mark.parametrize("name", PROFILES)
def test_every_stack_file_loads_with_every_profile(stack: str, name: str) -> None:
    written = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in written.items()}
    assert load({**config, "biojobs:profile": name}, stack, ROOT).profile == name


def manifests(profile: str) -> list[Manifest]:
    """All Workflows of the sheet, on one cluster, under a profile."""
    settings = load({**LOCAL, **_SHEET, "biojobs:profile": profile}, "dev", ROOT)
    inputs = read_inputs(settings, ROOT, lambda location: Source(f"s3://reads/{location}", "1-1"))
    images = {key: ref.format(registry="registry") for key, ref in IMAGES.items()}
    made = Manifests(settings, inputs, platform(settings, _cloud(), images))
    return [made.reference(), made.samples(inputs.samples), made.sheet(), *made.jobs().values()]


_SHEET = {key: COMMON[key] for key in ("biojobs:sheet", "biojobs:reference")}


def _cloud() -> Cloud:
    nothing, uris = cast(Any, None), StoreUris("s3://reads", "s3://reference", "s3://results")
    places = {size: Placement() for size in ("small", "large", "huge", "gpu")}
    return Cloud(
        Cluster(nothing, cast(Any, places), (443,), nothing), Registry("local"), Identity(), Store(uris, "", {})
    )


RESOURCES = {
    ".spec.templates.container.resources.requests.cpu",
    ".spec.templates.container.resources.requests.memory",
    ".spec.templates.container.resources.limits.memory",
    ".spec.templates.podSpecPatch",
    ".spec.templates.retryStrategy.expression",
    ".spec.templates.retryStrategy.limit",
    ".spec.templates.volumes.emptyDir.sizeLimit",
}
"""Where a step's share of a machine is written; the patch doubles its memory, and the rules end that."""


@pytest.mark.parametrize("other", ["cloud", "stub"])
def test_manifests_differ_between_profiles_in_sizes_and_what_a_stub_is_and_in_nothing_else(other: str) -> None:
    for usual, changed in zip(manifests("local"), manifests(other), strict=True):
        found = set(differences(_without_sizes(usual), _without_sizes(changed)))
        assert found <= RESOURCES | ({".spec.templates.container.env"} if other == "stub" else set())
        assert RESOURCES & found or not _containers(usual)


def test_a_stub_is_told_so_and_leaves_its_results_apart() -> None:
    for usual, stub in zip(manifests("local"), manifests("stub"), strict=True):
        for real, told in zip(_containers(usual), _containers(stub), strict=True):
            assert {"name": "BIOJOBS_STUB", "value": "1"} in told["env"]
            assert [one for one in told["env"] if one["name"] != "BIOJOBS_STUB"] == real["env"]
        written = json.dumps(stub["spec"])
        for store in ("s3://results", "s3://reference"):
            assert written.count(f"{store}/") == written.count(f"{store}/_stub/") > 0 or store not in written
            assert f"{store}/_stub" not in json.dumps(usual["spec"])


def _containers(manifest: Manifest) -> list[dict[str, Any]]:
    return [template["container"] for template in manifest["spec"]["templates"] if "container" in template]


def _without_sizes(manifest: Manifest) -> Any:
    """A manifest whose steps are not told their share, and that does not say where stubs lie."""
    text = re.sub(r'("--(?:threads|memory)", )"\d+"', r'\1""', json.dumps(manifest))
    text = re.sub(r'("name": "scratch", "value": )"\w+"', r'\1""', text)
    return json.loads(re.sub(r"(s3://(?:results|reference))/_stub", r"\1", text))
