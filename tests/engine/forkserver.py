"""A Python that has imported the program's and the plugins' packages before, and becomes a new process with them in no
time.

Most of an `up` in a test would be spent on importing SDKs, by the program and by each plugin. `python -m
tests.engine.forkserver SOCKET` imports them once; a virtual environment made by `virtualenv` has a `python` that asks
it for a fork with its own words (`-m MODULE ...`), environment, folder and output. Everything of the program itself is
imported afresh each time.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kubernetes.config import kube_config

from tests.program import ROOT

MODULES = (
    *("grpc", "pulumi", "pulumi.runtime", "pulumi_docker", "pulumi_docker_build", "pydantic", "yaml"),
    *(f"pulumi_aws.{name}" for name in ("autoscaling", "budgets", "cloudwatch", "ec2", "ecr", "eks", "iam", "kms")),
    *(f"pulumi_aws.{name}" for name in ("s3", "scheduler", "sns", "vpc")),
    *(f"pulumi_gcp.{name}" for name in ("artifactregistry", "billing", "compute", "container", "kms", "logging")),
    *(f"pulumi_gcp.{name}" for name in ("monitoring", "organizations", "projects", "serviceaccount", "storage")),
    *(
        f"pulumi_kubernetes.{name}"
        for name in ("apiextensions", "core.v1", "helm.v3", "networking.v1", "rbac.v1", "storage.v1")
    ),
    *("boto3", "google.auth", "hera.workflows"),
    # Packages of lazy loading, of which the program takes these; the first is the half of an `up` that awaits its runs.
    *("kubernetes.client.api.core_v1_api", "kubernetes.client.api.custom_objects_api"),
    *("pulumi.runtime.proto.language_pb2_grpc", "offline.serve", "offline.recording.kubernetes"),
    *("offline.recording.providers", "offline.recording.aws.provider", "offline.recording.gcp.provider"),
)
# It ends with what it stands for, and what it stands for ends with it.
_CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
server = socket.socket(socket.AF_UNIX)
server.connect({socket!r})
socket.send_fds(server, [b"."], [1, 2])
words = sys.argv[sys.argv.index("-m") + 1:]
request = json.dumps({{"environment": dict(os.environ), "folder": os.getcwd(), "words": words}}).encode()
server.sendall(len(request).to_bytes(8, "big") + request)
code = server.recv(1)
sys.exit(code[0] if code else 1)
"""


@contextmanager
def virtualenv(folder: Path) -> Generator[Path]:
    """A folder like a virtual environment, whose `bin/python` runs modules of the program and of `offline` at once."""
    python, place = folder / "bin" / "python", folder / "socket"
    python.parent.mkdir(parents=True)
    python.write_text(_CLIENT.format(python=sys.executable, socket=str(place)))
    python.chmod(0o755)
    words = [sys.executable, "-m", "tests.engine.forkserver", str(place)]
    # The server ends with its standard input, however we end.
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin and server.stdout
        server.stdout.readline()
        try:
            yield folder
        finally:
            server.stdin.close()


def serve(place: str) -> None:
    """A process for each connection, until standard input ends."""
    for name in MODULES:
        # Modules of the clouds' SDKs are loaded when they are first looked into.
        hasattr(importlib.import_module(name), "anything")
    gc.collect()
    gc.freeze()  # so that no fork looks through all that again
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _become(connection)
        connection.close()


def _become(connection: socket.socket) -> None:
    """Runs what the connection's other end asks for; ends with it, and when it goes away."""
    _, outputs, _, _ = socket.recv_fds(connection, 1, 2)
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
        os.close(output)
    size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    request = json.loads(connection.recv(size, socket.MSG_WAITALL))
    os.environ.clear()
    os.environ.update(request["environment"])
    # The one package that has looked at the environment when it was imported.
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = os.environ.get("KUBECONFIG", kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
    os.chdir(request["folder"])
    module, *arguments = request["words"]
    sys.path[0] = request["folder"]
    sys.argv = [module, *arguments]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(bytes([code]))
        os._exit(code)


def _end_with(connection: socket.socket) -> None:
    """A plugin takes leave, the program just ends."""
    if not connection.recv(1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve(sys.argv[1])
