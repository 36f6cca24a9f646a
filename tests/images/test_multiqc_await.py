"""`await` waits for the runs of its kind and for nothing else, and outlives an API server that is away for a while."""

import json
import ssl
import subprocess
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.images import docker
from tests.images.docker import Outcome, Workspace

Answer = Callable[[int], tuple[int, str]]
GOING = (200, '{"items": [{"metadata": {"name": "p2-0123456789"}}]}')
NONE = (200, '{"items": null}')
AWAY = (500, '{"message": "etcd is away"}')
TROUBLES = (AWAY, (200, "{ cut"), (200, "[]"), (429, ""), (200, '{"items": [{}]}'), (200, '{"items": 1}'))


class Api(BaseHTTPRequestHandler):
    """The API server; `answer` gives code and body of the nth request."""

    answer: ClassVar[Answer]
    asked: ClassVar[list[tuple[str, dict[str, list[str]], str, str]]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        headers = (self.headers["Authorization"], self.headers["Accept"])
        self.asked.append((url.path, parse_qs(url.query), *headers))
        code, body = type(self).answer(len(self.asked))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""


class Cluster:
    """A fake API server and the files of a service account that is known to it."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.account = space.path / "account"
        self.account.mkdir()
        self.handler = type("Handler", (Api,), {"asked": []})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        key, certificate = _certificate(space.path)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificate, key)
        self.server.socket = trust.wrap_socket(self.server.socket, server_side=True)
        for name, text in (("ca.crt", certificate.read_text()), ("namespace", "jobs"), ("token", "a-token\n")):
            (self.account / name).write_text(text)
            (self.account / name).chmod(0o644)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def asked(self) -> list[tuple[str, dict[str, list[str]], str, str]]:
        """The requests so far: path, parameters, authorization, accepted type."""
        return self.handler.asked

    def answers(self, answer: Answer) -> None:
        """What it answers from now on."""
        self.handler.answer = staticmethod(answer)

    def options(self) -> tuple[str, ...]:
        """How a pod sees it."""
        port = self.server.server_address[1]
        return (
            f"--volume={self.account}:/var/run/secrets/kubernetes.io/serviceaccount:ro",
            "--env=KUBERNETES_SERVICE_HOST=127.0.0.1",
            f"--env=KUBERNETES_SERVICE_PORT={port}",
        )

    def step(self, *words: str, options: tuple[str, ...] = ()) -> Outcome:
        """The step as the workflow runs it."""
        return self.space.run("await", *words, options=(*self.options(), *options), memory=256)

    def hasty(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The question alone, with a shorter breath than the step's."""
        command = ["run", "--rm", "--network=host", *docker.HARDENED, *self.options(), docker.tag("multiqc")]
        return docker.docker(*command, "python3", "/biojobs/await.py", "sample", *words, check=False)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days=1",
    ]
    words += ["-subj=/CN=kubernetes", "-addext=subjectAltName=IP:127.0.0.1", f"-keyout={key}", f"-out={certificate}"]
    subprocess.run([word for one in words for word in _split(one)], check=True, capture_output=True)
    return key, certificate


def _split(word: str) -> list[str]:
    """openssl wants `-name value`."""
    name, given, value = word.partition("=")
    return [name, value] if given and name.startswith("-") else [word]


@pytest.fixture
def cluster(workspace: Workspace) -> Generator[Cluster]:
    made = Cluster(workspace)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_waits_for_the_runs_that_are_still_going(cluster: Cluster) -> None:
    cluster.answers(lambda turn: GOING if turn == 1 else NONE)
    began = time.monotonic()
    outcome = cluster.step("--kind", "sample", "--sheet", "cohort")
    assert outcome.code == 0, outcome.stderr
    assert time.monotonic() - began > 9
    assert outcome.stdout.splitlines() == [
        "await: p2-0123456789 is still going (waiting for 0 min)",
        "await: no run of kind sample is going",
    ]
    path, words, authorization, accepted = cluster.asked[0]
    assert path == "/apis/argoproj.io/v1alpha1/namespaces/jobs/workflows"
    labels = "biojobs/kind=sample,workflows.argoproj.io/completed!=true"
    assert words == {"labelSelector": [labels], "limit": ["1"]}
    assert authorization == "Bearer a-token"
    assert "as=PartialObjectMetadataList" in accepted
    assert (len(cluster.asked), cluster.space.files("steps")) == (2, [])


def test_progress_is_told_once_a_minute_and_not_at_every_question(cluster: Cluster) -> None:
    cluster.answers(lambda turn: GOING if turn < 20 else NONE)
    done = cluster.hasty("--every=0.01")
    assert (done.returncode, done.stdout.count("still going"), len(cluster.asked)) == (0, 1, 20)


def test_trouble_with_the_api_server_is_borne(cluster: Cluster) -> None:
    cluster.answers(lambda turn: TROUBLES[turn - 1] if turn <= len(TROUBLES) else NONE)
    done = cluster.hasty("--every=0.1", "--say=0")
    assert done.returncode == 0, done.stderr
    assert "does not answer as it should: 500 Internal Server Error: etcd is away" in done.stdout
    assert len(cluster.asked) == len(TROUBLES) + 1


def test_trouble_that_stays_is_an_error_that_is_tried_again(cluster: Cluster) -> None:
    cluster.answers(lambda _: (403, '{"message": "workflows is forbidden: x cannot list"}'))
    done = cluster.hasty("--every=0.1", "--patience=1")
    assert done.returncode == 74
    assert "Forbidden: workflows is forbidden: x cannot list (for " in done.stderr


