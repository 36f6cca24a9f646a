"""Where results are, read from what steps are told."""

from __future__ import annotations

from typing import Any

import pytest

from cli import results
from tests.cli.fake_api import template


@pytest.mark.parametrize(
    "store", ["s3://results", "gs://biojobs-dev-results-1/deep/er", "s3://results/_stub", "s3://reference"]
)
def test_a_jobs_folder_is_read_from_its_template(store: str) -> None:
    assert results.folder(template("fastqc", (), store), "fastqc-a-1") == f"{store}/_jobs/fastqc-a-1/"


@pytest.mark.parametrize(
    "spec", [{}, {"templates": []}, {"templates": [{"args": ["s3://results/P1/", None, 1]}]}, None]
)
def test_a_template_that_tells_no_folder_has_none(spec: Any) -> None:
    assert results.folder({"spec": spec}, "x") is None


def test_a_samples_folder_is_not_taken_for_a_longer_name() -> None:
    labels = {"biojobs/kind": "sample", "biojobs/sample": "P1"}
    spec = {"args": ["s3://reads/P10/x.fq", "s3://results/P10/", "s3://results/P1/.steps/align.json"]}
    assert results.folder_of_run({"metadata": {"labels": labels}, "spec": spec}) == "s3://results/P1/"
    assert results.folder_of_run({"metadata": {"labels": {"biojobs/kind": "reference"}}, "spec": spec}) is None
    assert results.folder_of_run({"metadata": {}, "spec": spec}) is None
