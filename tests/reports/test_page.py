"""The page as a browser reads it: whole, escaped, needing nothing from elsewhere, for no sample, one and many."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reports.facts import SampleFacts, SheetFacts
from reports.markup import prose, script_json, tag
from reports.page import page, written
from reports.tables import MOST_ROWS, Cell, Column, table
from tests.reports.sheets import NO_PRICES, PRICES, START, Made, cohort, facts_of

VOID = {"meta", "input", "br"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x1b[31m\u202e</style>`"


@dataclass
class Read(HTMLParser):
    """What the page holds: elements with their attributes, text outside of scripts, and the scripts."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list[tuple[str, dict[str, str | None]]])
    texts: list[str] = field(default_factory=list[str])
    scripts: list[str] = field(default_factory=list[str])
    open: list[str] = field(default_factory=list[str])
    headings: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] == "script" else self.texts).append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == name]

    def charts(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])


def read(facts: SheetFacts, prices: Any = PRICES) -> Read:
    found = Read()
    found.feed(page(facts, prices))
    found.close()
    assert not found.open
    return found


def empty() -> SheetFacts:
    return SheetFacts("local", "nothing", START, ())


def order(text: str, *words: str) -> bool:
    places = [text.index(word) for word in words]
    return places == sorted(places)


@pytest.fixture(scope="module")
def twenty() -> Read:
    return read(facts_of(cohort(20)))


@pytest.mark.parametrize("count", [0, 1, 20, 500])
def test_a_page_is_well_formed_and_has_its_parts(count: int) -> None:
    found = read(facts_of(cohort(count)) if count else empty())
    assert found.all("title")
    assert len(found.all("h1")) == 1
    drawn = {attributes["id"] for attributes in found.all("div") if attributes.get("class") == "chart"}
    assert drawn == {f"chart-{name}" for name in found.charts()}
    assert drawn == ({f"chart-{name}" for name in ("timeline", "shares", "memory", "cpu", "cost")} if count else set())
    assert len({attributes["id"] for _, attributes in found.elements if "id" in attributes}) == sum(
        "id" in attributes for _, attributes in found.elements
    )


def test_a_page_without_samples_says_so() -> None:
    found = read(empty())
    assert "The sheet has no samples." in found.text
    assert "nothing has run yet" in found.text


