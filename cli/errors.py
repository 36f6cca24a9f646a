"""What the command says when it cannot go on: every message names the remedy, and none is a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

import typer

USAGE: Final = 2
"""Exit status for options that cannot be used: nothing was started."""
STOPPED: Final = 130
"""Exit status after Ctrl-C."""
DEBUG: Final = "BIOJOBS_DEBUG"
"""Environment variable that lets faults of the command itself show where they are."""


class CommandError(Exception):
    """The command ends here; the message says why and what to do. `status` is its exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def refuse(problems: Sequence[str]) -> None:
    """Raises `CommandError` with all problems, if there is one."""
    if not problems:
        return
    if len(problems) == 1:
        raise CommandError(problems[0], USAGE)
    lines = "\n  ".join(problems)
    raise CommandError(f"nothing was started, because of {len(problems)} problems:\n  {lines}", USAGE)


def say(message: str) -> None:
    """A line for people. Standard output is for what a script reads: a job's name, or where its results are."""
    typer.echo(message, err=True)


@contextmanager
def told() -> Generator[None]:
    """Ends the command with a message in place of a traceback."""
    try:
        yield
    except CommandError as error:
        say(f"error: {error}")
        raise typer.Exit(error.status) from None
    except KeyboardInterrupt:
        say("stopped; nothing was started")
        raise typer.Exit(STOPPED) from None
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        say(f"error: {type(error).__name__}: {first_line(error)} (a fault of biojobs itself: {DEBUG}=1 shows where)")
        raise typer.Exit(1) from None


def first_line(error: BaseException | str) -> str:
    """The beginning of what an error says; libraries and commands add lines that help nobody."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no word")


def leave(status: int) -> None:
    """Ends the process. After Ctrl-C at once: a request that nobody answers must not hold it back."""
    sys.stdout.flush()
    sys.stderr.flush()
    if status == STOPPED:
        os._exit(status)
    sys.exit(status)
