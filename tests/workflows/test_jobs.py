"""Manifests beside a sample's own: single jobs, the sheet, an aligner of the user's own."""

from dataclasses import replace

import pytest

from tests.workflows.conftest import CALLS, RULES, Run
from tests.workflows.manifests import changed, check_golden, given, templates
from workflows.jobs import jobs
from workflows.reference import reference
from workflows.sheet import SheetRules, sheet_run
from workflows.types import Aligner, Platform, Source


def test_an_aligner_of_ones_own_runs_between_two_containers_of_ours(run: Run, golden: bool) -> None:
    aligner = Aligner("registry.example/mine:1", ("mine", "--fast"), "gpu")
    manifest = run.but(rules=replace(RULES, aligner=aligner)).manifest()
    check_golden("own-aligner", manifest, golden)
    found = templates(manifest)
    fetch, own, deliver = found["lane"]["containerSet"]["containers"]
    assert (own["image"], own["command"]) == ("registry.example/mine:1", ["mine", "--fast"])
    assert own["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert (own["dependencies"], deliver["dependencies"]) == (["before"], ["command"])
    assert fetch["image"] == deliver["image"] == run.platform.images["bwa-mem2"]
    assert found["lane"]["nodeSelector"] == {"biojobs/pool": "gpu"}
    assert changed(run, run.but(rules=replace(RULES, aligner=aligner))) >= {"align", "shards", "gather"}


@pytest.mark.parametrize("job", ["fastqc", "align", "variants", "index"])
def test_single_jobs(job: str, platform: Platform, golden: bool) -> None:
    check_golden(f"job-{job}", jobs(RULES, CALLS, platform)[job], golden)


@pytest.mark.parametrize("job", ["fastqc", "align", "variants", "index"])
def test_single_jobs_have_the_steps_of_the_pipelines(job: str, run: Run) -> None:
    pipelines = [run.manifest(), reference(Source("s3://reads/x.fa"), run.platform)]
    known = {
        name: made["container"] for each in pipelines for name, made in templates(each).items() if "container" in made
    }
    for name, made in templates(jobs(RULES, CALLS, run.platform)[job]).items():
        if "container" in made:
            differing = {key for key in made["container"] if made["container"][key] != known[name][key]}
            assert differing <= {"args"}


def test_no_two_templates_have_the_same_name(run: Run) -> None:
    sheet = sheet_run("cohort", [run.sample], SheetRules(RULES, True, CALLS), run.platform)
    for manifest in (run.manifest(), sheet, *jobs(RULES, CALLS, run.platform).values()):
        names = [template["name"] for template in manifest["spec"]["templates"]]
        assert len(set(names)) == len(names)


def test_a_single_job_is_never_taken_for_done(platform: Platform) -> None:
    for manifest in jobs(RULES, CALLS, platform).values():
        for task in templates(manifest)["job"]["dag"]["tasks"]:
            assert {item["key"] for item in given(task)} <= {"{{workflow.uid}}", "{{item.key}}"}


def test_a_sheet_waits_for_its_samples(run: Run, golden: bool) -> None:
    wanted = SheetRules(RULES, multiqc=True, joint=CALLS)
    manifest = sheet_run("cohort", [run.sample], wanted, run.platform)
    check_golden("sheet", manifest, golden)
    tasks = {task["name"]: task.get("depends", "") for task in templates(manifest)["sheet"]["dag"]["tasks"]}
    page = tasks.pop("multiqc")
    assert tasks == {"await": "", "shards": "await", "call": "shards", "gather": "call"}
    # The page is made of what there is, also when the joint call failed or was not begun.
    assert {"gather.Succeeded", "gather.Failed", "gather.Omitted"} <= set(page.strip("()").split(" || "))


def test_a_joint_call_is_made_again_when_an_alignment_changes(run: Run) -> None:
    def shards(run: Run) -> str:
        found = templates(sheet_run("cohort", [run.sample], SheetRules(run.rules, True, CALLS), run.platform))
        (task,) = (task for task in found["sheet"]["dag"]["tasks"] if task["name"] == "shards")
        return next(given["value"] for given in task["arguments"]["parameters"] if given["name"] == "key")

    assert shards(run) == shards(run.but(qc=replace(run.qc, min_reads=5)))
    assert shards(run) != shards(run.but(rules=replace(RULES, batch_bases=1)))