def test_nothing_is_fetched_from_elsewhere(twenty: Read) -> None:
    for name, attributes in twenty.elements:
        assert name not in ("link", "iframe", "object", "embed", "base", "form")
        assert not {"src", "href", "action", "srcset", "background"} & set(attributes), (name, attributes)
    policy = next(meta["content"] for meta in twenty.all("meta") if meta.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    style = next(text for text in twenty.texts if "font-size" in text)
    assert "url(" not in style
    assert "@import" not in style


def test_the_chart_library_is_there_once(twenty: Read) -> None:
    assert sum("plotly.js v" in script for script in twenty.scripts) == 1


def test_failures_stand_before_everything_else(twenty: Read) -> None:
    assert twenty.headings == [
        *("Failures", "What would help", "Timeline", "Where the time went", "Used, of what was asked for"),
        *("Tries that came to nothing", "Cost by sample", "Samples", "QC verdicts", "Provenance"),
    ]
    assert order(twenty.text, "19 of 20 done", "1 failed", "qc: the mean quality of R2 is 17.2", "would do")


def test_the_same_failure_of_many_samples_is_said_once() -> None:
    found = read(facts_of(cohort(500)))
    assert len(found.all("li")) < 10
    assert "P0007, P0057, P0107" in found.text


def test_one_sample_has_a_row_for_each_pod_few_one_each_and_many_none() -> None:
    one, few, many = (read(facts_of(cohort(count))).charts()["timeline"] for count in (1, 20, 60))
    assert "fastqc P0001_L001_R1" in one["layout"]["yaxis"]["categoryarray"]
    assert few["layout"]["yaxis"]["categoryarray"] == [f"P{number:04d}" for number in range(1, 21)]
    assert all(trace["type"] == "scatter" for trace in many["data"])


def test_pods_at_work_are_all_there_at_any_time() -> None:
    facts = facts_of(cohort(60))
    traces = read(facts).charts()["timeline"]["data"]
    span = facts.span
    assert span
    width = (span[1] - span[0]).total_seconds() / (len(traces[0]["y"]) - 1)
    drawn = sum(sum(trace["y"]) for trace in traces) * width
    waits_at_the_end = 2 * len(facts.tries)
    assert drawn == pytest.approx(sum(found.seconds(facts.now) for found in facts.tries) - waits_at_the_end, rel=0.02)


def test_shares_of_a_step_make_a_whole(twenty: Read) -> None:
    traces = twenty.charts()["shares"]["data"]
    for parts in zip(*(trace["x"] for trace in traces), strict=True):
        assert sum(parts) == pytest.approx(100, abs=0.1)


def test_hostile_words_are_shown_and_never_run() -> None:
    made = Made("P1", Random(1))
    made.step("gate", START, 5, failure=f"main: Error (exit code 1): {HOSTILE}")
    made.step("fastqc", START, 60, "P1_R1", facts={"name": HOSTILE, "verdicts": {HOSTILE: "FAIL", "x": HOSTILE}})
    facts = facts_of([made])
    evil = SampleFacts(HOSTILE, "failed", HOSTILE, facts.samples[0].tries, facts.samples[0].records, HOSTILE)
    found = read(replace(facts, samples=(*facts.samples, evil), notes=(HOSTILE,), commit=HOSTILE, sheet="a<b>"))
    assert not found.all("img")
    assert len(found.all("style")) == 1
    assert len(found.all("script")) == 3
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert "<script>alert(1)</script>" in found.text
    data = found.scripts[0]
    assert not set("<>&") & set(data)
    assert "<" not in json.dumps(found.charts()["timeline"]["layout"]["yaxis"]["categoryarray"])


def test_a_message_of_megabytes_does_not_make_a_page_of_megabytes() -> None:
    made = Made("P1", Random(1))
    made.step("gate", START, 5, failure="A" * 10_000_000)
    assert len(page(facts_of([made]), PRICES)) - len(page(empty(), PRICES)) < 5_200_000


def test_without_a_cluster_the_page_says_so() -> None:
    found = read(facts_of(cohort(20), live=False))
    assert "from the records in the store alone" in found.text
    assert "19 of 20 done" in found.text


def test_without_a_price_there_are_hours_and_no_sum() -> None:
    found = read(facts_of(cohort(20)), NO_PRICES)
    assert "no price" in found.text
    assert "USD in all" not in found.text
    assert found.charts()["cost"]["layout"]["xaxis"]["title"]["text"] == "pod hours"


def test_the_price_lists_day_is_on_the_page(twenty: Read) -> None:
    assert "list prices of a cloud in eu-west-1, 2026-10" in twenty.text


def test_records_that_cannot_be_read_are_listed() -> None:
    found = read(facts_of(cohort(1), notes=("s3://results/P9/.steps/align.json: is cut or no JSON",)))
    assert order(found.text, "What could not be read", "s3://results/P9/.steps/align.json: is cut")


def test_images_and_inputs_are_told_with_their_digests(twenty: Read) -> None:
    assert "registry.example/biojobs/align@sha256:616c69676e" in twenty.text
    assert "bwa-mem2 2.3" in twenty.text
    assert "0123abcd4567" in twenty.text


def test_a_table_sorts_by_numbers_and_cuts_what_is_too_long() -> None:
    found = Read()
    found.feed(table("t", [Column("n", "n")], [[Cell("1.5 GiB", 1.5e9, "n")]] * (MOST_ROWS + 7)))
    assert len(found.all("td")) == MOST_ROWS
    assert found.all("td")[0]["data-v"] == "1.5e+09"
    assert "7 more rows are not shown." in found.text
    assert found.all("input")[0]["data-of"] == "t"


def test_markup_escapes_whatever_is_no_markup() -> None:
    assert tag("p", "a<b", tag("b", "c&d"), title='"x"') == '<p title="&quot;x&quot;">a&lt;b<b>c&amp;d</b></p>'
    assert prose("set `a<b` now") == "set <code>a&lt;b</code> now"
    assert json.loads(script_json({"</script>": "<!--\u2028"})) == {"</script>": "<!--\u2028"}
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json(float("nan"))


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert written(file, "ü") == 2
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError):
        written(tmp_path / "there", "new")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["page.html", "there"]
    assert file.read_text() == "ü"
