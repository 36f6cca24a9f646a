"""Taken ports are refused with number and holder."""

import os
import socket
import threading
from pathlib import Path

import pytest

from sandbox import ports
from sandbox.errors import SandboxError

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:13BA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:13BB 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
"""


def test_only_listening_sockets_count() -> None:
    assert ports.listening(TABLE) == {5050: "4711"}


def test_ipv6_addresses_are_read_too() -> None:
    line = "   0: 00000000000000000000000001000000:1F90 " + "0" * 32 + ":0000 0A 0:0 00:0 0 0 0 99 1"
    assert ports.listening("header\n" + line) == {8080: "99"}


def test_a_taken_port_is_named_with_purpose_and_holder() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        number = server.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"port {number} \(registry\) is taken by pid {os.getpid()} \(.*python"):
            ports.require_free({"registry": number, "other": 1})
    ports.require_free({"registry": number})


def test_a_port_of_a_process_that_is_just_going_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    going = threading.Timer(0.3, lambda: (tmp_path / "net" / "tcp").write_text(""))
    going.start()
    ports.require_free({"registry": 5050}, tmp_path)
    going.join()


def test_a_port_that_nobody_seems_to_hold_is_refused_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TABLE)
    with pytest.raises(SandboxError, match="a process that cannot be named"):
        ports.require_free({"registry": 5050}, tmp_path, seconds=0.1)
