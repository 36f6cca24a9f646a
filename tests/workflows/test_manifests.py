"""Manifests: golden files for the whole, behaviours for what matters most.

`pytest tests/workflows --golden` writes the golden files anew; read the diff before you commit it.
"""

from dataclasses import replace

import pytest

from quantities import parse_bytes
from tests.workflows.conftest import CALLS, RULES, Run
from tests.workflows.manifests import changed, check_golden, given, templates
from workflows.reference import reference, reference_uri
from workflows.types import Platform, Size, Source


def test_alignment_of_two_lanes(run: Run, golden: bool) -> None:
    check_golden("alignment", run.manifest(), golden)


def test_reference_index(platform: Platform, golden: bool) -> None:
    check_golden("reference", reference(Source("s3://reads/lambda.fa.gz", "9-9"), platform), golden)


def test_the_same_content_has_the_same_name_and_other_content_another(run: Run) -> None:
    name = run.manifest()["metadata"]["name"]
    assert run.manifest()["metadata"]["name"] == name
    assert run.but(rules=replace(RULES, batch_bases=1)).manifest()["metadata"]["name"] != name


def test_scratch_may_be_a_volume_that_comes_and_goes_with_the_pod(run: Run) -> None:
    platform = run.platform
    places = {**platform.placements, "large": replace(platform.placements["large"], scratch_class="fast")}
    made = templates(run.but(platform=replace(platform, placements=places)).manifest())
    (volume,) = made["align"]["volumes"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": platform.sizes["large"].scratch}},
    }
    assert volume["name"] == made["align"]["container"]["volumeMounts"][0]["name"] == "scratch"
    assert "emptyDir" in made["fastqc"]["volumes"][0]


def test_a_mended_file_repeats_only_what_depends_on_it(run: Run) -> None:
    lane = run.sample.lanes[0]
    mended = replace(lane, reads=(lane.reads[0], replace(lane.reads[1], identity="8-2")))
    after = run.but(sample=replace(run.sample, lanes=(mended, *run.sample.lanes[1:])))
    assert changed(run, after) == {"NA12878_L001_R2", "gate", "align", "shards", "gather", "record"}


def test_other_qc_rules_repeat_the_gate_and_not_the_alignment(run: Run) -> None:
    assert changed(run, run.but(qc=replace(run.qc, min_reads=5))) == {"gate", "record"}


def test_another_ploidy_repeats_the_calls_and_not_the_alignment(run: Run) -> None:
    assert changed(run, run.but(calls=replace(CALLS, ploidy=1))) == {"shards", "gather", "record"}


def test_without_calls_a_run_ends_with_the_bam(run: Run) -> None:
    assert set(templates(run.but(calls=None).manifest())) == {"fastqc", "gate", "align", "record", "sample"}


def test_another_size_of_machine_starts_a_run_that_repeats_nothing(run: Run) -> None:
    sizes = {**run.platform.sizes, "large": Size("8", 8, 16384, "100Gi")}
    bigger = run.but(platform=replace(run.platform, sizes=sizes))
    assert run.manifest()["metadata"]["name"] != bigger.manifest()["metadata"]["name"]
    assert changed(run, bigger) == set()


def test_another_image_repeats_its_own_steps_and_what_follows(run: Run) -> None:
    images = {**run.platform.images, "bwa-mem2": "registry.example/x@sha256:" + "3" * 64}
    rebuilt = run.but(platform=replace(run.platform, images=images))
    assert changed(run, rebuilt) == {"align", "shards", "gather", "record"}


def test_a_step_waits_for_those_whose_results_it_reads(run: Run) -> None:
    tasks = {task["name"]: task.get("depends", "") for task in templates(run.manifest())["sample"]["dag"]["tasks"]}
    assert tasks == {
        **{"fastqc": "", "gate": "fastqc", "align": "gate", "shards": "align"},
        **{"call": "shards", "gather": "call", "record": "gather"},
    }


def test_every_shard_is_called_and_what_a_split_one_leaves_too(run: Run) -> None:
    found = templates(run.manifest())
    (task,) = (task for task in found["sample"]["dag"]["tasks"] if task["name"] == "call")
    assert task["template"] == "call-to-the-end"
    assert task["withParam"] == "{{tasks.shards.outputs.parameters.shards}}"
    (first,), (rest,) = found["call-to-the-end"]["steps"]
    assert first["template"] == "call"
    assert rest["template"] == "call-to-the-end"
    assert rest["withParam"] == "{{steps.call.outputs.parameters.rest}}"
    (again,), (called,) = given(rest), given(task)
    own = {"sample": "{{inputs.parameters.sample}}", "also": "{{inputs.parameters.also}}"}
    # It lies beside the one before it, and the template knows of no sample.
    own["record"] = "{{=sprig.regexReplaceAll('[^/]+$', inputs.parameters['record'], '')}}{{item.shard}}.json"
    assert again == {**called, **own}


