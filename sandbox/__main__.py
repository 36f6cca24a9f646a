"""`python -m sandbox up|down|status|chaos`."""

import argparse
import signal
import sys
from types import FrameType

from sandbox import chaosplan
from sandbox.console import set_quiet, show
from sandbox.errors import SandboxError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says (`status`: when all is well)."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "chaos"):
        command = commands.add_parser(name)
        command.add_argument("--quiet", action="store_true", help="only long work and errors")
        if name == "chaos":
            chaosplan.add_options(command)
    options = parser.parse_args(arguments)
    set_quiet(options.quiet)
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGHUP, _interrupt)
        return _run(options)
    except SandboxError as error:
        show(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        show(f"interrupted; `{options.command}` can be run again and goes on from here")
        return 130


def _run(options: argparse.Namespace) -> int:
    # Imported here: loading takes long enough for a Ctrl-C to fall into it.
    from sandbox import layout, status
    from sandbox.chaos import chaos
    from sandbox.down import down
    from sandbox.up import up

    places = layout.from_environment()
    if options.command == "status":
        found = status.rows(places)
        print(status.table(found))
        return 1 if any(row.problem for row in found) else 0
    if options.command == "chaos":
        return chaos(places, chaosplan.plan_of(options))
    (up if options.command == "up" else down)(places)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A polite signal ends the work as Ctrl-C does, so that no compiler goes on behind it."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
