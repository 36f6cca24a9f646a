"""An API server that knows Workflows only: all that were recorded, each ended as a test says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from offline.recording.store import Store

Failures = dict[str, str]
"""What the runs of these samples say when they fail."""


def workflow(recorded: dict[str, Any], failures: Failures) -> dict[str, Any]:
    """A recorded Workflow as the controller leaves it."""
    name = recorded["metadata"]["name"]
    said = failures.get(recorded["metadata"]["labels"]["biojobs/sample"])
    node = {"id": f"{name}-1", "name": f"{name}.fastqc(0)", "type": "Pod", "templateName": "fastqc"}
    node |= {"phase": "Failed" if said else "Succeeded", "startedAt": "2026-01-01T00:00:00Z"}
    if said:
        node["message"] = f"main: Error (exit code 65): {said}"
    return {**recorded, "status": {"phase": node["phase"], "nodes": {node["id"]: node}}}


@contextmanager
def serve(recording: Store, failures: Failures, kubeconfig: Path, *, tls: bool = False) -> Generator[tuple[str, str]]:
    """Serves on a free port of loopback, and writes a kubeconfig whose context is the sandbox's.

    Gives host:port and, with `tls`, the certificate (PEM) by which the server is known.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for_runs = self.path.partition("?")[0].endswith("/workflows")
            recorded: dict[str, dict[str, Any]] = recording.section("objects") if asked_for_runs else {}
            runs = [found for item in recorded.values() if (found := recorded_workflow(item)) is not None]
            body = json.dumps({"items": [workflow(run, failures) for run in runs]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    certificate = _with_tls(server, kubeconfig.parent) if tls else ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    cluster = {"name": "c", "cluster": {"server": f"http://{address}"}}
    context = {"name": "biojobs-sandbox", "context": {"cluster": "c", "user": "u"}}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    kubeconfig.write_text(yaml.safe_dump({**document, "users": [{"name": "u", "user": {}}]}))
    try:
        yield address, certificate
    finally:
        server.shutdown()
        server.server_close()


def _with_tls(server: ThreadingHTTPServer, folder: Path) -> str:
    """Makes a server speak TLS, by a key of its own. Returns the certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an API server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    both = folder / "server.pem"
    both.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return certificate.decode()


def recorded_workflow(item: dict[str, Any]) -> dict[str, Any] | None:
    """The Workflow in a recorded object, or None for any other kind."""
    body = item.get("inputs", item)
    return body if body.get("kind") == "Workflow" else None
