"""Run one Pulumi program, as the official language host's own runner does. Started by `offline.language`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# The exit code that says: the user has been told, add nothing.
ALREADY_TOLD = 32


def main() -> int:
    """Run the program that BIOJOBS_OFFLINE_RUN describes; returns the process's exit code."""
    # The engine ends the language host, and that ends this process: a Ctrl-C must not print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = json.loads(os.environ.pop("BIOJOBS_OFFLINE_RUN"))
    import pulumi
    from pulumi import runtime

    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    _configure(run)
    program = _entry(Path(run["directory"]), run["entry_point"])
    os.chdir(run["directory"])
    sys.argv = [str(program)]
    # Unfinished tasks of a failed program are expected, and the error itself has been told.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(run["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    try:
        if not program.exists():
            raise pulumi.RunError(f"no Python program at {program}")
        loop.run_until_complete(runtime.run_in_stack(lambda: _run(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ALREADY_TOLD
    except Exception as error:  # noqa: BLE001 - whatever the program raises is for its user to see
        pulumi.log.error("Program failed with an unhandled exception:\n" + _traceback(error, program))
        return ALREADY_TOLD
    finally:
        executor.shutdown(wait=True)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
    return 0


def _run(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def _configure(run: dict[str, Any]) -> None:
    from pulumi import runtime

    runtime.configure(
        runtime.Settings(
            monitor=run["monitor"],
            engine=run["engine"],
            project=run["project"],
            stack=run["stack"],
            parallel=run["parallel"],
            dry_run=run["dry_run"],
            organization=run["organization"],
            root_directory=run["root_directory"] or None,
        )
    )


def _entry(directory: Path, entry_point: str) -> Path:
    path = directory / entry_point
    return path / "__main__.py" if path.is_dir() else path


def _traceback(error: BaseException, program: Path) -> str:
    """The user's own frames: what comes before the program's first line is not theirs."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = next((index for index, frame in enumerate(frames) if Path(frame.filename) == program), None)
    if mine is None:  # raised in a task of the SDK's
        mine = next((index for index, frame in enumerate(frames) if "asyncio" not in frame.filename and index), 0)
    return "".join(traceback.format_exception(error, limit=mine - len(frames)))


if __name__ == "__main__":
    sys.exit(main())
