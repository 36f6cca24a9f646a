"""Kubeconfigs of clouds: what kubectl reads, and no secret."""

from __future__ import annotations

import json
from typing import Any

from components.kubeconfig import TokenCommand, kubeconfig

TOKEN = TokenCommand("a-command", ["get", "token"], {"provideClusterInfo": True})


def made(authority: str | None = "Y2E=") -> dict[str, Any]:
    return json.loads(kubeconfig("c", "https://x", authority, TOKEN))


def test_a_kubeconfig_is_what_kubectl_reads() -> None:
    config = made()
    assert (config["apiVersion"], config["kind"]) == ("v1", "Config")
    assert config["current-context"] == "c"
    assert config["contexts"] == [{"name": "c", "context": {"cluster": "c", "user": "c"}}]
    assert config["clusters"] == [
        {"name": "c", "cluster": {"server": "https://x", "certificate-authority-data": "Y2E="}}
    ]


def test_a_token_is_asked_for_when_it_is_needed_and_nobody_at_a_terminal() -> None:
    (user,) = made()["users"]
    assert list(user["user"]) == ["exec"]
    command = user["user"]["exec"]
    assert command["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert (command["command"], command["args"]) == ("a-command", ["get", "token"])
    assert command["interactiveMode"] == "Never"
    assert command["provideClusterInfo"] is True


def test_a_server_whose_certificate_everybody_trusts_needs_no_authority() -> None:
    assert made(authority=None)["clusters"] == [{"name": "c", "cluster": {"server": "https://x"}}]
