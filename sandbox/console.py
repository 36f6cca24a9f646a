"""Progress on stderr, and commands whose output goes to a log that is shown when they fail."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.errors import SandboxError

HEARTBEAT_SECONDS = 15.0
_state = {"quiet": False, "cancelled": False}
_running: "set[subprocess.Popen[bytes]]" = set()


def set_quiet(quiet: bool) -> None:
    """Leave out the lines of `say` (heartbeats of long work and errors are still shown)."""
    _state["quiet"] = quiet


def say(text: str) -> None:
    """One line of progress."""
    if not _state["quiet"]:
        show(text)


def show(text: str) -> None:
    """One line that is shown even under --quiet."""
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, indented; a remark when there are none."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 64 * 1024))
            text = stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return "    (there is no log)"
    found = text.splitlines()[-lines:]
    return "\n".join(f"    {line[:400]}" for line in found) or "    (the log is empty)"


@contextmanager
def heartbeat(what: str) -> Generator[None]:
    """Say that `what` starts, and every 15 s that it still runs, with the time it has taken."""
    show(f"{what} ...")
    started, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            show(f"{what}: {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        done.set()
        raise
    done.set()
    show(f"{what}: done in {time.monotonic() - started:.0f} s")


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    remedy: str = "",
) -> None:
    """Run a command with its output appended to `log`; on failure raise with the log's last lines.

    The command gets a process group of its own, which is ended when this process is interrupted:
    a compiler that goes on behind an interrupted `up` would hold the lock of nothing and the CPU of all.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    if _state["cancelled"]:
        raise SandboxError(f"`{' '.join(words[:4])} ...` was not started: interrupted")
    with log.open("ab") as output:
        output.write(f"$ {' '.join(words)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
        _running.add(process)
        try:
            code = process.wait()
        except BaseException:
            end_group(process)
            raise
        finally:
            _running.discard(process)
    if code:
        hint = f"\n  {remedy}" if remedy else ""
        raise SandboxError(f"`{' '.join(words[:4])} ...` failed with code {code}{hint}\n{tail(log)}\n  log: {log}")


def cancel_commands() -> None:
    """End the commands of `run_logged` in all threads, and let none start any more."""
    _state["cancelled"] = True
    for process in list(_running):
        end_group(process)


def end_group(process: "subprocess.Popen[bytes]", grace: float = 5.0) -> None:
    """End a process and its group: in good order first, by force after `grace` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(grace)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def output_of(command: Sequence[str | Path], timeout: float = 60) -> str:
    """The output of a short command; a failure names the command and what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SandboxError(f"`{words[0]}` is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise SandboxError(f"`{' '.join(words)}` did not end within {timeout:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise SandboxError(f"`{' '.join(words)}` failed with code {done.returncode}: {said}")
    return done.stdout


def succeeds(command: Sequence[str | Path], timeout: float = 60) -> bool:
    """Whether a short command exits 0; its output is thrown away."""
    try:
        output_of(command, timeout)
    except SandboxError:
        return False
    return True
