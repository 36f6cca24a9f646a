"""A webhook hears of a failed sample and of the sheet's end.

It shares the stack of test_pipeline.py, and leaves it as the tests there expect it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from sandbox.layout import NODE_ADDRESS
from tests.cluster.stack import LEAN, R1, Stack, changed, kubectl, names, workflows

NA12878 = {"NA12878": ("reads/NA12878_1.fastq.gz", "reads/NA12878_2.fastq.gz")}
SECRET = "T0K3N-of-the-channel"


class Hook(BaseHTTPRequestHandler):
    """The webhook, busy when it is asked first."""

    taken: ClassVar[list[Any]] = []
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        self.send_response(503 if len(self.asked) == 1 else 200)
        self.end_headers()
        if len(self.asked) > 1:
            self.taken.append(json.loads(body))

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""


@pytest.fixture
def webhook() -> Iterator[str]:
    """The address of a webhook on the node, outside the cluster."""
    server = ThreadingHTTPServer((NODE_ADDRESS, 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{NODE_ADDRESS}:{server.server_address[1]}/hooks/{SECRET}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def as_before(stack: Stack) -> Iterator[None]:
    """Leaves the stack as the tests of other files expect it."""
    yield
    stack.sheet(NA12878)
    stack.succeed()


def test_a_webhook_hears_of_a_failed_sample_and_of_the_end_of_the_sheet(stack: Stack, webhook: str) -> None:
    bad = (stack.reads("bad_1.fastq.gz", R1.read_bytes()[:5000]), "reads/NA12878_2.fastq.gz")
    stack.sheet({"BAD": bad})
    before = names()
    with changed(stack, {"notify": {"webhook": webhook}, **LEAN}):
        ended = stack.up()
    assert ended.code != 0
    assert SECRET not in ended.output
    sample, sheet = Hook.taken
    assert sample["text"].startswith("biojobs local: sample BAD of sheet sheet failed: fastqc: bad input: ")
    assert {(one["step"], one["cause"]) for one in sample["failed"]} == {("fastqc", "input")}
    assert sheet["text"].startswith("biojobs local: sheet sheet ended after ")
    # The runs of rows that were taken away are there until the `up` ends
    assert (sheet["samples"], sheet["phase"]) == ({"done": len(before), "failed": 1, "not_started": 0}, "Failed")
    assert set(Hook.asked) == {f"/hooks/{SECRET}"}
    (own,) = workflows("sheet")
    assert own["status"]["phase"] == "Succeeded"
    shown = kubectl("-n", "biojobs", "get", "workflows,pods,configmaps,networkpolicies,events", "-o", "json")
    assert SECRET not in shown
