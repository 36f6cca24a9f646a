"""A home for Pulumi's state in a cloud: what `python -m components.<cloud>.backend STACK` says of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.accounts import AccountError
from settings import SettingsError


@dataclass(frozen=True)
class Backend:
    """Where states and secrets are kept."""

    bucket: str
    url: str
    """For PULUMI_BACKEND_URL."""
    secrets_provider: str
    """For `--secrets-provider`."""
    done: tuple[str, ...]
    """What had to be made or mended; empty when all was there."""


def command(cloud: str, doc: str | None, make: Callable[[str], Backend], arguments: Sequence[str] | None) -> int:
    """The command of a cloud: makes the backend of a stack and prints how to use it; 1 when that cannot be done."""
    parser = argparse.ArgumentParser(prog=f"python -m components.{cloud}.backend", description=doc)
    parser.add_argument("stack", help=f"name of a stack on {cloud}, for whose account and region the backend is")
    options = parser.parse_args(arguments)
    try:
        backend = make(options.stack)
    except (SettingsError, AccountError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(backend.done or ["everything is there already"]), file=sys.stderr)
    print(f"export PULUMI_BACKEND_URL='{backend.url}'")
    print(f"pulumi stack init {options.stack} --secrets-provider='{backend.secrets_provider}'")
    return 0
