"""`python -m components.gcp.backend STACK`: a home for Pulumi's state in Google Cloud, made once, safe to make again.

A bucket (versioned, private, soft-deleting) for the states of all stacks of a project and region, and a KMS key for
their secrets. docs/state.md tells how they are used.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from components import backends
from components.accounts import AccountError, DeniedError
from components.backends import Backend
from components.checks import ROOT
from components.gcp.account import Account, MissingError, TakenError, sign_in
from components.gcp.check import read_settings

NAME: Final = "biojobs-state"
"""Of the key ring and of the key in it. Google never lets go of such names, so they are found again, not made anew."""
OLD_VERSIONS_DAYS: Final = 90
"""How long a state that was written over can be brought back."""
ROTATION_DAYS: Final = 90
LABELS: Final = {"project": "biojobs", "managed-by": "make-backend"}
"""No stack's: `make audit` of a stack leaves the backend alone."""
_APIS: Final = ("cloudkms.googleapis.com", "storage.googleapis.com")
_SERVICES: Final = "https://serviceusage.googleapis.com/v1"
_KMS: Final = "https://cloudkms.googleapis.com/v1"
_STORAGE: Final = "https://storage.googleapis.com/storage/v1"
_TRIES: Final = 60
_SECONDS: Final = 2.0
_SOFT_DELETE_SECONDS: Final = "604800"


def bucket_name(account: Account) -> str:
    """The bucket's name, which is one of the whole world."""
    return f"{NAME}-{account.number}-{account.region}"


def make(account: Account) -> Backend:
    """Makes what is missing and mends what differs. Raises AccountError when Google refuses or the name is taken."""
    bucket = bucket_name(account)
    ring = f"projects/{account.project}/locations/{account.region}/keyRings/{NAME}"
    done = (*_apis_on(account), *_own_key(account, ring), *_own_bucket(account, bucket))
    return Backend(
        bucket=bucket, url=f"gs://{bucket}", secrets_provider=f"gcpkms://{ring}/cryptoKeys/{NAME}", done=done
    )


def _apis_on(account: Account) -> Iterator[str]:
    """Turns on what the backend itself needs, in a project that has nothing yet."""
    for api in _APIS:
        where = f"{_SERVICES}/projects/{account.number}/services/{api}"
        if account.ask(where).get("state") != "ENABLED":
            _finished(account, account.ask(f"{where}:enable", method="POST", body={}))
            yield f"turned on {api}"


def _finished(account: Account, operation: Mapping[str, Any]) -> None:
    """Waits for an operation of Service Usage. Raises AccountError when it fails or does not end."""
    for _ in range(_TRIES):
        if operation.get("done"):
            if error := operation.get("error"):
                raise AccountError(f"turning on an API: {error.get('message', error)}")
            return
        time.sleep(_SECONDS)
        operation = account.ask(f"{_SERVICES}/{operation['name']}")
    raise AccountError("turning on an API takes longer than two minutes; try again later")


def _own_key(account: Account, ring: str) -> Iterator[str]:
    parent, key = ring.rpartition("/keyRings/")[0], f"{ring}/cryptoKeys/{NAME}"
    if not _there(account, f"{_KMS}/{ring}"):
        _made(account, f"{_KMS}/{parent}/keyRings", {}, keyRingId=NAME)
        yield f"made the key ring {NAME} in {account.region}"
    try:
        found = account.ask(f"{_KMS}/{key}")
    except MissingError:
        _made(account, f"{_KMS}/{ring}/cryptoKeys", _new_key(), cryptoKeyId=NAME)
        yield f"made the key {NAME}, rotated every {ROTATION_DAYS} days"
        return
    yield from _usable(account, key, found)


def _new_key() -> dict[str, Any]:
    return {"purpose": "ENCRYPT_DECRYPT", "labels": LABELS, **_rotation()}


