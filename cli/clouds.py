"""The object stores of the clouds, asked with the credentials at hand. Only the stack's own SDK is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cli.access import sign_in
from cli.errors import CommandError
from cli.files import CloudFiles, missing
from components.accounts import AccountError
from components.contracts import Locate
from components.locate import Locator
from components.storage import ROLES, Role, bucket_names, given_buckets
from settings import Settings, SettingsError
from workflows.types import StoreUris

_SOME_BUCKET = "YOUR-READS-BUCKET"
_PATIENCE = 5
Account = Callable[[], str]
"""The number of the account or project; empty without credentials."""


def cloud_files(settings: Settings) -> CloudFiles:
    """Where steps of a stack in a cloud read."""
    located, account = _locator(settings)
    return _files(located, lambda: _reads_bucket(settings, account))


def cloud_sheet(settings: Settings, root: Path) -> tuple[Locate, StoreUris]:
    """How the locations of a stack's sheet become what steps read, and where its store is.

    Raises `CommandError` where the account is not known that is part of the buckets' names.
    """
    try:
        located, account = _locator(settings)
        names = _buckets(settings, account)
    except ModuleNotFoundError as error:
        raise missing(error, settings) from None
    except (AccountError, SettingsError) as error:
        raise CommandError(f"stack {settings.stack}: {error}") from None
    if not names:
        raise CommandError(
            f"stack {settings.stack}: its buckets are not known without credentials; {sign_in(settings)}"
        )
    found = replace(located, bucket=names["reads"], beside=((root / settings.sheet).parent, root))
    return found.locate, StoreUris(*(f"{located.scheme.scheme}://{names[role]}" for role in ROLES))


def _locator(settings: Settings) -> tuple[Locator, Account]:
    return _aws(settings) if settings.cloud == "aws" else _gcp(settings)


def _aws(settings: Settings) -> tuple[Locator, Account]:
    from components.aws.account import has_credentials, sign_in
    from components.aws.locate import s3_head
    from components.aws.storage import S3

    region = settings.aws.region

    def account() -> str:
        return sign_in(region, patience=_PATIENCE).id if has_credentials() else ""

    head = s3_head(region, settings.archives.requester_pays)
    return Locator("AWS", S3, _SOME_BUCKET, (), head, settings.archives, region), account


def _gcp(settings: Settings) -> tuple[Locator, Account]:
    from components.gcp.account import has_credentials, sign_in
    from components.gcp.locate import gcs_head
    from components.gcp.storage import GS

    target = settings.gcp

    def account() -> str:
        return sign_in(target.project, target.region, patience=_PATIENCE).number if has_credentials() else ""

    head = gcs_head(target.project, target.region)
    return Locator("Google Cloud", GS, _SOME_BUCKET, (), head, settings.archives), account


def _files(located: Locator, bucket: Callable[[], str]) -> CloudFiles:
    scheme = located.scheme
    return CloudFiles(located.cloud, located.locate, scheme.copy, lambda: scheme.uri(bucket()))


def _reads_bucket(settings: Settings, account: Account) -> str:
    """The bucket of reads, or what stands for it where nobody can be asked for the account that is in its name."""
    try:
        return _buckets(settings, account, ("reads",)).get("reads", _SOME_BUCKET)
    except (AccountError, SettingsError):
        return _SOME_BUCKET


def _buckets(settings: Settings, account: Account, roles: Sequence[Role] = ROLES) -> Mapping[Role, str]:
    """The buckets by their roles; none where nobody can be asked for the account that is in the names of `roles`."""
    target = settings.aws if settings.cloud == "aws" else settings.gcp
    given = given_buckets(target.buckets)
    all_given = all(given[role] for role in roles)
    number = "" if all_given else account()
    return bucket_names(settings.stack, given, number, target.region) if all_given or number else {}
