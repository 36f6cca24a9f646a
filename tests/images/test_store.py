"""What is read is what is there, all of it, or an error: through connections that are cut and servers that lie."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar, cast

import pytest

from tests.images import docker
from tests.images.docker import Outcome
from tests.images.faulty import Faulty

CONTENT = random.Random(7).randbytes(1_000_000)
SUM = hashlib.sha256(CONTENT).hexdigest()
START = """
source /biojobs/lib.sh
scratch=$(mktemp -d) step=test
mkdir "$scratch/logs" "$scratch/status" "$scratch/work"
"""


@pytest.fixture(scope="module")
def web() -> Generator[Faulty]:
    """Random bytes."""
    server = Faulty(CONTENT)
    yield server
    server.shutdown()


def store(script: str, *environment: str, options: tuple[str, ...] = (), timeout: float = 120) -> Outcome:
    """A few lines of a step."""
    words = ["run", "--rm", "--network=host", *docker.HARDENED, docker.QUICK, "--tmpfs=/scratch:uid=10001,gid=10001"]
    words += [*options, *(f"--env={pair}" for pair in environment)]
    words += [docker.tag("bwa-mem2"), "bash", "-c", START + script]
    done = docker.docker(*words, check=False, timeout=timeout)
    return Outcome(done.returncode, done.stdout, done.stderr, (done.stderr.strip().splitlines() or [""])[-1])


def read(web: Faulty, faults: Sequence[str]) -> dict[str, Outcome]:
    """What comes of reading a file with each fault; stdout is its SHA-256. All at once: they wait most of the time."""

    def one(fault: str) -> Outcome:
        return store(f"store_cat {web.base}/{fault}/file.bin | sha256sum | cut -d ' ' -f 1")

    web.asked.clear()
    with ThreadPoolExecutor(len(faults)) as pool:
        return dict(zip(faults, pool.map(one, faults), strict=True))


def test_what_is_cut_or_busy_for_a_while_arrives_whole(web: Faulty) -> None:
    for fault, outcome in read(web, ["whole", "cut", "short", "busy", "packed"]).items():
        assert (outcome.code, outcome.stdout.strip()) == (0, SUM), (fault, outcome.stderr)
    assert "GET /cut/file.bin bytes=333333-" in web.log
    assert web.asked["busy"] > 3


SPOILED = {
    "norange": "the connection was cut after 500000 of 1000000 bytes, and the server cannot go on from there",
    "long": "1001000 bytes came, the store told of 1000000",
    "changing": " was changed while it was being read",
    "dead": "the connection was cut after 100000 of 1000000 bytes, and so it is again and again",
    "ill": "503 Service Unavailable",
}


def test_what_does_not_arrive_whole_is_an_error(web: Faulty) -> None:
    for fault, outcome in read(web, [*SPOILED]).items():
        assert outcome.code == 74, (fault, outcome.stderr)
        assert outcome.message.startswith("store: "), outcome.message
        assert f"/{fault}/file.bin" in outcome.message
        assert SPOILED[fault] in outcome.message


class Objects(BaseHTTPRequestHandler):
    """A little of S3 and of Cloud Storage: any bucket has the object `a b.bin`. What was asked for is kept."""

    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""

    def do_HEAD(self) -> None:
        """Metadata."""
        self._answer(False)

    def do_GET(self) -> None:
        """Content, or Cloud Storage's description of it."""
        self._answer(True)

    def do_PUT(self) -> None:
        """Vanishes in the middle, unless it refuses to be written to at all."""
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.path.startswith("/readonly/"):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            body = b"<Error><Code>AccessDenied</Code><Message>it is only read here</Message></Error>"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.rfile.read(1000)
        self.close_connection = True
        self.connection.close()

    def _answer(self, body: bool) -> None:
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        content = CONTENT
        path, _, query = self.path.partition("?")
        if "a%20b.bin" not in path and "a+b.bin" not in path:
            self.send_error(404)
            return
        self.send_response(200)
        if path.startswith("/storage/v1/") and "alt=media" not in query:
            link = f"http://127.0.0.1:{cast(ThreadingHTTPServer, self.server).server_port}{path}?alt=media"
            about = {"name": "a b.bin", "size": str(len(CONTENT)), "updated": "2026-06-01T00:00:00Z", "mediaLink": link}
            content = json.dumps(about).encode()
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT")
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def objects() -> Generator[str]:
    """The address of the object store."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
    Thread(target=server.serve_forever, daemon=True).start()
    Objects.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


KEYS = ("AWS_ACCESS_KEY_ID=mine-and-nobody-elses", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-west-1")
"""Of the stack's own store, in the environment of every step."""