def _rotation() -> dict[str, str]:
    first = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=ROTATION_DAYS)
    return {
        "rotationPeriod": f"{ROTATION_DAYS * 86_400}s",
        "nextRotationTime": first.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _usable(account: Account, key: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Refuses a key whose secrets nobody can read, and mends its rotation."""
    primary = found.get("primary", {})
    state, version = primary.get("state", "DESTROYED"), str(primary.get("name", f"{key}/cryptoKeyVersions/1"))
    number = version.rpartition("/")[2]
    which = f"{number} --key {NAME} --keyring {NAME} --location {account.region} --project {account.project}"
    if state == "DESTROY_SCHEDULED":
        raise AccountError(
            f"{key}: is about to be destroyed, and all secrets of all stacks with it; stop that with `gcloud kms keys "
            f"versions restore {which}`, then `gcloud kms keys versions enable {which}`"
        )
    if state == "DISABLED":
        raise AccountError(
            f"{key}: is disabled, and no stack's secrets can be read; `gcloud kms keys versions enable {which}`"
        )
    if state != "ENABLED":
        # Destroyed for good: what was encrypted is lost, and a new version serves new stacks.
        made = account.ask(f"{_KMS}/{key}/cryptoKeyVersions", method="POST", body={})
        version = str(made["name"]).rpartition("/")[2]
        account.ask(f"{_KMS}/{key}:updatePrimaryVersion", method="POST", body={"cryptoKeyVersionId": version})
        yield f"made version {version} of the key, whose earlier ones are destroyed"
    if not found.get("rotationPeriod"):
        fields = "rotationPeriod,nextRotationTime"
        account.ask(f"{_KMS}/{key}", method="PATCH", body=_rotation(), updateMask=fields)
        yield f"turned its rotation on, every {ROTATION_DAYS} days"


def _there(account: Account, url: str) -> bool:
    try:
        account.ask(url)
    except MissingError:
        return False
    return True


def _made(account: Account, url: str, body: Mapping[str, Any], **query: str) -> None:
    """Makes something; that somebody else did so meanwhile is as good."""
    try:
        account.ask(url, method="POST", body=body, **query)
    except TakenError:
        return


def bucket_settings(region: str) -> dict[str, Any]:
    """What the bucket is to be told, as Cloud Storage has it."""
    old: dict[str, Any] = {
        "action": {"type": "Delete"},
        "condition": {"daysSinceNoncurrentTime": OLD_VERSIONS_DAYS, "isLive": False},
    }
    parts: dict[str, Any] = {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}}
    return {
        "location": region,
        "storageClass": "STANDARD",
        "labels": LABELS,
        "versioning": {"enabled": True},
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": True},
            "publicAccessPrevention": "enforced",
        },
        "softDeletePolicy": {"retentionDurationSeconds": _SOFT_DELETE_SECONDS},
        "lifecycle": {"rule": [old, parts]},
    }


def _own_bucket(account: Account, bucket: str) -> Iterator[str]:
    """The bucket, in this project and region: a name that somebody else has is refused."""
    url, wanted = f"{_STORAGE}/b/{bucket}", bucket_settings(account.region)
    try:
        found = account.ask(url)
    except MissingError:
        try:
            account.ask(f"{_STORAGE}/b", method="POST", body={"name": bucket, **wanted}, project=account.project)
        except TakenError:
            raise AccountError(_foreign(account, bucket)) from None
        yield f"made gs://{bucket}"
        return
    except DeniedError:
        raise AccountError(_foreign(account, bucket)) from None
    if str(found.get("projectNumber", account.number)) != account.number:
        raise AccountError(_foreign(account, bucket))
    if str(found.get("location", "")).lower() != account.region:
        place = str(found["location"]).lower()
        raise AccountError(f"gs://{bucket}: is in {place}; delete it there, or make the backend in {place}")
    changes = mending(found, wanted)
    if changes:
        account.ask(url, method="PATCH", body={key: wanted[key] for key in changes})
    yield from changes.values()


def mending(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """What of the bucket has to be told anew, and in words. What was made stricter by hand stays."""
    access = found.get("iamConfiguration", {})
    private = access.get("publicAccessPrevention") == "enforced"
    uniform = access.get("uniformBucketLevelAccess", {}).get("enabled")
    kept = int(found.get("softDeletePolicy", {}).get("retentionDurationSeconds", 0))
    checks = {
        "versioning": (found.get("versioning", {}).get("enabled"), "turned its versioning on"),
        "iamConfiguration": (private and uniform, "closed it to the public"),
        "softDeletePolicy": (kept > 0, "let what is deleted be had back for a week"),
        "lifecycle": (
            found.get("lifecycle", {}).get("rule"),
            f"let old versions go after {OLD_VERSIONS_DAYS} days",
        ),
        "labels": (found.get("labels"), "labelled it"),
    }
    return {key: words for key, (right, words) in checks.items() if key in wanted and not right}


def _foreign(account: Account, bucket: str) -> str:
    return (
        f"gs://{bucket}: exists, and is not {account.project}'s or not yours to use; nothing was written there. "
        "Ask its owner, or keep the state elsewhere (docs/state.md)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the backend in the stack's region and prints how to use it; 1 when that cannot be done."""

    def made(stack: str) -> Backend:
        target = read_settings(stack, ROOT).gcp
        return make(sign_in(target.project, target.region))

    return backends.command("gcp", __doc__, made, arguments)


if __name__ == "__main__":
    sys.exit(main())
