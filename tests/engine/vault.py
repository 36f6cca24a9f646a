"""A Vault server that hides nothing: a stack's key comes from it at once.

From a passphrase the engine makes the key anew in every command, on purpose so that it takes a second of the processor.
"""

from __future__ import annotations

import functools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROVIDER = "hashivault://tests"
"""What `pulumi stack init --secrets-provider` takes."""
_PREFIX = "vault:v1:"


class _Handler(BaseHTTPRequestHandler):
    """Of the engine `transit` what the client of Pulumi asks for: encrypt and decrypt."""

    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "plaintext" in asked:
            data = {"ciphertext": _PREFIX + asked["plaintext"]}
        else:
            data = {"plaintext": asked["ciphertext"].removeprefix(_PREFIX)}
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@functools.cache
def environment() -> dict[str, str]:
    """Where the one of this process is, as `pulumi` wants to be told; it ends with the process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_address[1]}", "VAULT_SERVER_TOKEN": "any"}
