"""The workspace folder: what a location of a sheet leads to."""

import os
from pathlib import Path

import pytest

from components.archives import PLAN
from components.local.folder import Workspace
from workflows.types import Source


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "sheets").mkdir()
    made = Workspace(tmp_path / "workspace", (tmp_path / "sheets",), dry_run=False)
    made.prepare()
    return made


def test_a_path_of_the_workspace_is_an_object_of_the_store(workspace: Workspace) -> None:
    file = workspace.path / "reads" / "a.fq.gz"
    file.write_bytes(b"12345")
    os.utime(file, ns=(7, 7))
    for location in ("reads/a.fq.gz", "s3://reads/a.fq.gz", str(file)):
        found = workspace.locate(location)
        assert found == Source("s3://reads/a.fq.gz", "5-7", 5)


def test_a_changed_file_has_another_identity(workspace: Workspace) -> None:
    file = workspace.path / "reads" / "a.fq.gz"
    file.write_bytes(b"1")
    before = workspace.locate("reads/a.fq.gz")
    file.write_bytes(b"12")
    assert workspace.locate("reads/a.fq.gz").identity != before.identity


def test_a_file_beside_the_sheet_is_taken_into_the_workspace_and_again_when_it_changes(workspace: Workspace) -> None:
    file = workspace.beside[0] / "run1" / "a.fq.gz"
    file.parent.mkdir()
    file.write_bytes(b"1")
    before = workspace.locate("run1/a.fq.gz")
    assert before.uri == "s3://reads/run1/a.fq.gz"
    assert workspace.locate("run1/a.fq.gz") == before
    file.write_bytes(b"22")
    assert workspace.locate("run1/a.fq.gz").identity != before.identity
    assert (workspace.path / "reads/run1/a.fq.gz").read_bytes() == b"22"


def test_a_preview_copies_nothing_and_knows_the_identity_all_the_same(workspace: Workspace) -> None:
    (workspace.beside[0] / "a.fq.gz").write_bytes(b"1")
    preview = Workspace(workspace.path, workspace.beside, dry_run=True).locate("a.fq.gz")
    assert not (workspace.path / "reads" / "a.fq.gz").exists()
    assert workspace.locate("a.fq.gz") == preview


@pytest.mark.parametrize("location", ["a.fq.gz", "s3://reads/a.fq.gz", "/etc/none.fq.gz"])
def test_a_file_that_is_nowhere_is_named_with_the_places_that_were_searched(
    workspace: Workspace, location: str
) -> None:
    with pytest.raises(LookupError, match=str(workspace.path)):
        workspace.locate(location)


@pytest.mark.parametrize("location", ["s3://somebody/a.fq.gz", "gs://somebody/a.fq.gz"])
def test_a_bucket_of_others_must_be_known_as_public(workspace: Workspace, location: str) -> None:
    with pytest.raises(LookupError, match=r"name somebody in biojobs:archives\.public or write https://.*/reads$"):
        workspace.locate(location)


def test_a_scheme_that_is_none_is_refused(workspace: Workspace) -> None:
    with pytest.raises(LookupError, match=r"^ftp://host/a: is not in the workspace .*; copy it to "):
        workspace.locate("ftp://host/a")


def test_a_link_that_leads_out_of_the_workspace_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.fq").write_bytes(b"x")
    (workspace.path / "reads" / "a.fq").symlink_to(tmp_path / "secret.fq")
    with pytest.raises(LookupError):
        workspace.locate("reads/a.fq")


def test_an_absolute_path_outside_is_refused_with_a_remedy(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.fq").write_bytes(b"x")
    with pytest.raises(LookupError, match="lies outside the workspace"):
        workspace.locate(str(tmp_path / "a.fq"))


def test_public_buckets_and_the_web_are_looked_up_where_they_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLAN, "1")
    for location in ("https://example.org/a.fq.gz", "s3://1000genomes/a.fq.gz", "gs://genomics-public-data/a.fa"):
        assert workspace.locate(location) == Source(location)


def test_credentials_are_made_once_and_only_their_owner_reads_them(workspace: Workspace) -> None:
    first = workspace.credentials()
    assert workspace.credentials() == first
    assert (workspace.path / ".biojobs" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert len(first.secret_key) >= 40
