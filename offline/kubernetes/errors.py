"""Errors of the API server, told in full."""

from __future__ import annotations

import json
from typing import Any, cast

from offline.paths import get
from offline.resource import ResourceError

DELETE_UNREACHABLE = "PULUMI_K8S_DELETE_UNREACHABLE"


class UnreachableError(ResourceError):
    """No answer from the API server."""

    def __init__(self, host: str, reason: str) -> None:
        """`host` is the server's URL; `reason` what the attempt to reach it met."""
        super().__init__(
            f"cannot reach the Kubernetes API server at {host}: {reason}\n"
            "Start it (the sandbox: `make up`; `.venv/bin/python -m sandbox status` tells its state), "
            "or correct the context in the stack's settings. "
            f"If the cluster is gone for good, {DELETE_UNREACHABLE}=true lets `pulumi refresh` and "
            "`pulumi destroy` forget what was in it."
        )


class ApiError(ResourceError):
    """A refusal by the API server: its status code, reason, message and every cause."""

    def __init__(self, code: int, body: str, doing: str) -> None:
        """`body` is the answer as it came; `doing` says what was tried, for the user."""
        self.code = code
        self.status = _parse(body)
        self.reason = str(self.status.get("reason") or "")
        self.message = str(self.status.get("message") or body.strip() or "no message")
        self.causes = cast(list[dict[str, Any]], get(self.status, "details", "causes") or [])
        super().__init__("\n".join([f"{doing}: {code} {self.reason}: {self.message}", *self._cause_lines()]))

    def _cause_lines(self) -> list[str]:
        """The causes that the message does not already spell out."""
        lines: list[str] = []
        for cause in self.causes:
            field, message = cause.get("field", ""), cause.get("message", "")
            if message not in self.message or field not in self.message:
                lines.append(f"  - {field}: {message} ({cause.get('reason', '')})")
        return lines

    @property
    def conflicting_managers(self) -> list[str]:
        """Who owns the fields that a server-side apply was refused over."""
        conflicts = [c for c in self.causes if c.get("reason") == "FieldManagerConflict"]
        return [str(c.get("message", "")).partition('"')[2].partition('"')[0] for c in conflicts]

    def lacks_namespace(self) -> bool:
        """Refused because the namespace does not exist (yet)."""
        return self.code == 404 and get(self.status, "details", "kind") == "namespaces"


class UnknownKindError(ResourceError):
    """The API server does not serve this apiVersion and kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        """The two that were asked for."""
        super().__init__(
            f"the cluster does not know {kind} of {api_version}: its CustomResourceDefinition is not installed "
            "(for argoproj.io: let the resource depend on the Argo Workflows release), or the name is misspelled"
        )


def _parse(body: str) -> dict[str, Any]:
    try:
        status: Any = json.loads(body)
    except ValueError:
        return {}
    return cast(dict[str, Any], status) if isinstance(status, dict) else {}
