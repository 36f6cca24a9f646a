"""Manifests: golden files for the whole, behaviours for what matters most.

`pytest tests/workflows --golden` writes the golden files anew; read the diff before you commit it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.alignment import AlignmentRules, SampleReads, alignment
from workflows.reference import reference, reference_uri
from workflows.types import Manifest, Platform, Size, Source

GOLDEN = Path(__file__).parent / "golden"


def check_golden(name: str, manifest: Manifest, regenerate: bool) -> None:
    file = GOLDEN / f"{name}.yaml"
    text = yaml.safe_dump(manifest, sort_keys=True, width=110)
    if regenerate:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"{file} differs; if that is meant, run pytest with --golden and read the diff"


def keys(manifest: Manifest) -> dict[str, str]:
    """Key of every step's result, by the last part of its record's name."""
    found: dict[str, str] = {}
    for task in templates(manifest)["sample"]["dag"]["tasks"]:
        for item in task.get("withItems") or [{p["name"]: p["value"] for p in task["arguments"]["parameters"]}]:
            found[Path(item["record"]).stem] = item["key"]
    return found


def templates(manifest: Manifest) -> dict[str, Any]:
    return {template["name"]: template for template in manifest["spec"]["templates"]}


def test_alignment_of_two_lanes(sample: SampleReads, rules: AlignmentRules, platform: Platform, golden: bool) -> None:
    check_golden("alignment", alignment(sample, rules, platform), golden)


def test_reference_index(platform: Platform, golden: bool) -> None:
    check_golden("reference", reference(Source("s3://reads/lambda.fa.gz", "9-9"), platform), golden)


def test_the_same_content_has_the_same_name_and_other_content_another(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    name = alignment(sample, rules, platform)["metadata"]["name"]
    assert alignment(sample, rules, platform)["metadata"]["name"] == name
    assert alignment(sample, replace(rules, batch_bases=1), platform)["metadata"]["name"] != name


def test_scratch_may_be_a_volume_that_comes_and_goes_with_the_pod(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    places = {**platform.placements, "large": replace(platform.placements["large"], scratch_class="fast")}
    made = templates(alignment(sample, rules, replace(platform, placements=places)))
    (volume,) = made["align"]["volumes"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": platform.sizes["large"].scratch}},
    }
    assert volume["name"] == made["align"]["container"]["volumeMounts"][0]["name"] == "scratch"
    assert "emptyDir" in made["fastqc"]["volumes"][0]


def test_a_mended_file_repeats_only_what_depends_on_it(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    lane = sample.lanes[0]
    mended = replace(lane, reads=(lane.reads[0], replace(lane.reads[1], identity="8-2")))
    before = keys(alignment(sample, rules, platform))
    after = keys(alignment(replace(sample, lanes=(mended, *sample.lanes[1:])), rules, platform))
    changed = {step for step in before if before[step] != after[step]}
    assert changed == {"NA12878_L001_R2", "gate", "align", "record"}


def test_other_qc_rules_repeat_the_gate_and_not_the_alignment(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    before = keys(alignment(sample, rules, platform))
    after = keys(alignment(sample, replace(rules, qc=replace(rules.qc, min_reads=5)), platform))
    assert {step for step in before if before[step] != after[step]} == {"gate", "record"}


def test_another_size_of_machine_starts_a_run_that_repeats_nothing(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    bigger = replace(platform, sizes={**platform.sizes, "large": Size("8", 8, 16384, "100Gi")})
    before, after = alignment(sample, rules, platform), alignment(sample, rules, bigger)
    assert before["metadata"]["name"] != after["metadata"]["name"]
    assert keys(before) == keys(after)


def test_another_image_repeats_its_own_steps(sample: SampleReads, rules: AlignmentRules, platform: Platform) -> None:
    rebuilt = replace(platform, images={**platform.images, "bwa-mem2": "registry.example/x@sha256:" + "3" * 64})
    before, after = keys(alignment(sample, rules, platform)), keys(alignment(sample, rules, rebuilt))
    assert {step for step in before if before[step] != after[step]} == {"align", "record"}


def test_every_step_meets_pod_security_restricted(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    spec = alignment(sample, rules, platform)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for template in (t for t in spec["templates"] if "container" in t):
        security = template["container"]["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]


def test_every_step_asks_for_memory_and_is_limited_to_it(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    for template in (t for t in alignment(sample, rules, platform)["spec"]["templates"] if "container" in t):
        resources = template["container"]["resources"]
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert {volume["emptyDir"]["sizeLimit"] for volume in template["volumes"]} <= {"10Gi", "50Gi"}


def test_a_step_goes_where_its_size_class_says(sample: SampleReads, rules: AlignmentRules, platform: Platform) -> None:
    align = templates(alignment(sample, rules, platform))["align"]
    assert align["nodeSelector"] == {"biojobs/pool": "spot-large"}
    assert align["tolerations"][0]["value"] == "spot-large"


def test_the_last_try_goes_to_nodes_that_nobody_takes_away(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    found = templates(alignment(sample, rules, platform))
    last = f"{{{{=asInt(retries) < {found['align']['retryStrategy']['limit']} ? 'spot-large' : 'on-demand-large'}}}}"
    assert json.loads(found["align"]["podSpecPatch"])["nodeSelector"] == {"biojobs/pool": last}
    assert "nodeSelector" not in json.loads(found["gate"]["podSpecPatch"])


def test_scratch_is_reserved_where_an_autoscaler_adds_nodes_for_it(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    found = templates(alignment(sample, rules, platform))
    assert found["align"]["container"]["resources"]["requests"]["ephemeral-storage"] == "50Gi"
    assert "ephemeral-storage" not in found["gate"]["container"]["resources"]["requests"]


def test_memory_is_doubled_after_an_out_of_memory_kill_only(
    sample: SampleReads, rules: AlignmentRules, platform: Platform
) -> None:
    patch = json.loads(templates(alignment(sample, rules, platform))["align"]["podSpecPatch"])
    (container,) = patch["containers"]
    wanted = "{{=lastRetry.message matches 'OOMKilled' ? '8Gi' : '4Gi'}}"
    assert container["resources"]["limits"]["memory"] == wanted


def test_a_manifest_never_grows_with_its_lanes(rules: AlignmentRules, platform: Platform, sample: SampleReads) -> None:
    lanes = tuple(replace(sample.lanes[0], lane=f"L{number:03d}") for number in range(300))
    manifest = alignment(replace(sample, lanes=lanes), rules, platform)
    assert len(manifest["spec"]["templates"]) == len(alignment(sample, rules, platform)["spec"]["templates"])


@pytest.mark.parametrize(
    "uri", ["s3://b/Homo sapiens.fa", "https://x/é.fa", "s3://b/.fa", "s3://b/" + "x" * 300 + ".fa"]
)
def test_a_reference_is_named_safely(uri: str, platform: Platform) -> None:
    folder = reference_uri(Source(uri, "1"), platform).removeprefix("s3://reference/")
    assert folder.replace("-", "").isalnum()
    assert folder.isascii()
    assert len(folder) < 63
