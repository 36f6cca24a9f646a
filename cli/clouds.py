"""The object stores of the clouds, asked with the credentials at hand. Only the stack's own SDK is imported."""

from __future__ import annotations

from collections.abc import Callable

from cli.files import CloudFiles
from components.accounts import AccountError
from components.locate import Locator
from components.storage import bucket_names, given_buckets
from settings import Settings, SettingsError

_SOME_BUCKET = "YOUR-READS-BUCKET"
_PATIENCE = 5


def cloud_files(settings: Settings) -> CloudFiles:
    """Where steps of a stack in a cloud read."""
    return _aws(settings) if settings.cloud == "aws" else _gcp(settings)


def _aws(settings: Settings) -> CloudFiles:
    from components.aws.account import has_credentials, sign_in
    from components.aws.locate import s3_head
    from components.aws.storage import S3

    region = settings.aws.region

    def account() -> str:
        return sign_in(region, patience=_PATIENCE).id if has_credentials() else ""

    head = s3_head(region, settings.archives.requester_pays)
    located = Locator("AWS", S3, _SOME_BUCKET, (), head, settings.archives, region)
    return _files(located, lambda: _reads_bucket(settings, account))


def _gcp(settings: Settings) -> CloudFiles:
    from components.gcp.account import has_credentials, sign_in
    from components.gcp.locate import gcs_head
    from components.gcp.storage import GS

    target = settings.gcp

    def account() -> str:
        return sign_in(target.project, target.region, patience=_PATIENCE).number if has_credentials() else ""

    head = gcs_head(target.project, target.region)
    located = Locator("Google Cloud", GS, _SOME_BUCKET, (), head, settings.archives)
    return _files(located, lambda: _reads_bucket(settings, account))


def _files(located: Locator, bucket: Callable[[], str]) -> CloudFiles:
    scheme = located.scheme
    return CloudFiles(located.cloud, located.locate, scheme.copy, lambda: scheme.uri(bucket()))


def _reads_bucket(settings: Settings, account: Callable[[], str]) -> str:
    """The bucket of reads, or what stands for it where nobody can be asked for the account that is in its name."""
    target = settings.aws if settings.cloud == "aws" else settings.gcp
    given = given_buckets(target.buckets)
    try:
        number = "" if given["reads"] else account()
        known = given["reads"] or number
        return bucket_names(settings.stack, given, number, target.region)["reads"] if known else _SOME_BUCKET
    except (AccountError, SettingsError):
        return _SOME_BUCKET
