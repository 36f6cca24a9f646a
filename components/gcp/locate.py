"""Finds reads and references in Cloud Storage."""

from __future__ import annotations

import base64
import os
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Final

from components.accounts import AccountError, DeniedError
from components.gcp.account import DisabledError, MissingError, asker
from components.gcp.storage import far_place
from components.locate import PLAN, Found, Head

_API: Final = "https://storage.googleapis.com/storage/v1/b"

Ask = Callable[[str], Mapping[str, Any]]
"""The answer of an address of the Cloud Storage API; raises AccountError."""


def gcs_head(project: str, region: str, ask: Ask | None = None) -> Head:
    """An object's metadata with the credentials of the environment, for a stack in `region`; nothing is asked in a
    plan."""
    if os.environ.get(PLAN):
        return lambda bucket, key: Found("")
    asked = ask or asker(project, region)
    places: dict[str, str] = {}

    def place(bucket: str) -> str:
        if bucket not in places:
            places[bucket] = _place(asked, bucket, region)
        return places[bucket]

    def head(bucket: str, key: str) -> Found:
        name = urllib.parse.quote(key, safe="")
        try:
            known = asked(f"{_API}/{bucket}/o/{name}?fields=size,md5Hash,crc32c,generation")
            return Found(identity(known), place(bucket), int(known.get("size", 0)))
        except AccountError as error:
            raise LookupError(f"gs://{bucket}/{key}: {_reason(error)}") from None

    return head


def identity(known: Mapping[str, str]) -> str:
    """Size and MD5 of an object's content; of one that was composed of parts, which has no MD5, the generation too."""
    if "md5Hash" in known:
        return f"{known.get('size', '')}-{base64.b64decode(known['md5Hash']).hex()}"
    checksum = base64.b64decode(known.get("crc32c", "")).hex()
    return f"{known.get('size', '')}-{checksum}-{known.get('generation', '')}"


def _place(ask: Ask, bucket: str, region: str) -> str:
    try:
        known = ask(f"{_API}/{bucket}?fields=location,customPlacementConfig")
    except (DeniedError, MissingError):
        # Who may read objects need not know where they lie: then nothing is said of it.
        return ""
    return far_place(known["location"], known.get("customPlacementConfig", {}).get("dataLocations", ()), region)


def _reason(error: AccountError) -> str:
    if "requester pays" in str(error).lower():
        return "the bucket makes whoever reads pay, which steps cannot; copy the file to a bucket of your own"
    if isinstance(error, MissingError):
        return "there is no such object; check bucket and name with `gcloud storage ls`"
    if isinstance(error, DeniedError) and not isinstance(error, DisabledError):
        return (
            "access is denied, or there is no such object; check the name and that your credentials may read the bucket"
        )
    return str(error)
