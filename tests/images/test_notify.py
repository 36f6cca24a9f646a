"""`notify` tells a webhook, and ends well whatever the webhook does; its address is told to nobody."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from tests.images import docker
from tests.images.docker import Outcome, Workspace
from tests.images.test_multiqc_await import Cluster
from workflows.notify import causes

SECRET = "T0K3N-of-the-channel"
FAILED = {
    "name": "na12878-0123456789.gate",
    "type": "Pod",
    "templateName": "gate",
    "phase": "Failed",
    "message": "main: Error (exit code 77): stopped by QC: 3 reads",
}
RUN = {
    "metadata": {"name": "na12878-0123456789", "labels": {"biojobs/sample": "NA12878"}},
    "status": {"phase": "Running", "startedAt": "2026-11-21T10:00:00Z", "nodes": {"a": FAILED}},
}
Answer = Callable[["Hook"], None]


class Hook(BaseHTTPRequestHandler):
    """The webhook; `answer` says how it answers."""

    answer: ClassVar[Answer]
    taken: ClassVar[list[Any]]

    def do_POST(self) -> None:
        self.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        type(self).answer(self)

    def code(self, code: int, *headers: tuple[str, str]) -> None:
        self.send_response(code, "reason")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""


class Webhook:
    """A webhook of the tests' own on this machine."""

    def __init__(self) -> None:
        self.handler = type("Handler", (Hook,), {"taken": []})
        self.answers(lambda hook: hook.code(200))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hooks/{SECRET}"

    @property
    def taken(self) -> list[Any]:
        return self.handler.taken

    def answers(self, answer: Answer) -> None:
        self.handler.answer = staticmethod(answer)


@pytest.fixture
def webhook() -> Generator[Webhook]:
    made = Webhook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def cluster(workspace: Workspace) -> Generator[Cluster]:
    made = Cluster(workspace)
    made.answers(lambda _: (200, json.dumps({"items": [RUN]})))
    yield made
    made.server.shutdown()
    made.server.server_close()


def notify(cluster: Cluster, url: str, about: str = "sample") -> Outcome:
    words = ("--about", about, "--sheet", "cohort", "--stack", "local", "--causes", causes())
    options = (*cluster.options(), f"--env=BIOJOBS_WEBHOOK={url}")
    outcome = cluster.space.run("notify", *words, memory=256, options=options)
    assert SECRET not in outcome.stdout + outcome.stderr + outcome.message
    return outcome


def post(url: str, *, pauses: str = "(0.01, 0.01)", seconds: float = 2) -> str:
    """What comes of a post alone, with a shorter breath than the step's."""
    code = (
        "import os, sys; sys.path.insert(0, '/biojobs')\n"
        "from webhook import NotTakenError, post\n"
        "try:\n"
        f"    print('taken', post(os.environ['BIOJOBS_WEBHOOK'], b'{{}}', {pauses}, {seconds}))\n"
        "except NotTakenError as refusal:\n"
        "    print(refusal)\n"
    )
    words = ["run", "--rm", "--network=host", *docker.HARDENED, f"--env=BIOJOBS_WEBHOOK={url}", docker.tag("multiqc")]
    done = docker.docker(*words, "python3", "-c", code, check=False)
    assert SECRET not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_failed_sample_is_told(cluster: Cluster, webhook: Webhook) -> None:
    outcome = notify(cluster, webhook.url)
    assert (outcome.code, outcome.message) == (0, ""), outcome.stderr
    text = "biojobs local: sample NA12878 of sheet cohort failed: gate: stopped by QC: 3 reads"
    assert outcome.stdout.splitlines() == [f"notify: {text}", "notify: the webhook has taken it"]
    (told,) = webhook.taken
    assert (told["text"], told["failed"][0]["cause"], told["run"]) == (text, "qc", "na12878-0123456789")
    assert cluster.asked[0][1] == {"fieldSelector": ["metadata.name=na12878-0123456789"]}


def test_the_end_of_a_sheet_is_told_from_all_its_runs(cluster: Cluster, webhook: Webhook) -> None:
    done = {"metadata": {"name": "p2", "labels": {"biojobs/sample": "P2"}}}
    done |= {"status": {"nodes": {"a": {**FAILED, "name": "p2.gate", "phase": "Succeeded"}}}}
    own = {"metadata": {"name": "na12878-0123456789"}, "status": {"startedAt": "2026-11-21T10:00:00Z"}}
    pages = [{"items": [own]}, {"items": [RUN], "metadata": {"continue": "next"}}, {"items": [done]}]
    cluster.answers(lambda turn: (200, json.dumps(pages[turn - 1])))
    assert notify(cluster, webhook.url, "sheet").code == 0
    assert webhook.taken[0]["samples"] == {"done": 1, "failed": 1, "not_started": 0}
    asked = [words for _, words, _, _ in cluster.asked]
    assert asked[1]["labelSelector"] == ["biojobs/kind=sample,biojobs/sheet=cohort,biojobs/stack=local"]
    assert asked[2]["continue"] == ["next"]


