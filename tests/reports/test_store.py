"""Records are found in the folder of the store; and of the page, where it goes and what it is made of."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports import store
from reports.make import Sources, make, usual_file
from reports.records import MOST_BYTES
from reports.store import StoreError, of_bucket, of_folder
from settings import Settings, load
from tests.reports.sheets import cohort

ROOT = Path(__file__).parents[2]


def put(folder: Path, name: str, data: bytes = b"{}") -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def test_records_of_steps_shards_and_lanes_and_the_run_are_read(tmp_path: Path) -> None:
    names = ("P1/.steps/align.json", "P1/.steps/calls/0001.json", "P1/.steps/lanes/L001.json", "P1/run.json")
    for name in (*names, "P1/.steps/align.tries", "P1/.steps/shards/x.json", "P1/P1.bam", "P2/run.json"):
        put(tmp_path, name)
    assert [uri for uri, _ in of_folder(tmp_path, ["P1"], "s3://results")] == [f"s3://results/{name}" for name in names]


def test_a_huge_record_is_not_read_whole(tmp_path: Path) -> None:
    put(tmp_path, "P1/.steps/align.json", b"x" * (3 * MOST_BYTES))
    ((_, data),) = of_folder(tmp_path, ["P1"], "s3://results")
    assert len(data) == MOST_BYTES + 1


@pytest.mark.parametrize("sample", ["", ".", "..", "../P1", "/etc", "missing"])
def test_no_name_leads_out_of_the_results(tmp_path: Path, sample: str) -> None:
    put(tmp_path, "P1/run.json")
    (tmp_path / "results").mkdir()
    assert of_folder(tmp_path / "results", [sample], "s3://results") == []


def fake_rclone(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    file = folder / "rclone"
    file.write_text(f"#!/bin/bash\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(store, "_rclone", lambda: str(file))


def test_the_records_of_a_bucket_come_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_rclone(
        tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/words; mkdir -p "$3/P1"; echo "{{}}" > "$3/P1/run.json"'
    )
    assert of_bucket("s3://mine/_stub", ["P1"], "eu-west-1") == [("s3://mine/_stub/P1/run.json", b"{}\n")]
    words = (tmp_path / "words").read_text()
    assert words.startswith("copy :s3,provider=AWS,env_auth=true,region='eu-west-1':mine/_stub ")
    assert "--include /P1/.steps/calls/*.json" in words


def test_a_bucket_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_rclone(tmp_path, monkeypatch, "echo 'AccessDenied: no' >&2; exit 1")
    with pytest.raises(StoreError, match=r"gs://mine: its records cannot be read \(AccessDenied: no\); sign in"):
        of_bucket("gs://mine", ["P1"], "europe-west4")


def local(tmp_path: Path, samples: Sequence[str]) -> Settings:
    rows = [f"{name},reads/{name}_1.fastq.gz,reads/{name}_2.fastq.gz" for name in samples]
    (tmp_path / "cohort.csv").write_text("\n".join(["sample,fastq_1,fastq_2", *rows]) + "\n")
    return load({"biojobs:cloud": "local", "biojobs:sheet": "cohort.csv"}, "local", tmp_path)


def test_a_page_is_made_of_workflows_and_records_and_goes_where_git_ignores_it(tmp_path: Path) -> None:
    made = cohort(3)
    settings = local(tmp_path, [one.sample for one in made])
    asked: list[str] = []

    def files(samples: Sequence[str]) -> list[tuple[str, bytes]]:
        asked.extend(samples)
        return [file for one in made for file in one.files]

    page = make(settings, tmp_path, "cohort", Sources([one.workflow() for one in made], files))
    assert page.file == usual_file(settings, tmp_path, "cohort") == tmp_path / "report-local-cohort.html"
    assert "/report-*.html" in (ROOT / ".gitignore").read_text().splitlines()
    assert page.size == page.file.stat().st_size
    assert asked == ["P0001", "P0002", "P0003"]
    assert page.facts.count("done") == 3
    assert page.facts.local


def test_records_that_cannot_be_had_cost_a_note(tmp_path: Path) -> None:
    def files(samples: Sequence[str]) -> list[tuple[str, bytes]]:
        raise StoreError(f"no bucket for {len(samples)}")

    page = make(local(tmp_path, ["P1"]), tmp_path, "cohort", Sources([], files, "the cluster is away"))
    assert page.facts.notes == ("the cluster is away", "no bucket for 1")
    assert not page.facts.live
    assert [sample.state for sample in page.facts.samples] == ["unfinished"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    settings = local(tmp_path, ["P1"])
    with pytest.raises(OSError):
        make(settings, tmp_path, "cohort", Sources([], lambda _: []), tmp_path / "missing" / "page.html")
