"""A web server that has every fault of real ones, each under a path of its own."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast


class Faulty(ThreadingHTTPServer):
    """Serves `content` as `/FAULT/anything`; counts the requests, and keeps what was asked for."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.asked = content, Counter[str]()
        self.log: list[str] = []
        self.headers: list[dict[str, str]] = []
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    """Faults: see the tests."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Not on the screen."""

    def do_HEAD(self) -> None:
        """Headers alone."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Content, or what the fault makes of it."""
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        server = cast(Faulty, self.server)
        fault = self.path.split("/")[1]
        times = server.asked[fault]
        server.asked[fault] += 1
        wanted = self.headers.get("Range", "")
        server.log.append(f"{self.command} {self.path} {wanted}".strip())
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if fault == "missing" or (fault == "busy" and times < 3) or fault == "ill":
            self.send_error(404 if fault == "missing" else 503)
            return
        whole = server.content
        start, end = 0, len(whole)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if found and fault != "norange":
            start, end = int(found[1]), int(found[2] or len(whole) - 1) + 1
        part = whole[start:end]
        told = len(part) + ({"short": -1000, "long": 1000}.get(fault, 0) if body and len(part) > 1000 else 0)
        self.send_response(206 if found and fault != "norange" else 200)
        if fault != "nolength":
            self.send_header("Content-Length", str(told))
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(whole)}")
        if fault == "packed":
            self.send_header("Content-Encoding", "gzip")
        day = 1 + times if fault == "changing" else 1
        self.send_header("Last-Modified", f"Mon, {day:02d} Jun 2026 00:00:00 GMT")
        self.send_header("Connection", "close")
        self.end_headers()
        if body:
            self._send(fault, part, told)
        self.close_connection = True

    def _send(self, fault: str, part: bytes, told: int) -> None:
        sent = {
            "cut": part[: max(len(part) // 3, 200_000)],
            "norange": part[: len(part) // 2],
            "changing": part[: len(part) // 2],
            "dead": part[:100_000] if len(part) > 900_000 else part[: 64 if len(part) <= 64 else 0],
            "long": part + bytes(1000),
        }.get(fault, part[:told])
        with contextlib.suppress(OSError):
            self.wfile.write(sent)
