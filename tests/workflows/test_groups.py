"""Samples in groups: who is with whom, and what a Workflow of several samples is made of."""

from __future__ import annotations

import json
import random
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from quantities import parse_bytes
from tests.program import ROOT
from tests.workflows.conftest import RULES, Run, lane
from tests.workflows.manifests import check_golden, keys, templates
from workflows.groups import at_once, groups, subject, task_names
from workflows.types import Manifest, Placement, SampleReads

NAMES = [f"S{number}" for number in range(1000)]


def grouped(names: list[str], most: int) -> list[tuple[str, ...]]:
    return [tuple(group) for group in groups(names, names, most)]


@pytest.mark.parametrize("most", [1, 2, 7, 50, 100])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_every_sample_is_in_one_group_in_the_sheets_order(most: int, count: int) -> None:
    found = grouped(NAMES[:count], most)
    assert [name for group in found for name in group] == NAMES[:count]
    assert all(0 < len(group) <= most for group in found)


@pytest.mark.parametrize("most", [1, 2, 7, 50, 100])
def test_rows_that_are_appended_touch_the_last_group_at_most(most: int) -> None:
    for count in range(1, 300):
        before, after = grouped(NAMES[:count], most), grouped(NAMES[: count + 3], most)
        assert after[: len(before) - 1] == before[:-1]
        if len(before[-1]) == most:
            assert after[len(before) - 1] == before[-1]


@pytest.mark.parametrize("most", [1, 7, 50])
def test_a_row_that_is_taken_out_touches_a_few_groups_however_long_the_sheet_is(most: int) -> None:
    before, touched = set(grouped(NAMES, most)), list[int]()
    for gone in random.Random(1).sample(range(1000), 100):
        after = set(grouped(NAMES[:gone] + NAMES[gone + 1 :], most))
        touched.append(len(before - after))
    assert sum(touched) / len(touched) < 4


def test_groups_are_mostly_full() -> None:
    names = [f"S{number}" for number in range(10_000)]
    assert len(grouped(names, 50)) < 10_000 / 50 * 1.5


def test_a_groups_name_is_a_label_even_for_the_longest_names() -> None:
    assert subject(["A"]) == "A"
    assert subject(["A", "B"]) == "A-and-1-more"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]", subject(["x" * 50] * 100))


@pytest.mark.parametrize(
    "names", [["A.1", "A_1", "A-1", "a-1-2", "a.1"], ["x" * 45 + "a", "x" * 45 + "b"], ["align", "group", "7"]]
)
def test_samples_whose_names_differ_in_signs_only_have_tasks_of_their_own(names: list[str]) -> None:
    found = task_names(names)
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) for name in found)


def reads(name: str, size: int = 0, lanes: int = 1) -> SampleReads:
    """A sample with files of its own."""
    found = [lane(f"{name}-{number}", f"{name}-{number}") for number in range(lanes)]
    sized = (replace(each, reads=tuple(replace(source, size=size) for source in each.reads)) for each in found)
    return SampleReads(name, tuple(sized))  # pyright: ignore[reportArgumentType]


def own(manifest: Manifest, task: str) -> dict[str, str]:
    """What a sample of a group brings along."""
    (found,) = (each for each in templates(manifest)["group"]["dag"]["tasks"] if each["name"] == task)
    given = {each["name"]: each["value"] for each in found["arguments"]["parameters"]}
    return json.loads(given["own"])


def called(manifest: Manifest, sample: str, step: str) -> str:
    """The template that a sample's step is run by."""
    found = templates(manifest)
    (graph,) = (each["template"] for each in found["group"]["dag"]["tasks"] if each["name"] == sample)
    return next(task["template"] for task in found[graph]["dag"]["tasks"] if task["name"] == step)


def references(manifest: Manifest) -> set[str]:
    """What the graphs of samples ask for."""
    graphs = [made for name, made in templates(manifest).items() if name.startswith("sample")]
    return set(re.findall(r"fromJSON\(inputs\.parameters\.own\)\['([^']+)'\]", json.dumps(graphs)))


