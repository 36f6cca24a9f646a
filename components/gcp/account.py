"""The project that the credentials of the environment lead to, for commands that ask Google Cloud besides Pulumi.

`python -m components.gcp.account` tells by its status whether there are credentials.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from components.accounts import AccountError, DeniedError

if TYPE_CHECKING:
    from requests import Response, Session

CREDENTIALS: Final = "sign in again: `gcloud auth application-default login`"
PERMISSIONS: Final = "docs/gcp-permissions.json has the permissions that are needed"
# Credentials that Pulumi's provider takes besides the default ones, in its order.
_TOKEN: Final = "GOOGLE_OAUTH_ACCESS_TOKEN"
_KEYS: Final = (
    "GOOGLE_CREDENTIALS",
    "GOOGLE_CLOUD_KEYFILE_JSON",
    "GCLOUD_KEYFILE_JSON",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_PROJECTS: Final = "https://cloudresourcemanager.googleapis.com/v3/projects"
_EXPIRED: Final = ("ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "CREDENTIALS_MISSING", "UNAUTHENTICATED")
_BILLING: Final = ("BILLING_DISABLED", "accountDisabled", "billingNotEnabled", "UREQ_PROJECT_BILLING_NOT_FOUND")
_OFF: Final = ("SERVICE_DISABLED", "accessNotConfigured")
Method = Literal["GET", "POST", "PATCH", "PUT"]


class DisabledError(DeniedError):
    """The API that was asked is not turned on in the project, which is no fault: `up` turns on what it needs."""


class MissingError(AccountError):
    """There is no such thing, or nobody may know of it."""


class TakenError(AccountError):
    """There is such a thing already."""


@dataclass(frozen=True)
class Account:
    """Who asks, and where: a project by its id and its number, and the region of the stack."""

    project: str
    number: str
    region: str
    who: str
    """E-mail address of a service account, or words for somebody's own credentials."""
    session: Session
    patience: int = 20
    """Seconds that an answer may take."""

    def ask(self, url: str, *, method: Method = "GET", body: object = None, **query: str) -> dict[str, Any]:
        """The answer of an API as JSON. Raises AccountError, and of it DisabledError, DeniedError, MissingError and
        TakenError."""
        return _ask(self.session, url, self.region, self.patience, method, body, query)

    def every(self, url: str, items: str, **query: str) -> Iterator[dict[str, Any]]:
        """What a listing has under `items`, of all pages. An `aggregated` listing has it by zone or region."""
        pages: dict[str, str] = dict(query)
        while True:
            answer = _ask(self.session, url, self.region, self.patience, query=pages)
            found: Any = answer.get("items" if "/aggregated/" in url else items, [])
            if isinstance(found, dict):
                for place in cast(dict[str, dict[str, Any]], found).values():
                    yield from place.get(items, [])
            else:
                yield from found
            if not (token := str(answer.get("nextPageToken", ""))):
                return
            pages["pageToken"] = token

    def compute(self, path: str) -> str:
        """The address of something of Compute Engine in the project."""
        return f"https://compute.googleapis.com/compute/v1/projects/{self.project}/{path}"


def has_credentials() -> bool:
    """Whether there are credentials, good or bad. Asks nobody but the environment (and, on Compute Engine, its own
    metadata)."""
    from google.auth.exceptions import DefaultCredentialsError

    if os.environ.get(_TOKEN) or _key():
        return True
    try:
        _of_machine()
    except DefaultCredentialsError:
        return False
    return True


