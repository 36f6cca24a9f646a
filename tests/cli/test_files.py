"""What jobs read: files of the workspace, of this machine, of object stores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.files import CloudFiles, LocalFiles, located
from cli.orders import File, Kind
from components.locate import Found, Locator
from components.storage import Scheme
from tests.cli.conftest import Project


@pytest.fixture
def store(project: Project) -> LocalFiles:
    return LocalFiles(project.workspace, project.root)


def uri(store: LocalFiles | CloudFiles, location: object, kind: Kind = "reads", *, take: bool = False) -> str:
    """What a step reads for a location; the problem where there is none."""
    found, problems = located([File("x", "--x", kind, str(location))], store, take=take)
    return problems[0] if problems else found["x"]


def test_a_file_of_the_workspace_is_found_by_path_by_uri_and_as_in_a_sheet(project: Project, store: LocalFiles) -> None:
    file = project.put("project/workspace/reads/a/x.fq")
    relative = os.path.relpath(file)
    link = project.elsewhere / "link.fq"
    link.symlink_to(file)
    for location in (file, relative, "reads/a/x.fq", "s3://reads/a/x.fq", link):
        assert uri(store, location) == "s3://reads/a/x.fq"


def test_a_file_of_the_project_has_the_place_that_a_sheet_gives_it(
    project: Project, store: LocalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.put("project/samples/x.fq")
    for location in ("samples/x.fq", file, "../project/samples/x.fq"):
        assert uri(store, location) == "s3://reads/samples/x.fq"
    monkeypatch.chdir(project.root / "samples")
    assert uri(store, "x.fq", take=True) == "s3://reads/samples/x.fq"
    assert (project.workspace / "reads" / "samples" / "x.fq").read_text() == "reads"


def test_files_of_one_name_from_different_folders_are_kept_apart(project: Project, store: LocalFiles) -> None:
    for lane in ("L1", "L2"):
        project.put(f"elsewhere/{lane}/x.fq", lane)
    for lane in ("L1", "L2"):
        taken = uri(store, f"{lane}/x.fq", take=True)
        assert (project.workspace / taken.removeprefix("s3://")).read_text() == lane


def test_a_file_that_was_mended_is_copied_again(project: Project, store: LocalFiles) -> None:
    file = project.put("elsewhere/x.fq", "bad")
    copy = project.workspace / uri(store, "x.fq", take=True).removeprefix("s3://")
    file.write_text("mended")
    assert copy.read_text() == "bad"
    uri(store, "x.fq", take=True)
    assert copy.read_text() == "mended"


def test_nothing_is_copied_before_it_is_taken(project: Project, store: LocalFiles) -> None:
    project.put("elsewhere/x.fq")
    assert uri(store, "x.fq").startswith("s3://reads/")
    assert list((project.workspace / "reads").iterdir()) == []


@pytest.mark.parametrize("path", ["my reads/x.fq", "a'b/x.fq", "ä/x.fq"])
def test_a_path_that_steps_cannot_read_is_refused(project: Project, store: LocalFiles, path: str) -> None:
    project.put(f"elsewhere/{path}")
    problem = uri(store, path)
    assert problem.startswith(f"--x: {path}: its path ")
    assert "may hold only letters, digits and ._/+=@%~- and no '..'; rename the file" in problem
    assert list((project.workspace / "reads").iterdir()) == []


def test_a_file_that_is_not_there_is_told_with_where_it_was_looked_for(project: Project, store: LocalFiles) -> None:
    project.put("elsewhere/folder/x.fq")
    for location in ("nope.fq", "folder", "/nope/x.fq"):
        assert (
            uri(store, location) == f"--x: {location}: no such file in {project.elsewhere}, nor in {project.workspace}"
        )


def test_a_file_that_cannot_be_copied_is_told(
    project: Project, store: LocalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.put("elsewhere/x.fq")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", full)
    problem = uri(store, "x.fq", take=True)
    assert problem == "--x: x.fq: cannot be read, or copied into the workspace ([Errno 28] No space left on device)"


def test_a_path_that_the_workspace_has_too_is_not_taken_for_its_own(project: Project) -> None:
    # With a workspace whose reads/ hold other things at the path that the file has on this machine.
    file = project.put("elsewhere/x.fq")
    key = file.relative_to("/")
    project.put(f"project/workspace/{key}", "other reads")
    problem = uri(LocalFiles(project.workspace, project.root), "x.fq", take=True)
    assert f"has another {key}; copy the file to {project.workspace / 'reads'}" in problem


def test_a_bam_comes_with_its_index(project: Project, store: LocalFiles) -> None:
    project.put("elsewhere/x.bam")
    problem = uri(store, "x.bam", "bam")
    assert problem.startswith("--x: x.bam: its index is missing; make it with `samtools index`")
    index = project.put("elsewhere/x.bam.bai")
    bam = uri(store, "x.bam", "bam", take=True)
    assert (project.workspace / f"{bam.removeprefix('s3://')}.bai").read_text() == index.read_text()


def test_an_index_that_lies_elsewhere_is_none(project: Project, store: LocalFiles) -> None:
    project.put("project/workspace/results/a.bam")
    (project.elsewhere / "x.bam").symlink_to(project.workspace / "results" / "a.bam")
    project.put("elsewhere/x.bam.bai")
    assert "put it beside the BAM as s3://results/a.bam.bai" in uri(store, "x.bam", "bam")


@pytest.mark.parametrize("written", ["reference/hg38", "reference/hg38/", "s3://reference/hg38//"])
def test_a_reference_is_the_folder_of_an_index(project: Project, store: LocalFiles, written: str) -> None:
    assert uri(store, written, "reference").startswith(f"--x: {written}: is no folder of an indexed reference")
    project.put("project/workspace/reference/hg38/reference.fa.fai")
    assert uri(store, written, "reference") == "s3://reference/hg38"
    assert uri(store, project.workspace / "reference" / "hg38", "reference") == "s3://reference/hg38"


def test_a_reference_outside_of_the_store_is_refused(project: Project, store: LocalFiles) -> None:
    project.put("elsewhere/hg38/reference.fa.fai")
    assert uri(store, "hg38", "reference").startswith("--x: hg38: is no folder of an indexed reference in the store")


def head(bucket: str, key: str) -> Found:
    if (bucket, key) in {("mine", "x.fq"), ("mine", "x.bam"), ("mine", "hg38/reference.fa.fai")}:
        return Found("1-2")
    raise LookupError(f"s3://{bucket}/{key}: there is no such object")


@pytest.fixture
def cloud() -> CloudFiles:
    scheme = Scheme("s3", "aws s3 cp")
    return CloudFiles("AWS", Locator("AWS", scheme, "b", (), head).locate, scheme.copy, lambda: "s3://the-reads/")


def test_in_a_cloud_objects_are_looked_up(cloud: CloudFiles) -> None:
    assert uri(cloud, "s3://mine/x.fq") == "s3://mine/x.fq"
    assert uri(cloud, "s3://mine/y.fq") == "--x: s3://mine/y.fq: there is no such object"
    assert uri(cloud, "s3://mine/hg38/", "reference") == "s3://mine/hg38"
    assert "its index is missing" in uri(cloud, "s3://mine/x.bam", "bam")


def test_in_a_cloud_a_file_of_this_machine_is_refused_with_the_command_that_uploads_it(
    cloud: CloudFiles, project: Project
) -> None:
    project.put("elsewhere/a/x.fq")
    assert uri(cloud, "a/x.fq") == (
        "--x: a/x.fq: is a file of this machine, which steps on AWS cannot read; upload it with "
        "`aws s3 cp a/x.fq s3://the-reads/x.fq` and give s3://the-reads/x.fq"
    )
    assert uri(cloud, "a/y.fq") == "--x: a/y.fq: there is no such file; give a URI such as s3://the-reads/y.fq"


def test_the_workspace_may_be_reached_through_a_link(project: Project) -> None:
    project.put("project/workspace/reads/x.fq")
    link = project.root.parent / "link"
    link.symlink_to(project.workspace)
    store = LocalFiles(Path(link).resolve(), project.root)
    assert uri(store, link / "reads" / "x.fq") == "s3://reads/x.fq"
