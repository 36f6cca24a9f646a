"""Settings of notifications: whom to tell when a sheet ends or a sample fails."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from settings_model import Model

Event = Literal["sheet-ended", "sample-failed"]

_OWN_NAMES = re.compile(r"localhost|[a-z0-9-]+|.+\.(localhost|local|internal|svc)|.+\.svc\.cluster\.local")
"""Names of servers of one's own network, which may do without TLS."""


def _checked_webhook(value: SecretStr) -> SecretStr:
    """The address of a webhook; what is wrong with it is told without it, since who knows it may write there."""
    text = value.get_secret_value()
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError("write https://host/path") from None
    if not re.fullmatch(r"[!-~]{1,2000}", text) or url.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError("write https://host/path, without spaces, of at most 2000 characters")
    if url.username is not None or url.fragment:
        raise ValueError("write https://host/path, without a user's name and without #")
    if url.scheme == "http" and not _is_own(host):
        raise ValueError(
            "write https:// for it: http is for servers of your own network only (localhost, a private address, "
            "a name that ends in .svc, .local or .internal)"
        )
    return value


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return _OWN_NAMES.fullmatch(host) is not None


class Notify(Model):
    """A message to a chat when a sheet ends or a sample fails; docs/pipelines/notify.md says what is in it."""

    webhook: Annotated[SecretStr, AfterValidator(_checked_webhook)] = Field(
        description="Address that takes JSON with a `text`, as Slack, Mattermost and Teams do. A secret: "
        "`pulumi config set --secret --path biojobs:notify.webhook`."
    )
    on: tuple[Event, ...] = Field(
        default=("sheet-ended", "sample-failed"),
        min_length=1,
        description="What is told: that a sheet has ended, that a sample has failed.",
    )

    @property
    def port(self) -> int:
        """The TCP port of the webhook."""
        url = urlsplit(self.webhook.get_secret_value())
        return url.port or (443 if url.scheme == "https" else 80)
