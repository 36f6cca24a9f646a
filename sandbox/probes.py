"""Asks components whether they are well. Every probe is short and answers a reason when it is not."""

import http.client
import os
import socket
import ssl
import struct
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from sandbox.layout import CLUSTER_DOMAIN

SECONDS = 3.0
# None when well, else what is wrong.
Probe = Callable[[], str | None]
# The environment's proxies are for the outside; what is asked here is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http_ok(url: str) -> Probe:
    """Answers 200 over plain http."""

    def probe() -> str | None:
        try:
            with _OPENER.open(url, timeout=SECONDS):
                return None
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)

    return probe


def https_ok(url: str, pki: Path | None = None) -> Probe:
    """Answers 200 over TLS: verified and as the administrator with `pki`, else whatever certificate it has."""

    def probe() -> str | None:
        try:
            context = admin_context(pki) if pki else _unverified()
            handler = urllib.request.HTTPSHandler(context=context)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
            with opener.open(url, timeout=SECONDS):
                return None
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)

    return probe


def admin_context(pki: Path) -> ssl.SSLContext:
    """TLS as the cluster's administrator."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(str(pki / "admin.crt"), str(pki / "admin.key"))
    return context


def _unverified() -> ssl.SSLContext:
    """For health endpoints on 127.0.0.1 with certificates that their servers sign themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


def unix_http_ok(path: Path, url: str) -> Probe:
    """Answers 200 over http on a unix socket."""

    def probe() -> str | None:
        connection = _UnixConnection(path)
        try:
            connection.request("GET", url)
            status = connection.getresponse().status
            return None if status == 200 else f"HTTP {status}"
        except (OSError, http.client.HTTPException) as error:
            return _reason(error)
        finally:
            connection.close()

    return probe


def unix_listens(path: Path) -> Probe:
    """Takes connections on a unix socket."""

    def probe() -> str | None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(SECONDS)
            try:
                client.connect(str(path))
            except OSError as error:
                return _reason(error)
        return None

    return probe


def dns_query(name: str, identifier: int) -> bytes:
    """A DNS question for the A record of `name`."""
    header = struct.pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return header + labels + b"\0" + struct.pack(">HH", 1, 1)


def dns_problem(answer: bytes, identifier: int) -> str | None:
    """What is wrong with a DNS answer that ought to hold an address."""
    if len(answer) < 12:
        return "a short DNS answer"
    got, flags, _, answers, *_ = struct.unpack(">HHHHHH", answer[:12])
    if got != identifier or not flags & 0x8000:
        return "an answer to another question"
    if flags & 0xF:
        return f"DNS error {flags & 0xF}"
    return None if answers else "a DNS answer without an address"


def dns_ok(address: str, port: int = 53) -> Probe:
    """Resolves the API server's name."""

    def probe() -> str | None:
        identifier = int.from_bytes(os.urandom(2))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(1.0)
            try:
                client.connect((address, port))
                client.send(dns_query(f"kubernetes.default.svc.{CLUSTER_DOMAIN}", identifier))
                return dns_problem(client.recv(4096), identifier)
            except OSError as error:
                return _reason(error)

    return probe


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    inner = getattr(error, "reason", error)
    return str(inner) or type(error).__name__