def test_an_answer_between_troubles_renews_the_patience(cluster: Cluster) -> None:
    cluster.answers(lambda turn: NONE if turn == 16 else AWAY if turn % 2 else GOING)
    assert cluster.hasty("--every=0.2", "--patience=1").returncode == 0
    assert len(cluster.asked) == 16


def test_a_server_with_another_certificate_is_not_asked(cluster: Cluster) -> None:
    cluster.answers(lambda _: NONE)
    other = cluster.space.path / "other"
    other.mkdir()
    _, certificate = _certificate(other)
    (cluster.account / "ca.crt").write_text(certificate.read_text())
    done = cluster.hasty("--every=0.1", "--patience=0")
    assert (done.returncode, cluster.asked) == (74, [])
    assert "certificate verify failed" in done.stderr


def test_outside_a_pod_it_says_so(workspace: Workspace) -> None:
    outcome = workspace.run("await", "--kind", "sample", "--sheet", "cohort", memory=256)
    assert outcome.code == 74
    assert outcome.message.startswith("store: this is no pod with a service account")


def test_a_stub_waits_as_well(cluster: Cluster) -> None:
    cluster.answers(lambda _: NONE)
    outcome = cluster.step("--kind", "sample", "--sheet", "cohort", options=("--env=BIOJOBS_STUB=1",))
    assert (outcome.code, len(cluster.asked)) == (0, 1)


@pytest.mark.parametrize("kind", ["sample,x!=y", "-sample", "a b"])
def test_a_kind_that_is_no_label_is_refused(workspace: Workspace, kind: str) -> None:
    outcome = workspace.run("await", "--kind", kind, "--sheet", "cohort", memory=256)
    assert (outcome.code, outcome.message[:19]) == (65, "bad input: --kind '")


LABELS = {"workflows.argoproj.io/phase": "Succeeded", "workflows.argoproj.io/completed": "true"}
ENDED = {"name": "p1", "uid": "uid-p1", "resourceVersion": "7", "labels": LABELS}
POD = {
    "type": "Pod",
    "templateName": "align",
    "phase": "Succeeded",
    "startedAt": "2026-11-21T10:00:00Z",
    "finishedAt": "2026-11-21T11:00:00Z",
}
WHOLE: dict[str, Any] = {"metadata": ENDED, "spec": {"templates": []}, "status": {"nodes": {"a": POD}}}
LEDGER = "/data/_sheets/budget.json"
PRICE = ("--price", "align", "0.36", "2000", "4096")


def with_costs(cluster: Cluster) -> Answer:
    """P2 is going when it is asked first, and P1 has cost 0.36 USD."""
    questions: list[int] = []

    def answer(turn: int) -> tuple[int, str]:
        words = cluster.asked[-1][1]
        if "fieldSelector" in words:
            return 200, json.dumps({"items": [WHOLE]})
        if words["limit"] != ["1"]:
            return 200, json.dumps({"items": [{"metadata": ENDED}]})
        questions.append(turn)
        return GOING if len(questions) == 1 else NONE

    return answer


def budgeted(cluster: Cluster, usd: str, *words: str) -> Outcome:
    budget = ("--budget", usd, "local", LEDGER, "own prices")
    (cluster.space.path / "_sheets").mkdir(exist_ok=True)
    (cluster.space.path / "_sheets").chmod(0o777)
    return cluster.step("--kind", "sample", "--sheet", "cohort", *budget, *(words or PRICE))


def test_a_budget_that_is_used_up_is_in_the_ledger_while_others_are_going(cluster: Cluster) -> None:
    cluster.answers(with_costs(cluster))
    outcome = budgeted(cluster, "0.3")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.splitlines() == [
        "await: budget: modelled 0.36 of 0.30 USD: no new sample is started",
        "await: no run of kind sample is going",
    ]
    assert json.loads(cluster.space.read("_sheets/budget.json")) == {
        "budget": 0.3,
        "modelled": 0.36,
        "stopped": True,
        "prices": "own prices",
        "runs": {"uid-p1": {"usd": 0.36, "ended": True}},
    }
    labels = "biojobs/kind=sample,biojobs/sheet=cohort,biojobs/stack=local"
    assert labels in [word for _, words, _, _ in cluster.asked for word in words.get("labelSelector", [])]


def test_what_is_in_the_ledger_already_counts(cluster: Cluster) -> None:
    kept = {
        "budget": 1.0,
        "modelled": 5.0,
        "stopped": True,
        "prices": "x",
        "runs": {"old": {"usd": 5.0, "ended": True}},
    }
    cluster.space.put("_sheets/budget.json", json.dumps(kept).encode())
    cluster.answers(lambda turn: (200, '{"items": []}'))
    assert budgeted(cluster, "9").code == 0
    found = json.loads(cluster.space.read("_sheets/budget.json"))
    assert (found["modelled"], found["stopped"], found["budget"]) == (5.0, False, 9.0)


@pytest.mark.parametrize(
    "words",
    [
        ("--price", "align", "-1", "2000", "4096"),
        ("--price", "align", "1", "0", "4096"),
        ("--price", "align", "1", "2000", "4Gi"),
        ("--price", "align", "1", "2000"),
        ("--kind", "sample"),
    ],
)
def test_prices_that_make_no_sense_are_refused(cluster: Cluster, words: tuple[str, ...]) -> None:
    outcome = budgeted(cluster, "9", *words)
    assert (outcome.code, outcome.message[:18], cluster.asked) == (65, "bad input: --price", [])
