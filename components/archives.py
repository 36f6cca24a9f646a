"""Buckets of others: what steps need to know of them, and what is in them, asked as everybody may ask."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import Final

from settings_pipeline import Archives
from workflows.types import Source

PLAN: Final = "BIOJOBS_PLAN"
"""Environment variable of a plan without an account: nothing is looked up, and identities stay unknown."""
SCHEMES: Final = ("s3", "gs")

_SECONDS = 20
_TRIES = 3
_REGION = "x-amz-bucket-region"


def environment(archives: Archives) -> Mapping[str, str]:
    """What images/common/remotes.sh reads, as environment of every step."""
    every = {
        "BIOJOBS_PUBLIC_BUCKETS": " ".join(archives.public),
        "BIOJOBS_REQUESTER_PAYS_BUCKETS": " ".join(archives.requester_pays),
        "BIOJOBS_PUBLIC_S3_ENDPOINT": archives.s3_endpoint,
        "BIOJOBS_PUBLIC_GS_ENDPOINT": archives.gs_endpoint,
    }
    return {name: value for name, value in every.items() if value}


def public_source(uri: str, archives: Archives) -> tuple[Source, str]:
    """An object of a bucket that everybody may read, and the bucket's region where the store tells it.

    Raises LookupError with the reason and a remedy.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        raise LookupError(f"{uri}: names no object; write {scheme}://bucket/key")
    return _look(uri, address(scheme, bucket, key, archives))


def web_source(uri: str) -> Source:
    """A file of a web server, known by its size and its ETag or time of change. Raises LookupError with a remedy."""
    return _look(uri, uri)[0]


def address(scheme: str, bucket: str, key: str, archives: Archives | None = None) -> str:
    """Where an object is to be had by everybody, if its owner lets everybody read it."""
    path = urllib.parse.quote(key)
    endpoint = "" if archives is None else archives.s3_endpoint if scheme == "s3" else archives.gs_endpoint
    if endpoint:
        return f"{endpoint}/{bucket}/{path}"
    if scheme == "gs":
        return f"https://storage.googleapis.com/{bucket}/{path}"
    # A name with dots fits no certificate
    return f"https://s3.amazonaws.com/{bucket}/{path}" if "." in bucket else f"https://{bucket}.s3.amazonaws.com/{path}"


def remedy(scheme: str, rest: str, archives: Archives, copy: str) -> str:
    """What to do with an object that steps here cannot read; `copy` says where it may be copied to."""
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES or not key:
        return copy
    if bucket in archives.requester_pays:
        return f"only steps on AWS pay for what they read (biojobs:archives.requesterPays); {copy}"
    public = address(scheme, bucket, key)
    return f"if everybody may read it, name {bucket} in biojobs:archives.public or write {public}, else {copy}"


def _look(uri: str, where: str) -> tuple[Source, str]:
    if os.environ.get(PLAN):
        return Source(uri), ""
    headers = _headers(uri, where)
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        raise LookupError(
            f"{uri}: the server does not tell its length, so nothing would show that it arrived cut; copy it into the "
            "store and name that"
        )
    mark = headers.get("ETag") or headers.get("Last-Modified") or ""
    return Source(uri, f"{length}-{mark.strip(chr(34))}", int(length)), headers.get(_REGION, "")


def _headers(uri: str, where: str) -> Message:
    """Of a HEAD request; a server that is busy is asked again."""
    # Packed on its way it would have another length
    request = urllib.request.Request(where, method="HEAD", headers={"Accept-Encoding": "identity"})
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return answer.headers
        except urllib.error.HTTPError as error:
            if left and (error.code == 429 or error.code >= 500):
                time.sleep(_TRIES - left)
                continue
            raise LookupError(f"{uri}: {_said(uri, error)}") from None
        except (OSError, ValueError) as error:
            raise LookupError(f"{uri}: cannot be reached ({error}); check the address and the network") from None
    raise AssertionError("unreachable")


def _said(uri: str, error: urllib.error.HTTPError) -> str:
    if uri.startswith("https://"):
        return f"the server answers {error.code} {error.reason}; check the address"
    if error.code in (401, 403):
        # Who may not list a bucket is not told either that an object is not there.
        return (
            "not everybody may read it, or it is not there; check the name, and take the bucket out of "
            "biojobs:archives.public if it is not public"
        )
    if error.code == 404:
        return "there is no such object; check bucket and key"
    return f"the store answers {error.code} {error.reason}; try again later"