def _key() -> str:
    """The file of credentials that Pulumi's provider would take, or its content; empty where there is none."""
    if key := next((value for name in _KEYS if (value := os.environ.get(name))), ""):
        return key
    folder = Path(os.environ.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud")
    file = folder / "application_default_credentials.json"
    return str(file) if file.exists() else ""


def _credentials(project: str) -> Any:
    """Credentials as Pulumi's provider finds them. Raises what google-auth raises."""
    from google.oauth2.credentials import Credentials

    if token := os.environ.get(_TOKEN):
        return Credentials(token)  # pyright: ignore[reportUnknownMemberType]
    key = _key()
    found = _of_key(key) if key else _of_machine()
    # An API counts a person's request on a project that must have it turned on: the stack's own, unless they chose one.
    if isinstance(found, Credentials) and not cast(Any, found).quota_project_id:
        return cast(Any, found).with_quota_project(project)
    return found


def _of_machine() -> Any:
    """Credentials of a machine of Google's, or none."""
    import google.auth

    # Elsewhere nobody answers: three tries of three seconds each would be too many.
    os.environ.setdefault("GCE_METADATA_TIMEOUT", "1")
    return cast(Any, google.auth).default(scopes=_SCOPES)[0]


def _of_key(key: str) -> Any:
    import google.auth

    auth = cast(Any, google.auth)
    with warnings.catch_warnings():
        # That one should trust what one loads: it is what the user's own environment names.
        warnings.simplefilter("ignore", DeprecationWarning)
        if key.lstrip().startswith("{"):
            return auth.load_credentials_from_dict(json.loads(key), scopes=_SCOPES)[0]
        return auth.load_credentials_from_file(key, scopes=_SCOPES)[0]


def _session(project: str) -> tuple[Session, str]:
    """A session that signs its requests, and whose it is."""
    from google.auth.transport.requests import AuthorizedSession

    credentials = _credentials(project)
    who = str(getattr(credentials, "service_account_email", "") or "your own credentials")
    return AuthorizedSession(credentials), who


def _signed(project: str, region: str) -> tuple[Session, str]:
    """The same, with errors explained."""
    from google.auth.exceptions import GoogleAuthError

    try:
        return _session(project)
    except (GoogleAuthError, OSError, ValueError) as error:
        raise explain_auth(error, region) from None


def asker(project: str, region: str, *, patience: int = 20) -> Callable[[str], dict[str, Any]]:
    """Asks addresses with the credentials of the environment, which are looked for when the first is asked.

    What it returns raises AccountError as `Account.ask` does.
    """
    found: list[Session] = []

    def ask(url: str) -> dict[str, Any]:
        if not found:
            found.append(_signed(project, region)[0])
        return _ask(found[0], url, region, patience)

    return ask


def first_api_off(project: str) -> str:
    """What to say where the API is off that a stack cannot turn on by itself, as all others are turned on by it."""
    return (
        f"biojobs:project: {project!r}: its API for projects is off, by which all others are turned on; "
        "`gcloud services enable cloudresourcemanager.googleapis.com serviceusage.googleapis.com --project "
        f"{project}`, once"
    )


def sign_in(project: str, region: str, *, patience: int = 20) -> Account:
    """The project, with the credentials of the environment. Raises AccountError."""
    session, who = _signed(project, region)
    try:
        found = _ask(session, f"{_PROJECTS}/{project}", region, patience)
    except DisabledError:
        raise AccountError(first_api_off(project)) from None
    except (DeniedError, MissingError):
        # Google says the same of what does not exist and of what one may not see.
        raise AccountError(
            f"biojobs:project: {project!r}: there is no such project, or you may not see it; write an id that `gcloud "
            "projects list` shows, or sign in as somebody who may"
        ) from None
    if (state := found.get("state", "ACTIVE")) != "ACTIVE":
        raise AccountError(
            f"biojobs:project: {project!r}: is {str(state).replace('_', ' ').lower()}; `gcloud projects undelete "
            f"{project}`, or name another"
        )
    return Account(project, str(found["name"]).rpartition("/")[2], region, who, session, patience)


def _ask(
    session: Session,
    url: str,
    region: str,
    patience: int,
    method: Method = "GET",
    body: object = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        answer = session.request(method, url, params=query, json=body, timeout=(min(patience, 5), patience))
    except GoogleAuthError as error:
        raise explain_auth(error, region) from None
    except RequestException as error:
        host = url.split("/")[2]
        raise AccountError(f"{host} cannot be reached ({error}); check network and proxy") from None
    found = _json(answer)
    if answer.ok:
        return found
    raise explain(answer.status_code, found, f"{method} {url.partition('://')[2].partition('?')[0]}")


def _json(answer: Response) -> dict[str, Any]:
    try:
        found: Any = answer.json()
    except ValueError:
        return {"error": {"message": answer.text[:200]}} if not answer.ok else {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def explain_auth(error: Exception, region: str) -> AccountError:
    """What an error of google-auth means for somebody who has to do something about it."""
    from google.auth import exceptions

    if isinstance(error, exceptions.DefaultCredentialsError) and "default credentials were not found" in str(error):
        return AccountError("there are no Google Cloud credentials; `gcloud auth application-default login`")
    if isinstance(error, exceptions.RefreshError):
        return AccountError(
            f"the Google Cloud credentials have expired or were revoked ({_first(error)}); {CREDENTIALS}"
        )
    if isinstance(error, exceptions.TransportError):
        return AccountError(f"Google Cloud cannot be reached from here ({_first(error)}); check network and proxy")
    return AccountError(f"the Google Cloud credentials cannot be used ({_first(error)}); {CREDENTIALS}")


def _first(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return str(said).strip().split("\n")[0]


def explain(status: int, answer: Mapping[str, Any], action: str) -> AccountError:
    """What an API's answer with an error means. `action`: method and address that were asked."""
    told: object = answer.get("error", {})
    error = cast(dict[str, Any], told) if isinstance(told, dict) else {"message": str(told)}
    said = str(error.get("message", "")).split("\n")[0] or f"status {status}"
    reasons = _reasons(error)
    if reasons & set(_OFF):
        service = _service(error) or action.split()[-1].split("/")[0]
        return DisabledError(f"{service} is not turned on in the project yet; `up` does, or `gcloud services enable`")
    if reasons & set(_BILLING):
        return AccountError(f"the project has no billing account that pays ({said}); `gcloud billing projects link`")
    if status == 401 or reasons & set(_EXPIRED):
        return AccountError(f"Google Cloud does not accept the credentials ({said}); {CREDENTIALS}")
    if status == 403:
        return DeniedError(f"{action} is denied ({said}); {PERMISSIONS}")
    if status == 404:
        return MissingError(f"{action}: there is no such thing ({said})")
    if status == 409:
        return TakenError(f"{action}: {said}")
    return AccountError(f"{action}: {said}")


def _reasons(error: Mapping[str, Any]) -> set[str]:
    """Google's codes of an error: new APIs tell them in details, old ones in errors."""
    listed = [*error.get("details", []), *error.get("errors", [])]
    return {str(each.get("reason", "")) for each in listed} | {str(error.get("status", ""))}


def _service(error: Mapping[str, Any]) -> str:
    return next((str(each["metadata"]["service"]) for each in error.get("details", []) if "metadata" in each), "")


if __name__ == "__main__":
    # `make preview` asks so.
    sys.exit(0 if has_credentials() else 1)
