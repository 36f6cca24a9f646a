"""Start a plugin: a gRPC server on a free port of localhost, ended quietly by the engine's interrupt."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

# A wait for a resource holds a thread, and Cancel must still find a free one.
THREADS = 512
PARENT_SECONDS = 1.0  # how often we look whether the engine is still there
MESSAGE_BYTES = 400 * 1024 * 1024  # what the engine allows


def serve(register: Callable[[grpc.Server], object], at_end: Callable[[], None] | None = None) -> None:
    """Run the server made by `register` until the engine interrupts it or is there no more; then do `at_end`."""
    ended = threading.Event()

    def end(number: int, frame: object) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    options = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS), options=options)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # the engine reads the port from the first line
    engine = os.getppid()
    while not ended.wait(PARENT_SECONDS):
        if os.getppid() != engine:  # killed: nobody will ever end us
            break
    if at_end:
        at_end()
    server.stop(grace=None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads that still wait for a resource must not keep the process, nor say anything