def archives(objects: str, uri: str) -> Outcome:
    """What comes of reading an object of an archive, in a stack with a store of its own."""
    buckets = ("BIOJOBS_PUBLIC_BUCKETS=other free", "BIOJOBS_REQUESTER_PAYS_BUCKETS=paid")
    mirrors = (f"BIOJOBS_PUBLIC_S3_ENDPOINT={objects}", f"BIOJOBS_PUBLIC_GS_ENDPOINT={objects}")
    script = f"store_stat '{uri}'; store_cat '{uri}' | sha256sum | cut -d ' ' -f 1"
    return store(script, *KEYS, *buckets, *mirrors, "BIOJOBS_S3_ENDPOINT=http://127.0.0.1:9")


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_public_buckets_are_read_without_credentials(objects: str, scheme: str) -> None:
    outcome = archives(objects, f"{scheme}://free/a b.bin")
    assert (outcome.code, outcome.stdout.splitlines()[-1]) == (0, SUM), outcome.stderr
    assert outcome.stdout.startswith("1000000\t2026-06-01T")
    assert Objects.asked
    assert not any({"authorization", "x-amz-request-payer"} & set(headers) for _, headers in Objects.asked)
    assert not any("mine-and-nobody-elses" in str(asked) for asked in Objects.asked)


def test_readers_who_pay_say_so_and_sign(objects: str) -> None:
    outcome = archives(objects, "s3://paid/a b.bin")
    assert (outcome.code, outcome.stdout.splitlines()[-1]) == (0, SUM), outcome.stderr
    for path, headers in Objects.asked:
        assert path.startswith("/paid/")
        assert headers["x-amz-request-payer"] == "requester"
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=mine-and-nobody-elses/")
        assert "x-amz-request-payer" in headers["authorization"]


def test_other_buckets_are_the_stacks_own(objects: str) -> None:
    outcome = archives(objects, "s3://reads/a b.bin")
    assert outcome.code == 74
    assert Objects.asked == []


def test_what_an_archive_does_not_have_is_missing(objects: str) -> None:
    outcome = archives(objects, "gs://free/other.bin")
    assert (outcome.code, outcome.message) == (66, "missing input: gs://free/other.bin is not there")


@pytest.mark.parametrize(("bucket", "said"), [("readonly", "access to s3://readonly/x.bin was refused"), ("gone", "")])
def test_a_store_that_refuses_writes_or_vanishes_is_told_with_the_file(objects: str, bucket: str, said: str) -> None:
    script = f"head -c 300000 /dev/zero > $scratch/work/x; store_put $scratch/work/x s3://{bucket}/x.bin"
    outcome = store(script, *KEYS, f"BIOJOBS_S3_ENDPOINT={objects}", timeout=200)
    assert outcome.code == 74, outcome.stderr
    assert outcome.message.startswith("store: ")
    assert f"s3://{bucket}/x.bin" in outcome.message
    assert said in outcome.message


def test_a_path_that_can_only_be_read_is_told_with_the_file(folder: Path) -> None:
    (folder / "x").write_bytes(b"x")
    outcome = store("store_put /data/x /data/reads/z.bin", options=(f"--volume={folder}:/data:ro",))
    assert (outcome.code, outcome.message) == (
        74,
        "store: access to /data/reads/z.bin was refused: it can only be read; let the steps write there",
    )


def test_a_file_whose_length_is_not_told_is_refused(web: Faulty) -> None:
    outcome = store(f"store_stat {web.base}/nolength/file.bin")
    assert outcome.code == 65
    assert outcome.message.endswith("the server does not tell its length; copy it into the store and name that")


def test_a_copy_to_scratch_is_whole_too(web: Faulty) -> None:
    script = "store_get {}/{}/file.bin $scratch/work/x && sha256sum < $scratch/work/x | cut -d ' ' -f 1"
    web.asked.clear()
    assert store(script.format(web.base, "cut")).stdout.strip() == SUM
    assert store(script.format(web.base, "norange")).code == 74
    assert store(f"store_head {web.base}/cut/file.bin 3 | od -An -tu1").code == 0
