"""Where a stack's step records lie, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from components.accounts import AccountError
from components.storage import bucket_names, given_buckets
from reports.make import Files
from reports.store import StoreError, of_bucket, of_folder
from settings import Settings, SettingsError

_PATIENCE = 5
_MANY = 200
"""Samples whose records take long enough to read for a line about it."""


def record_files(settings: Settings, root: Path, say: Callable[[str], None]) -> Files:
    """Reads the records of a stack's samples; what stubs left where the stack makes stubs. `say` is told of what takes
    long."""
    stub = "/_stub" if settings.profile == "stub" else ""

    def read(samples: Sequence[str]) -> list[tuple[str, bytes]]:
        if len(samples) > _MANY or settings.cloud != "local":
            say(f"reading the records of {len(samples):,} samples")
        if settings.cloud == "local":
            folder = (root / settings.local.workspace).resolve() / f"results{stub}"
            return of_folder(folder, samples, f"s3://results{stub}")
        target = settings.aws if settings.cloud == "aws" else settings.gcp
        scheme = "s3" if settings.cloud == "aws" else "gs"
        return of_bucket(f"{scheme}://{_results_bucket(settings)}{stub}", samples, target.region)

    return read


def _results_bucket(settings: Settings) -> str:
    target = settings.aws if settings.cloud == "aws" else settings.gcp
    given = given_buckets(target.buckets)
    try:
        number = "" if given["results"] else _account(settings)
        return bucket_names(settings.stack, given, number, target.region)["results"]
    except (AccountError, SettingsError) as error:
        raise StoreError(f"the bucket of results is not known: {error}") from None
    except ModuleNotFoundError as error:
        raise StoreError(
            f".venv has no {error.name}, which a stack on {settings.cloud} needs; run `bootstrap/venv.sh --extra "
            f"{settings.cloud}`"
        ) from None


def _account(settings: Settings) -> str:
    """The number of the account that is in the names of buckets."""
    if settings.cloud == "aws":
        from components.aws import account as aws

        return aws.sign_in(settings.aws.region, patience=_PATIENCE).id
    from components.gcp import account as gcp

    return gcp.sign_in(settings.gcp.project, settings.gcp.region, patience=_PATIENCE).number