def test_an_index_is_built_on_a_huge_machine_only_where_there_is_none(platform: Platform) -> None:
    found = templates(reference(Source("s3://reads/lambda.fa", "1"), platform))
    lookup, index = found["reference"]["dag"]["tasks"]
    assert index["when"] == "{{tasks.lookup.outputs.parameters.needed}} == true"
    assert index["depends"] == "lookup"
    assert lookup["arguments"] == index["arguments"]


def test_the_same_checksum_is_the_same_index_wherever_it_is_read_from(platform: Platform) -> None:
    checksum = "md5:" + "0" * 32
    here = Source("s3://reads/genome.fa", "1", checksum=checksum)
    there = Source("https://example.org/genome.fa", "2", checksum=checksum)
    assert reference_uri(here, platform) == reference_uri(there, platform)
    assert reference_uri(here, platform) != reference_uri(replace(here, checksum="md5:" + "1" * 32), platform)
    assert reference_uri(replace(here, checksum="none"), platform) != reference_uri(here, platform)


def test_an_image_with_the_same_bwa_mem2_finds_the_index(platform: Platform) -> None:
    rebuilt = replace(platform, images={**platform.images, "bwa-mem2": "registry.example/x@sha256:" + "3" * 64})
    fasta = Source("s3://reads/genome.fa", "1")
    assert reference_uri(fasta, platform) == reference_uri(fasta, rebuilt)


def test_every_step_meets_pod_security_restricted(run: Run) -> None:
    spec = run.manifest()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for template in (t for t in spec["templates"] if "container" in t):
        security = template["container"]["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]


def test_every_step_asks_for_memory_and_is_limited_to_it(run: Run) -> None:
    for template in (t for t in run.manifest()["spec"]["templates"] if "container" in t):
        resources = template["container"]["resources"]
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert {volume["emptyDir"]["sizeLimit"] for volume in template["volumes"]} <= {"1Gi", "10Gi", "50Gi"}


def test_what_only_looks_or_waits_takes_next_to_nothing(run: Run) -> None:
    found = templates(run.manifest()) | templates(reference(Source("s3://reads/x.fa"), run.platform))
    asked = {name: made["container"]["resources"]["requests"] for name, made in found.items() if "container" in made}
    assert {name for name, requests in asked.items() if requests["cpu"] == "50m"} == {"gate", "record", "lookup"}


def known_sizes(run: Run, size: int) -> Run:
    """The run with files of a known size, on a reference of a million bases."""
    lanes = (
        replace(lane, reads=(replace(lane.reads[0], size=size), replace(lane.reads[1], size=size)))
        for lane in run.sample.lanes
    )
    return run.but(sample=replace(run.sample, lanes=tuple(lanes)), rules=replace(RULES, bases=1_000_000))


def memory(run: Run, step: str) -> tuple[int, str]:
    """MiB that a step asks for, and what it is told that it has."""
    container = templates(run.manifest())[step]["container"]
    args = container["args"]
    return parse_bytes(container["resources"]["requests"]["memory"]) // 2**20, args[args.index("--memory") + 1]


def test_a_step_asks_for_what_its_input_takes_and_never_for_more_than_its_class(run: Run) -> None:
    small, big = memory(known_sizes(run, 1_000_000), "align"), memory(known_sizes(run, 10**11), "align")
    unknown = memory(run, "align")
    assert small[0] < 1024
    assert big[0] == unknown[0] == 4096
    assert all(str(asked) == told for asked, told in (small, big, unknown))


def test_a_step_goes_where_its_size_class_says(run: Run) -> None:
    align = templates(run.manifest())["align"]
    assert align["nodeSelector"] == {"biojobs/pool": "spot-large"}
    assert align["tolerations"][0]["value"] == "spot-large"


def test_scratch_is_reserved_where_an_autoscaler_adds_nodes_for_it(run: Run) -> None:
    found = templates(run.manifest())
    assert found["align"]["container"]["resources"]["requests"]["ephemeral-storage"] == "50Gi"
    assert "ephemeral-storage" not in found["gate"]["container"]["resources"]["requests"]


def test_a_manifest_never_grows_with_its_lanes(run: Run) -> None:
    lanes = tuple(replace(run.sample.lanes[0], lane=f"L{number:03d}") for number in range(300))
    manifest = run.but(sample=replace(run.sample, lanes=lanes)).manifest()
    assert len(manifest["spec"]["templates"]) == len(run.manifest()["spec"]["templates"])


@pytest.mark.parametrize(
    "uri", ["s3://b/Homo sapiens.fa", "https://x/é.fa", "s3://b/.fa", "s3://b/" + "x" * 300 + ".fa"]
)
def test_a_reference_is_named_safely(uri: str, platform: Platform) -> None:
    folder = reference_uri(Source(uri, "1"), platform).removeprefix("s3://reference/")
    assert folder.replace("-", "").isalnum()
    assert folder.isascii()
    assert len(folder) < 63
