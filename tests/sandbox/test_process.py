"""Which process is ours: pid files, start times, marks."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import process
from sandbox.layout import MARK_COMPONENT, MARK_DATA


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def test_a_written_identity_is_alive_while_its_process_is(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    path = tmp_path / "a.json"
    process.write_identity(path, sleeper.pid, "f")
    identity = process.read_identity(path)
    assert identity and identity.fingerprint == "f"
    assert process.is_alive(identity)
    sleeper.kill()
    sleeper.wait()
    assert not process.is_alive(identity)


def test_a_zombie_is_not_alive(sleeper: "subprocess.Popen[bytes]") -> None:
    sleeper.kill()
    deadline = time.monotonic() + 5
    while process.start_ticks(sleeper.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.start_ticks(sleeper.pid) is None


@pytest.mark.parametrize("changed", [{"start_ticks": 1}, {"boot": "another"}, {"pid": 2**22 + 7}])
def test_a_reused_pid_or_another_boot_is_a_stranger(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]", changed: dict[str, int | str]
) -> None:
    process.write_identity(tmp_path / "a.json", sleeper.pid, "f")
    identity = process.read_identity(tmp_path / "a.json")
    assert identity
    assert not process.is_alive(replace(identity, **changed))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("text", ["", "{", "[]", "12", '{"pid": 1}', "null", "\x00"])
def test_a_torn_pid_file_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert process.read_identity(path) is None
    assert not process.is_alive(process.read_identity(path))


def test_a_process_name_with_brackets_does_not_shift_the_fields(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = " ".join(str(number) for number in range(4, 53))
    (tmp_path / "7" / "stat").write_text(f"7 (a) b) (c) S {fields}\n")
    assert process.start_ticks(7, tmp_path) == 22


def test_a_started_process_is_found_by_its_marks_and_stopped(tmp_path: Path) -> None:
    pid = process.start(
        "thing",
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
        ],
        pid_file=tmp_path / "run" / "thing.json",
        log=tmp_path / "logs" / "thing.log",
        data=tmp_path,
        env={"PATH": os.environ["PATH"]},
        fingerprint="f",
    )
    while "up" not in (tmp_path / "logs" / "thing.log").read_text():
        time.sleep(0.02)
    assert process.marked_processes(tmp_path) == {pid: "thing"}
    assert process.marked_processes(tmp_path, "other") == {}
    assert process.marked_processes(tmp_path / "elsewhere") == {}
    assert os.getsid(pid) == pid
    started = time.monotonic()
    process.stop([pid], grace=0.3)
    assert time.monotonic() - started < 5
    assert process.marked_processes(tmp_path) == {}


def test_marks_are_compared_whole(tmp_path: Path) -> None:
    for pid, data in (("11", "/data"), ("12", "/data2"), ("13", "/data")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(f"{pid} (x) S {' '.join('1' * 49)}")
        name = "etcd" if pid != "13" else "etcd-two"
        (tmp_path / pid / "environ").write_bytes(f"A=1\0{MARK_COMPONENT}={name}\0{MARK_DATA}={data}\0".encode())
    assert process.marked_processes(Path("/data"), "etcd", tmp_path) == {11: "etcd"}
