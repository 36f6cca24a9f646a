"""`python -m cli`, as `./biojobs` calls it."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command and ends the process."""
    try:
        from cli.app import app
        from cli.errors import leave
    except ModuleNotFoundError as error:
        sys.exit(f"error: .venv has no {error.name}: it is older than this version; run bootstrap/venv.sh")
    try:
        app(prog_name="biojobs")
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else 1)


if __name__ == "__main__":
    main()
