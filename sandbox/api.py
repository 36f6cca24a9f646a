"""The few requests that the sandbox makes of its own API server."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.layout import PORTS
from sandbox.probes import admin_context

_MANAGER = "biojobs-sandbox"


class Api:
    """A client with the administrator's certificate."""

    def __init__(self, pki: Path) -> None:
        self._base = f"https://127.0.0.1:{PORTS['kube-apiserver']}"
        handler = urllib.request.HTTPSHandler(context=admin_context(pki))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)

    def get(self, path: str) -> dict[str, Any] | None:
        """An object; None when it does not exist."""
        try:
            return self._request("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise SandboxError(f"GET {path}: {_said(error)}") from error

    def apply(self, path: str, content: dict[str, Any]) -> None:
        """Server-side apply, taking over fields that somebody else has changed."""
        full = f"{path}?fieldManager={_MANAGER}&force=true"
        try:
            self._request("PATCH", full, json.dumps(content).encode())
        except urllib.error.HTTPError as error:
            raise SandboxError(f"applying {path}: {_said(error)}") from error

    def _request(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/apply-patch+yaml"} if body else {}
        request = urllib.request.Request(self._base + path, body, headers, method=method)
        with self._opener.open(request, timeout=15) as answer:
            return json.load(answer)


def _said(error: urllib.error.HTTPError) -> str:
    return f"HTTP {error.code}: {error.read().decode('utf-8', 'replace')[:500]}"
