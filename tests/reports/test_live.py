"""What a terminal shows of runs that go on: counts, rows in a sensible order, pods that wait too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reports.facts import SampleFacts, SheetFacts, State, Try
from reports.live import Row, header, news, rows, waiting_words
from tests.reports.sheets import NO_PRICES, PRICES, START

NOW = START + timedelta(minutes=12)


def pod(phase: str = "Running", step: str = "align", **fields: object) -> Try:
    ended = None if phase in ("Running", "Pending") else NOW
    return replace(Try("P1", step, "", phase, START, ended, "large"), **fields)  # pyright: ignore[reportArgumentType]


def sample(state: State, *tries: Try, name: str = "P1", message: str = "") -> SampleFacts:
    return SampleFacts(name, state, "run", tries, message=message)


def sheet(*samples: SampleFacts, local: bool = False) -> SheetFacts:
    return SheetFacts("aws", "cohort", NOW, samples, local=local)


def test_the_header_counts_samples_and_tells_time_and_cost() -> None:
    facts = sheet(sample("done", pod("Succeeded")), sample("running", pod(), name="P2"), sample("waiting", name="P3"))
    assert header(facts, PRICES) == "cohort on aws: 1 done, 1 waiting, 1 running · 12 min · about 0.22 USD"
    assert "USD" not in header(facts, NO_PRICES)
    assert header(sheet(), PRICES) == "cohort on aws: no samples · not begun"


def test_a_row_tells_what_a_sample_does_and_what_came_to_nothing() -> None:
    interrupted = pod("Failed", cause="interruption", final=False)
    (row,), left = rows(
        sheet(sample("running", interrupted, interrupted, pod(), pod(step="call"), pod(step="call"))), 9
    )
    assert row.doing == "align 12 min, call x2 12 min"
    assert row.tries == "interrupted 2x"
    assert left == 0


def test_trouble_comes_first_and_what_is_done_is_left_out_where_room_is_short() -> None:
    done = [sample("done", name=f"D{number}") for number in range(500)]
    failed = sample("failed", pod("Failed", message="bad input: no pairs"), name="F")
    running = [sample("running", pod(), name=f"R{number}") for number in range(5)]
    found, left = rows(sheet(*done, *running, failed), 4)
    assert [row.sample for row in found] == ["F", "R0", "R1", "R2"]
    assert left == 502
    assert found[0].trouble == "align: bad input: no pairs"


def test_a_sample_that_failed_without_a_pod_says_why() -> None:
    (row,), _ = rows(sheet(sample("failed", message="quota")), 9)
    assert row.trouble == "quota"


@pytest.mark.parametrize(
    ("message", "local", "said"),
    [
        (
            "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
            False,
            "align waits 12 min for a node of class large: 0/3 nodes are available: 3 Insufficient memory; raise "
            "biojobs:pools.spotLarge.max, or ask the cloud for a higher quota",
        ),
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.",
            True,
            "align waits 12 min for a node of class large: 0/1 nodes are available: 1 Insufficient cpu; lower "
            "biojobs:classes.large, or let what else runs on the machine end",
        ),
        (
            'pods "x" is forbidden: exceeded quota: runs, requested: pods=1',
            False,
            'align waits 12 min for a node of class large: pods "x" is forbidden: exceeded quota: runs, requested: '
            "pods=1; raise biojobs:quota, or wait for other pods to end",
        ),
        (
            "ImagePullBackOff: Back-off pulling image",
            False,
            "align waits 12 min for its image: ImagePullBackOff: Back-off pulling image; is the registry within reach "
            "of the nodes?",
        ),
        (
            "",
            False,
            "align waits 12 min for a node of class large: no reason is told; `kubectl -n biojobs get events` tells "
            "more",
        ),
    ],
)
def test_a_pod_that_waits_too_long_is_told_with_the_reason_and_a_remedy(message: str, local: bool, said: str) -> None:
    waiting = pod("Pending", message=message)
    facts = sheet(sample("running", waiting), local=local)
    assert waiting_words(waiting, facts) == said
    (row,), _ = rows(facts, 9)
    assert row.trouble == said


def test_a_pod_that_waits_for_a_little_while_is_no_trouble() -> None:
    facts = sheet(sample("running", pod("Pending", created=NOW - timedelta(minutes=4))))
    (row,), _ = rows(facts, 9)
    assert (row.doing, row.trouble) == ("align waits 4.0 min", "")


def test_hostile_words_do_not_reach_the_terminal() -> None:
    (row,), _ = rows(sheet(sample("failed", pod("Failed", message="\x1b[2J" + "x" * 10_000_000))), 9)
    assert "\x1b" not in row.trouble
    assert len(row.trouble) < 200


def test_news_are_what_has_changed_but_for_the_time() -> None:
    before = [Row("P1", "running", "align 3 s", "", ""), Row("P2", "waiting", "waits to start", "", "")]
    after = [Row("P1", "running", "align 2.5 min", "", ""), Row("P2", "running", "fastqc 1 s", "", "")]
    assert list(news(before, before)) == []
    assert list(news(before, after)) == ["P2: fastqc 1 s"]
    assert list(news([], before)) == ["P1: align 3 s"]
    failed = [Row("P1", "failed", "", "interrupted", "align: no"), after[1]]
    assert list(news(after, failed)) == ["P1: failed (before: interrupted): align: no"]