def test_without_failures_a_sample_is_no_news(cluster: Cluster, webhook: Webhook) -> None:
    cluster.answers(lambda _: (200, json.dumps({"items": [{**RUN, "status": {}}]})))
    outcome = notify(cluster, webhook.url)
    assert (outcome.code, outcome.stdout, webhook.taken) == (0, "notify: no sample has failed\n", [])


def test_a_run_that_is_gone_is_told_without_details(cluster: Cluster, webhook: Webhook) -> None:
    cluster.answers(lambda turn: (200, '{"items": []}') if turn == 1 else (200, '{"items": [{"metadata": {}}]}'))
    assert notify(cluster, webhook.url).code == 0
    assert webhook.taken[0]["phase"] == "Unknown"


def test_a_webhook_that_is_down_changes_nothing_for_the_run(cluster: Cluster) -> None:
    began = time.monotonic()
    outcome = notify(cluster, f"http://127.0.0.1:9/{SECRET}")
    assert (outcome.code, outcome.message) == (0, "")
    assert "has not taken it: it cannot be reached: Connection refused (tried 4 times); given up" in outcome.stdout
    assert time.monotonic() - began > 21


def test_trouble_that_passes_is_outlived(webhook: Webhook) -> None:
    webhook.answers(lambda hook: hook.code(500 if len(webhook.taken) == 1 else 429 if len(webhook.taken) == 2 else 204))
    assert post(webhook.url) == "taken 3"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (500, "it answers 500 (tried 3 times)"),
        (403, "it answers 403"),
        (404, "it answers 404"),
        (302, "it answers 302: redirects are not followed"),
        (307, "it answers 307: redirects are not followed"),
    ],
)
def test_what_is_refused_is_given_up(webhook: Webhook, code: int, said: str) -> None:
    webhook.answers(lambda hook: hook.code(code, ("Location", webhook.url)))
    assert post(webhook.url) == said
    assert len(webhook.taken) == (3 if "3 times" in said else 1)


def drip(hook: Hook) -> None:
    """A byte now and then, each within any time limit of the library's."""
    hook.code(200)
    try:
        for _ in range(1000):
            hook.wfile.write(b"x")
            hook.wfile.flush()
            time.sleep(0.2)
    except OSError:
        return


def babble(hook: Hook) -> None:
    hook.wfile.write(b"\x00\xff" * 5 + b"\r\n")


def flood(hook: Hook) -> None:
    hook.code(200)
    try:
        for _ in range(100_000):
            hook.wfile.write(b"x" * 100_000)
    except OSError:
        return


def test_a_slow_webhook_has_its_time_and_no_more(webhook: Webhook) -> None:
    webhook.answers(drip)
    assert post(webhook.url, seconds=0.5) == "it did not answer within 0.5 s (tried 3 times)"


def test_of_an_endless_answer_little_is_read(webhook: Webhook) -> None:
    webhook.answers(flood)
    assert post(webhook.url) == "taken 1"


def test_an_answer_that_is_no_http_is_told(webhook: Webhook) -> None:
    webhook.answers(babble)
    assert post(webhook.url) == "its answer is not HTTP (BadStatusLine) (tried 3 times)"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"file:///etc/passwd?{SECRET}", "its address is none of http or https"),
        (f"{SECRET}", "its address is not valid"),
        ("", "its address is not valid"),
        (f"http://[::1/{SECRET}", "its address is not valid"),
        (f"http://127.0.0.1:x/{SECRET}", "its answer is not HTTP (InvalidURL) (tried 3 times)"),
        (f"https://no-such-name.invalid/{SECRET}", "its name is not known (tried 3 times)"),
    ],
)
def test_an_address_that_cannot_be_is_told_without_it(url: str, said: str) -> None:
    assert post(url) == said


def test_a_server_with_a_certificate_of_its_own_making_is_not_told(cluster: Cluster) -> None:
    port = cluster.server.server_address[1]
    assert post(f"https://127.0.0.1:{port}/{SECRET}") == "its certificate is not trusted (tried 3 times)"
    assert cluster.asked == []


def test_a_stub_tells_as_well(cluster: Cluster, webhook: Webhook) -> None:
    words = ("--about", "sample", "--sheet", "cohort", "--stack", "local", "--causes", causes())
    options = (*cluster.options(), f"--env=BIOJOBS_WEBHOOK={webhook.url}", "--env=BIOJOBS_STUB=1")
    assert cluster.space.run("notify", *words, memory=256, options=options).code == 0
    assert len(webhook.taken) == 1
