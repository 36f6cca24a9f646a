"""Why a cloud does not answer those who ask it besides Pulumi; each cloud's `account.py` raises these."""

from __future__ import annotations


class AccountError(Exception):
    """The cloud cannot be asked, or refuses; the message says why and what to do."""


class DeniedError(AccountError):
    """The cloud knows who asks, and does not answer: what was asked for stays unknown, and nothing else is wrong."""
