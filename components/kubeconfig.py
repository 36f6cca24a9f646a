"""Kubeconfigs without secrets: a command of the cloud's fetches a token when one is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TokenCommand:
    """A command that prints a token; `more` is what its entry has besides."""

    command: str
    args: Sequence[str]
    more: dict[str, Any] = field(default_factory=dict[str, Any])


def kubeconfig(name: str, server: str, authority: str | None, token: TokenCommand) -> str:
    """A kubeconfig whose one context is called after the cluster.

    `authority` is the certificate authority of the API server, base64; None where the server's certificate is one that
    everybody trusts.
    """
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": token.command,
        "args": list(token.args),
        "interactiveMode": "Never",
        **token.more,
    }
    cluster = {"server": server} if authority is None else {"server": server, "certificate-authority-data": authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"exec": command}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
