"""A Python that has imported the program's packages before, and becomes a new process with them in no time.

Half of an `up` in a test is spent on importing SDKs. `python -m tests.engine.forkserver SOCKET` imports them once; a
virtual environment made by `virtualenv` has a `python` that asks it for a fork with its own environment, folder and
output. Everything of the program itself is imported afresh each time.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.program import ROOT

MODULES = (
    *("grpc", "pulumi", "pulumi.runtime", "pulumi_docker", "pulumi_docker_build", "pydantic", "yaml"),
    *(f"pulumi_aws.{name}" for name in ("autoscaling", "budgets", "cloudwatch", "ec2", "ecr", "eks", "iam", "kms")),
    *(f"pulumi_aws.{name}" for name in ("s3", "scheduler", "sns", "vpc")),
    *(f"pulumi_kubernetes.{name}" for name in ("apiextensions", "core.v1", "helm.v3", "networking.v1", "rbac.v1")),
    *("boto3", "kubernetes", "hera.workflows", "offline.program"),
)
_CLIENT = """#!{python} -SE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({socket!r})
socket.send_fds(server, [b"."], [1, 2])
request = json.dumps({{"environment": dict(os.environ), "folder": os.getcwd()}}).encode()
server.sendall(len(request).to_bytes(8, "big") + request)
code = server.recv(1)
sys.exit(code[0] if code else 1)
"""


@contextmanager
def virtualenv(folder: Path) -> Generator[Path]:
    """A folder like a virtual environment, whose `bin/python` runs `offline.program` at once."""
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
        importlib.import_module(name)
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
    """Runs the program of the connection's other end; ends with it, and when it goes away."""
    _, outputs, _, _ = socket.recv_fds(connection, 1, 2)
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
    size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    request = json.loads(connection.recv(size, socket.MSG_WAITALL))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=lambda: connection.recv(1) or os._exit(1), daemon=True).start()
    from offline.program import main

    code = 1
    try:
        code = main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code]))
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
