"""An API server that knows Workflows only: all that were recorded, each ended as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
def serve(recording: Store, failures: Failures, kubeconfig: Path) -> Generator[None]:
    """Serves on a free port of loopback, and writes a kubeconfig whose context is the sandbox's."""

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
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "biojobs-sandbox", "context": {"cluster": "c", "user": "u"}}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    kubeconfig.write_text(yaml.safe_dump({**document, "users": [{"name": "u", "user": {}}]}))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def recorded_workflow(item: dict[str, Any]) -> dict[str, Any] | None:
    """The Workflow in a recorded object, or None for any other kind."""
    body = item.get("inputs", item)
    return body if body.get("kind") == "Workflow" else None
