"""Objects that everybody may read: asked for without an account, and told about before anything is created."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from pydantic import ValidationError

from components import archives
from components.archives import PLAN, environment, public_source, web_source
from components.locate import Found, Locator
from components.storage import Scheme
from settings_pipeline import Archives
from workflows.types import Source


class Store(BaseHTTPRequestHandler):
    """Answers HEAD by path; a path that is not known is not there."""

    answers: ClassVar[dict[str, list[tuple[int, Mapping[str, str]]]]] = {}
    asked: ClassVar[list[tuple[str, Mapping[str, str]]]] = []

    def do_HEAD(self) -> None:
        """The next answer of the path, and from then on the last one."""
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        answers = self.answers.get(self.path, [(404, {})])
        status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""


@pytest.fixture
def mirror() -> Generator[Archives]:
    """Settings whose public buckets are found at a server here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    Thread(target=server.serve_forever, daemon=True).start()
    Store.answers, Store.asked = {}, []
    address = f"http://127.0.0.1:{server.server_port}"
    yield Archives(s3_endpoint=address, gs_endpoint=address)
    server.shutdown()


def test_an_object_is_known_by_its_size_and_its_etag_and_asked_for_without_credentials(mirror: Archives) -> None:
    Store.answers["/1000genomes/a%20b.fq.gz"] = [(200, {"Content-Length": "7", "ETag": '"abc"'})]
    for scheme in ("s3", "gs"):
        uri = f"{scheme}://1000genomes/a b.fq.gz"
        assert public_source(uri, mirror) == (Source(uri, "7-abc", 7), "")
    assert not any("authorization" in headers for _, headers in Store.asked)
    assert {headers["accept-encoding"] for _, headers in Store.asked} == {"identity"}


@pytest.mark.parametrize("cloud", ["s3", "gs"])
def test_a_locator_finds_public_buckets_of_both_clouds(mirror: Archives, cloud: str) -> None:
    headers = {"Content-Length": "7", "ETag": "x", "x-amz-bucket-region": "us-east-1"}
    Store.answers["/1000genomes/a"] = [(200, headers)]

    def head(bucket: str, key: str) -> Found:
        raise AssertionError("not with the stack's own credentials")

    locator = Locator("C", Scheme(cloud, "cp"), "reads", (), head, mirror, "eu-west-1" if cloud == "s3" else "")
    assert locator.locate("s3://1000genomes/a") == Source("s3://1000genomes/a", "7-x", 7)
    assert locator.elsewhere == ({"1000genomes": "us-east-1"} if cloud == "s3" else {})


REFUSED: list[tuple[int, dict[str, str], str]] = [
    (404, {}, "there is no such object"),
    (403, {}, "not everybody may read it, or it is not there"),
    (400, {}, "the store answers 400"),
    (200, {"ETag": "x"}, "the server does not tell its length"),
]


@pytest.mark.parametrize(("status", "headers", "said"), REFUSED)
def test_what_cannot_be_read_is_told_with_the_remedy(
    mirror: Archives, status: int, headers: dict[str, str], said: str
) -> None:
    Store.answers["/1000genomes/a"] = [(status, headers)]
    with pytest.raises(LookupError, match=f"^s3://1000genomes/a: .*{said}"):
        public_source("s3://1000genomes/a", mirror)


def test_a_uri_without_a_key_is_refused(mirror: Archives) -> None:
    with pytest.raises(LookupError, match="write gs://bucket/key"):
        public_source("gs://1000genomes", mirror)


def test_a_store_that_is_busy_is_asked_again(mirror: Archives, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(archives.time, "sleep", paused.append)
    Store.answers["/1000genomes/a"] = [(503, {}), (429, {}), (200, {"Content-Length": "0", "ETag": "x"})]
    assert public_source("s3://1000genomes/a", mirror)[0].identity == "0-x"
    assert paused == [1, 2]
    Store.answers["/1000genomes/a"] = [(503, {})]
    with pytest.raises(LookupError, match="503"):
        public_source("s3://1000genomes/a", mirror)


def test_a_web_address_is_known_alike(mirror: Archives) -> None:
    Store.answers["/a.fq.gz"] = [(200, {"Content-Length": "5", "Last-Modified": "Mon, 01 Jun 2026 00:00:00 GMT"})]
    found = web_source(f"{mirror.s3_endpoint}/a.fq.gz")
    assert (found.identity, found.size) == ("5-Mon, 01 Jun 2026 00:00:00 GMT", 5)


def test_a_plan_asks_nobody(monkeypatch: pytest.MonkeyPatch, mirror: Archives) -> None:
    monkeypatch.setenv(PLAN, "1")
    assert public_source("s3://1000genomes/a", mirror) == (Source("s3://1000genomes/a"), "")
    assert web_source("https://nowhere.invalid/a") == Source("https://nowhere.invalid/a")
    assert Store.asked == []


def test_steps_are_told_what_is_public_and_what_is_paid_for() -> None:
    given = Archives.model_validate(
        {"public": ["one", "two"], "requesterPays": ["three"], "s3Endpoint": "https://mirror"}
    )
    assert environment(Archives(public=("a1b",))) == {"BIOJOBS_PUBLIC_BUCKETS": "a1b"}
    assert environment(given) == {
        "BIOJOBS_PUBLIC_BUCKETS": "one two",
        "BIOJOBS_REQUESTER_PAYS_BUCKETS": "three",
        "BIOJOBS_PUBLIC_S3_ENDPOINT": "https://mirror",
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"public": ["s3://1000genomes"]}, "without s3://"),
        ({"public": [""]}, "such as 1000genomes"),
        ({"requesterPays": ["1000genomes"]}, "1000genomes: is public and requesterPays"),
        ({"s3Endpoint": "mirror"}, "write https://host"),
        ({"sources": ["1000genomes"]}, "not permitted"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys: Mapping[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Archives.model_validate(keys)
