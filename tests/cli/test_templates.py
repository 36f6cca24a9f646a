"""Orders and the WorkflowTemplates that the stack installs fit each other."""

from __future__ import annotations

from typing import Any

import pytest

from cli import orders, results
from cli.cluster import manifest
from tests.workflows.conftest import CALLS, RULES
from workflows.jobs import jobs
from workflows.types import Platform

PAIR = ("s3://reads/P1_1.fq", "s3://reads/P1_2.fq")
MD5 = "a" * 32
LEAST = [
    orders.fastqc(PAIR[:1], None, []),
    orders.align(PAIR, None, [], lane="L001", library=None, platform="ILLUMINA", reference=None),
    orders.variants("s3://results/P1.bam", None, reference=None, ploidy=None),
    orders.index("s3://reads/P1.fa", None, None),
]
MOST = [
    orders.fastqc(PAIR, None, [MD5, MD5]),
    orders.align(PAIR, None, [MD5, MD5], lane="L001", library=None, platform="ONT", reference="s3://reference/x"),
    orders.variants("s3://results/P1.bam", None, reference="s3://reference/x", ploidy=1),
    orders.index("s3://reads/P1.fa", None, MD5),
]


def declared(platform: Platform, template: str) -> dict[str, dict[str, Any]]:
    made = jobs(RULES, CALLS, platform)[template]
    return {given["name"]: given for given in made["spec"]["arguments"]["parameters"]}


def given(order: orders.Order) -> set[str]:
    body = manifest(order, {**order.parameters, **{file.parameter: file.location for file in order.files}})
    return {parameter["name"] for parameter in body["spec"]["arguments"]["parameters"]}


@pytest.mark.parametrize("order", [*LEAST, *MOST], ids=lambda order: order.template)
def test_a_template_takes_all_that_an_order_gives_and_is_given_all_that_it_needs(
    platform: Platform, order: orders.Order
) -> None:
    takes = declared(platform, order.template)
    needs = {name for name, parameter in takes.items() if parameter.get("value") is None}
    assert not order.problems
    assert needs <= given(order) <= set(takes)


def test_every_parameter_of_a_template_has_an_option(platform: Platform) -> None:
    for order in MOST:
        assert given(order) == set(declared(platform, order.template))


@pytest.mark.parametrize("order", LEAST, ids=lambda order: order.template)
def test_where_results_go_is_read_from_the_template(platform: Platform, order: orders.Order) -> None:
    made = jobs(RULES, CALLS, platform)[order.template]
    store = "reference" if order.template == "index" else "results"
    assert results.folder(made, "job-1") == f"s3://{store}/_jobs/job-1/"