def test_two_samples_in_a_workflow(run: Run, golden: bool) -> None:
    check_golden("group", run.together([reads("A"), reads("B", lanes=2)]), golden)


def test_one_sample_alone_is_a_workflow_of_its_own_name(run: Run) -> None:
    alone = run.together([reads("A")])
    assert alone["metadata"]["labels"]["biojobs/sample"] == "A"
    assert alone["spec"]["entrypoint"] == "sample"


def test_a_sample_has_the_same_keys_in_every_company(run: Run) -> None:
    alone = keys(run.together([reads("B", lanes=2)]))
    brought = own(run.together([reads("A"), reads("B", lanes=2), reads("C")]), "b")
    found = {Path(item["record"]).stem: item["key"] for item in json.loads(brought["fastqc"])}
    found |= {at.removesuffix(".key"): key for at, key in brought.items() if at.endswith(".key")}
    assert found == {name: key for name, key in alone.items() if "item" not in key}


def test_a_sample_brings_along_whatever_its_graph_asks_for(run: Run) -> None:
    made = run.together([reads("A"), reads("B", lanes=2)])
    assert set(own(made, "a")) == set(own(made, "b")) == references(made)
    records = {value for at, value in own(made, "b").items() if at.endswith(".record")}
    assert {record.partition("/.steps")[0] for record in records} == {"s3://results/B"}


def test_a_bad_sample_stops_no_other(run: Run) -> None:
    graph = templates(run.together([reads("A"), reads("B")]))["group"]["dag"]
    assert graph["failFast"] is False
    assert [task["name"] for task in graph["tasks"]] == ["a", "b"]
    assert not any("depends" in task for task in graph["tasks"])


def test_samples_share_all_templates(run: Run) -> None:
    made = {count: run.together([reads(f"S{n}", lanes=1 + n % 3) for n in range(count)]) for count in (2, 100)}
    assert set(templates(made[2])) == set(templates(made[100]))


def test_no_shared_template_holds_anything_of_a_sample(run: Run) -> None:
    made = templates(run.together([reads(f"NAMED{number}") for number in range(3)]))
    made.pop("group")
    assert len(made) > 5
    assert "NAMED" not in json.dumps(made)


def test_steps_that_ask_for_other_amounts_have_templates_of_their_own(run: Run) -> None:
    known = run.but(rules=replace(RULES, bases=1_000_000))
    manifest = known.together([reads("A", 10**6), reads("B", 10**9), reads("C", 10**6 + 1)])
    assert [called(manifest, sample, "align") for sample in "abc"] == ["align", "align-x2", "align"]
    assert [called(manifest, sample, "gate") for sample in "abc"] == ["gate"] * 3
    made = templates(manifest)
    memory = [parse_bytes(made[name]["container"]["resources"]["requests"]["memory"]) for name in ("align", "align-x2")]
    assert memory[0] < memory[1]
    assert made["align-x2"]["container"]["command"] == ["/biojobs/align.sh"]
    assert made["align-x2"]["metadata"]["labels"]["biojobs/step"] == "align"


@pytest.mark.parametrize(
    ("placement", "patched"),
    [
        (Placement(), {"emptyDir": {"sizeLimit": "{{inputs.parameters.scratch}}"}}),
        (Placement(reserves_scratch=True), {"emptyDir": {"sizeLimit": "{{inputs.parameters.scratch}}"}}),
        (
            Placement(scratch_class="fast"),
            {
                "ephemeral": {
                    "volumeClaimTemplate": {
                        "spec": {"resources": {"requests": {"storage": "{{inputs.parameters.scratch}}"}}}
                    }
                }
            },
        ),
    ],
)
def test_samples_that_need_other_amounts_of_scratch_share_templates(
    run: Run, placement: Placement, patched: dict[str, object]
) -> None:
    platform = replace(run.platform, placements={**run.platform.placements, "small": placement})
    manifest = run.but(platform=platform).together([reads(f"S{number}", number * 10**9) for number in range(1, 9)])
    assert [name for name in templates(manifest) if name.startswith(("sample", "fastqc"))] == ["fastqc", "sample"]
    amounts = [parse_bytes(own(manifest, f"s{number}")["fastqc.scratch"]) for number in range(1, 9)]
    assert all(amount > number * 10**9 for number, amount in enumerate(amounts[:8], start=1))
    assert amounts == sorted(amounts)
    assert len(set(amounts)) > 2
    fastqc = templates(manifest)["fastqc"]
    patch = json.loads(fastqc["podSpecPatch"])
    assert patch["volumes"] == [{"name": "scratch", **patched}]
    requests = patch["containers"][0]["resources"]["requests"]
    reserved = {"ephemeral-storage": "{{inputs.parameters.scratch}}"} if placement.reserves_scratch else {}
    assert {name: requests[name] for name in requests if name != "memory"} == reserved
    assert "--scratch" not in fastqc["container"]["args"]


