"""What S3 answers, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.locate import found, s3_head
from components.locate import PLAN, Found


def answer(region: str) -> dict[str, Any]:
    headers = {"x-amz-bucket-region": region}
    return {"ETag": '"abc"', "ContentLength": 7, "ResponseMetadata": {"HTTPHeaders": headers}}


def test_an_object_is_known_by_its_size_and_its_etag() -> None:
    assert found(answer("eu-west-1"), "eu-west-1") == Found("7-abc")


def test_a_bucket_of_another_region_is_noticed() -> None:
    assert found(answer("us-east-1"), "eu-west-1").elsewhere == "us-east-1"


def test_a_plan_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert s3_head("eu-west-1")("mine", "none.fq.gz") == Found("")
