"""`biojobs report` and `biojobs watch` on a fake cluster, and the page at the end of an `up`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli import watch
from components import sheets
from components.runs import ClusterAccess
from reports.after import page_line
from reports.live import Row
from settings import Settings, load
from tests.cli.conftest import Biojobs, Project
from tests.cli.conftest import api as api
from tests.cli.conftest import biojobs as biojobs
from tests.cli.conftest import project as project
from tests.cli.fake_api import Answer, FakeApi
from tests.reports.sheets import START, Made, cohort, sample_run

LIST = "/apis/argoproj.io/v1alpha1/namespaces/biojobs/workflows"


def with_sheet(project: Project, *samples: str) -> None:
    rows = [f"{name},reads/{name}_1.fastq.gz,reads/{name}_2.fastq.gz" for name in samples]
    project.put("project/cohort.csv", "\n".join(["sample,fastq_1,fastq_2", *rows]) + "\n")
    file = project.root / "Pulumi.own.yaml"
    file.write_text(file.read_text() + "  biojobs:sheet: cohort.csv\n")


def with_records(project: Project, made: list[Made]) -> None:
    for one in made:
        for uri, data in one.files:
            project.put(f"project/workspace/{uri.removeprefix('s3://')}", data.decode())


def serves(api: FakeApi, answer: Callable[[str], Answer]) -> None:
    """Has the fake answer every request for Workflows by its path."""
    api.answer = lambda method, path, body: answer(path)  # type: ignore[method-assign]


def listed(*workflows: dict[str, Any]) -> Answer:
    return 200, {"metadata": {}, "items": list(workflows)}


def test_a_page_is_written_and_its_place_printed(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    made = cohort(3)
    with_sheet(project, *(one.sample for one in made))
    with_records(project, made)
    serves(api, lambda path: listed(*(one.workflow() for one in made)))
    result = biojobs("report")
    assert result.exit_code == 0
    file = project.root / "report-own-cohort.html"
    assert result.stdout == f"{file}\n"
    assert "cohort: 3 of 3 samples done; 4." in result.stderr
    assert "from the records" not in file.read_text()


def test_without_a_cluster_the_page_is_made_of_records(biojobs: Biojobs, project: Project) -> None:
    made = cohort(2)
    with_sheet(project, *(one.sample for one in made))
    with_records(project, made)
    out = project.elsewhere / "page.html"
    result = biojobs("report", "--out", out)
    assert result.exit_code == 0
    assert "the page is made of the records in the store alone" in result.stderr
    assert "2 of 2 samples done" in result.stderr
    assert "from the records in the store alone" in out.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sheet", "../x"), "--sheet: '../x': name a sheet"),
        (("--sheet", "other"), "--sheet: 'other': the cluster has no runs of it"),
        (("--out", "/missing/page.html"), "there is no folder /missing"),
        (("--out", "."), "--out: '.': is a folder; name a file in it"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    biojobs: Biojobs, api: FakeApi, project: Project, words: tuple[str, ...], said: str
) -> None:
    with_sheet(project, "P1")
    serves(api, lambda path: listed())
    result = biojobs("report", *words)
    assert result.exit_code != 0
    assert said in result.stderr


def test_a_sheet_is_watched_to_its_end(
    biojobs: Biojobs, api: FakeApi, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_PAUSE", 0.01)
    with_sheet(project, "P0001")
    (made,) = cohort(1)
    ended = made.workflow()
    ended["status"] |= {"finishedAt": "2026-11-20T11:00:00Z"}
    going = made.workflow()
    going["status"] = {"phase": "Running", "nodes": {}}
    looks = iter([listed(going), (503, {"message": "etcd is away"}), listed()])

    def answer(path: str) -> Answer:
        return (200, ended) if path != LIST else next(looks)

    serves(api, answer)
    result = biojobs("watch")
    assert result.exit_code == 0
    lines = [line.split(" ", 1)[1] for line in result.stdout.splitlines()]
    assert lines[0] == "cohort on own: 1 waiting · not begun"
    assert lines[1] == "P0001: done (before: interrupted 2x)"
    assert lines[2].startswith("cohort on own: 1 done · 3.")
    assert "the cluster does not answer (etcd is away); asking again" in result.stderr
    assert "the cluster answers again" in result.stderr


def test_a_sheet_without_runs_is_not_watched(biojobs: Biojobs, api: FakeApi, project: Project) -> None:
    with_sheet(project, "P1")
    serves(api, lambda path: listed())
    result = biojobs("watch")
    assert result.exit_code == 1
    assert "stack own has no runs of this sheet; `make up STACK=own` starts some" in result.stderr


def test_ctrl_c_leaves_the_runs_going(
    biojobs: Biojobs, api: FakeApi, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_sheet(project, "P1")
    going = {**Made("P1", cohort(1)[0].chance).workflow(), "status": {"phase": "Running"}}
    serves(api, lambda path: listed(going))

    def pressed(seconds: float) -> None:
        # What a signal comes to; one itself would do nothing where a script runs the tests in the background
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", pressed)
    result = biojobs("watch")
    assert result.exit_code == 130
    assert "the runs go on; watch them again with `./biojobs watch --stack own`" in result.stderr


def test_what_has_ended_is_not_asked_for_again(api: FakeApi, project: Project) -> None:
    asked: list[str] = []
    one, two = ({**made.workflow(), "status": {"phase": "Running"}} for made in cohort(2))
    done = {**two, "status": {"phase": "Succeeded", "finishedAt": "2026-11-20T11:00:00Z"}}

    class Handler:
        def list_namespaced_custom_object(self, *_: str, label_selector: str, **__: Any) -> Any:
            asked.append(label_selector)
            return {"metadata": {}, "items": [one, two] if len(asked) == 1 else [one]}

        def get_namespaced_custom_object(self, *words: str, **_: Any) -> Any:
            asked.append(words[-1])
            return done

    runs = sheets.SheetRuns(ClusterAccess("own"))
    runs._workflows = Handler()  # type: ignore[assignment]  # pyright: ignore
    looks = sheets.Looks(runs, "own", "cohort")
    assert [len(looks.look()) for _ in range(3)] == [2, 2, 2]
    usual = "biojobs/sheet=cohort,biojobs/stack=own"
    going = f"{usual},workflows.argoproj.io/completed!=true"
    assert asked == [usual, going, two["metadata"]["name"], going]


def test_long_lists_come_page_by_page(api: FakeApi, project: Project) -> None:
    made = [one.workflow() for one in cohort(3)]
    first: dict[str, Any] = {"metadata": {"continue": "next"}, "items": made[:2]}
    last: dict[str, Any] = {"metadata": {}, "items": made[2:]}
    pages = iter([first, last])
    serves(api, lambda path: (200, next(pages)))
    found = sheets.SheetRuns(ClusterAccess("own")).of_sheet("own", "cohort")
    assert [run["metadata"]["name"] for run in found] == [run["metadata"]["name"] for run in made]


def test_rows_are_no_markup() -> None:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(watch.table([Row("[bold]P1[/bold]", "failed", "", "", "align: [link=http://x]no[/link]")]))
    assert "[bold]P1[/bold]" in capture.get()
    assert "[link=http://x]no[/link]" in capture.get()


def own(project: Project) -> Settings:
    return load({"biojobs:cloud": "local", "biojobs:sheet": "cohort.csv"}, "own", project.root)


def test_an_up_ends_with_a_page(api: FakeApi, project: Project) -> None:
    with_sheet(project, "P1")
    made = sample_run("P1", START, cohort(1)[0].chance)
    with_records(project, [made])
    serves(api, lambda path: listed(made.workflow()))
    said = page_line(own(project), project.root, ClusterAccess("own"))
    assert said.startswith(f"all about these runs: {project.root / 'report-own-cohort.html'} (4.")


def test_a_page_that_cannot_be_made_is_a_line_and_no_failure(project: Project) -> None:
    with_sheet(project, "P1")
    said = page_line(own(project), Path("/missing"), ClusterAccess("own"))
    assert said.startswith("no page of the runs was written (")
    assert said.endswith("`./biojobs report --stack own` tries again")