def test_argos_limits_hold_for_samples_of_every_size(run: Run) -> None:
    known = run.but(rules=replace(RULES, bases=3 * 10**9))
    made = known.together([reads(f"S{number}", int(1000 * 1.25**number)) for number in range(100)])
    assert len(made["spec"]["templates"]) <= 200
    assert all(len(each["dag"]["tasks"]) <= 200 for each in made["spec"]["templates"] if "dag" in each)


def test_a_full_group_is_far_below_what_etcd_takes(run: Run) -> None:
    made = run.together([reads(f"a-rather-long-name-of-a-sample-{number}") for number in range(100)])
    assert len(json.dumps(made)) < 500_000


def test_what_a_step_gets_behind_also_is_a_word_a_line(run: Run) -> None:
    words = own(run.together([reads("A"), reads("B", lanes=2)]), "b")["gate.also"]
    pairs = [f"--pair\nB_B-{number}_R1\nB_B-{number}_R2" for number in range(2)]
    assert words == "\n".join(["--fastqc\ns3://results/B/fastqc/", *pairs])


def test_samples_wait_for_their_turn_by_a_limit_that_is_no_part_of_their_content(run: Run) -> None:
    each, whole = (
        {"semaphores": [{"configMapKeyRef": {"name": "biojobs-limits", "key": f"{what}-at-once"}}]}
        for what in ("samples", "groups")
    )
    for samples in ([reads("A")], [reads("A"), reads("B")]):
        made = run.together(samples)
        limited = {name: one["synchronization"] for name, one in templates(made).items() if "synchronization" in one}
        assert limited == {"sample": each}
        assert made["spec"]["synchronization"] == whole


@pytest.mark.parametrize(
    ("samples", "most", "groups"), [(100, 1, 100), (1, 1, 1), (1, 50, 1), (100, 50, 3), (100, 20, 8), (400, 50, 12)]
)
def test_groups_under_way_are_enough_for_the_samples_and_few_more(samples: int, most: int, groups: int) -> None:
    assert at_once(samples, most) == groups


def test_the_steps_read_behind_also_what_was_put_there(run: Run) -> None:
    words = own(run.together([reads("A"), reads("B", lanes=2)]), "b")["gate.also"]
    options = {"sample": "B", "run": "r", "record": "r", "key": "k", "image": "i", "threads": "1", "memory": "2"}
    common = [word for name, value in options.items() for word in (f"--{name}", value)]
    script = (
        'source images/common/lib.sh; step_class=small; parse "fastqc" "pair:2" "$@"; '
        'printf \'%s\\n\' "${option[fastqc]}" "${repeated_pair[@]}"'
    )
    found = bash(script, *common, "--also", words)
    assert found.stdout.split() == ["s3://results/B/fastqc/", "B_B-0_R1", "B_B-0_R2", "B_B-1_R1", "B_B-1_R2"]


@pytest.mark.parametrize(
    "words", [("--also",), ("--also", ""), ("--also", "word"), ("--also", "--pair\none"), ("also", "--a")]
)
def test_a_step_refuses_words_behind_also_that_are_no_options(words: tuple[str, ...]) -> None:
    found = bash('source images/common/lib.sh; step_class=small; parse "" "pair:2" "$@"', *words)
    assert found.returncode == 65
    assert "bad input: " in found.stderr


def bash(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script, "step.sh", *words], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
