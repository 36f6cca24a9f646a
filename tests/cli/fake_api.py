"""An API server that knows WorkflowTemplates, Workflows and pods: each Workflow goes through the states of a test."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

CONTEXT = "own"
_API = "/apis/argoproj.io/v1alpha1/namespaces/biojobs"
_PODS = "/api/v1/namespaces/biojobs/pods"
Answer = tuple[int, Any]


def template(name: str, parameters: Sequence[str], out: str = "s3://results") -> dict[str, Any]:
    """A WorkflowTemplate as Pulumi installs it, as far as the command looks at it."""
    args = ["--out", f"{out}/_jobs/{{{{workflow.name}}}}/", "--sample", "{{workflow.parameters.sample}}"]
    return {
        "metadata": {"name": name},
        "spec": {
            "arguments": {"parameters": [{"name": parameter} for parameter in ("sample", *parameters)]},
            "templates": [{"name": name, "container": {"args": args}}],
        },
    }


def state(phase: str, step: str = "fastqc", said: str = "", node: str = "Running") -> dict[str, Any]:
    """A status of a Workflow with one pod."""
    pod = {"id": "node-1", "name": f"x.{step}", "type": "Pod", "templateName": step, "phase": node}
    pod["startedAt"] = "2026-01-01T00:00:00Z"
    return {"phase": phase, "nodes": {"node-1": {**pod, "message": said} if said else pod}}


DONE = (state("Running"), state("Succeeded", node="Succeeded"))


@dataclass
class FakeApi:
    """What the server has and what it was asked. `states`: of every Workflow, one a look."""

    address: str = ""
    templates: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    states: Sequence[dict[str, Any]] = DONE
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    log: str = ""
    refusals: list[Answer] = field(default_factory=list[Answer])
    """Answers that are given before any other, each once."""
    away: range = range(0)
    """Looks at a Workflow that fail."""
    answers: threading.Event = field(default_factory=threading.Event)
    """While it is not set, a look at a Workflow gets no answer."""
    deleted: bool = False
    submitted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    looks: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    def answer(self, method: str, path: str, body: Any) -> Answer:
        if self.refusals:
            return self.refusals.pop(0)
        if method == "POST":
            return self._submit(body)
        if found := re.fullmatch(rf"{_API}/workflowtemplates/(.+)", path):
            return _found(self.templates.get(found[1]))
        if found := re.fullmatch(rf"{_API}/workflows/(.+)", path):
            return self._workflow(found[1])
        if path == _PODS:
            annotations = {"workflows.argoproj.io/node-id": "node-1"}
            return 200, {"items": [{"metadata": {"name": "pod-1", "annotations": annotations}}]}
        if path == f"{_PODS}/pod-1/log":
            return 200, self.log
        return _found(None)

    def _submit(self, body: Any) -> Answer:
        self.submitted.append(body)
        name = f"{body['metadata']['generateName']}x7k2p"
        self.workflows[name] = {**body, "metadata": {**body["metadata"], "name": name}}
        return 201, self.workflows[name]

    def _workflow(self, name: str) -> Answer:
        if self.deleted or name not in self.workflows:
            return _found(None)
        look, self.looks = self.looks, self.looks + 1
        self.answers.wait(20)
        if look in self.away:
            return 503, {"kind": "Status", "message": "etcd is away"}
        status = self.states[min(look, len(self.states) - 1)]
        return 200, {**self.workflows[name], "status": status}


def _found(item: dict[str, Any] | None) -> Answer:
    return (200, item) if item is not None else (404, {"kind": "Status", "message": "not found"})


@contextmanager
def serve(kubeconfig: Path) -> Generator[FakeApi]:
    """Serves on a free port of loopback, and writes the kubeconfig that leads there."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = api.answer(self.command, self.path.partition("?")[0], body)
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            kind = "text/plain" if isinstance(content, str) else "application/json"
            with suppress(ConnectionError):  # a command that was stopped does not listen
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815  (names that http.server gives)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    api.address = f"127.0.0.1:{server.server_address[1]}"
    write_kubeconfig(kubeconfig, api.address)
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def write_kubeconfig(file: Path, address: str, context: str = CONTEXT) -> None:
    """A kubeconfig of one context."""
    named: dict[str, Any] = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://{address}"}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": context, **named}))
