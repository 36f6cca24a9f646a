"""The Workflows of a sheet, whole and page by page: what a report and a live view are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from components.names import NAMESPACE
from components.runs import Runs
from workflows.types import SHEET_LABEL, STACK_LABEL

_API: Final = ("argoproj.io", "v1alpha1", NAMESPACE, "workflows")
_ENDED: Final = "workflows.argoproj.io/completed"
_PAGE: Final = 50
"""Workflows of one answer: a big one has a megabyte."""
_SECONDS: Final = (5, 60)
"""For a connection, and for an answer."""


class SheetRuns(Runs):
    """Workflows of one sheet."""

    def of_sheet(self, stack: str, sheet: str, *, going_on: bool = False) -> Iterator[dict[str, Any]]:
        """Every Workflow of a sheet, the sheet's own too, or those alone that have not ended. Raises what the client
        raises."""
        list_page: Any = self._workflows.list_namespaced_custom_object
        more, selector = "", f"{SHEET_LABEL}={sheet},{STACK_LABEL}={stack}" + (f",{_ENDED}!=true" if going_on else "")
        while True:
            found = cast(
                dict[str, Any],
                list_page(*_API, label_selector=selector, limit=_PAGE, _continue=more, _request_timeout=_SECONDS),
            )
            yield from found.get("items") or ()
            about = cast(dict[str, Any], found.get("metadata") or {})
            more = str(about.get("continue") or "")
            if not more:
                return

    def one(self, name: str) -> dict[str, Any] | None:
        """A Workflow by its name, None where it was deleted. Raises what the client raises."""
        from kubernetes.client.exceptions import ApiException

        get: Any = self._workflows.get_namespaced_custom_object
        try:
            return cast(dict[str, Any], get(*_API, name, _request_timeout=_SECONDS))
        except ApiException as error:
            if error.status == 404:  # pyright: ignore[reportUnknownMemberType]
                return None
            raise


class Looks:
    """A sheet that is looked at again and again: what has ended is not asked for any more."""

    def __init__(self, runs: SheetRuns, stack: str, sheet: str) -> None:
        self._runs, self._stack, self._sheet = runs, stack, sheet
        self._known: dict[str, dict[str, Any]] = {}

    def look(self) -> list[dict[str, Any]]:
        """All Workflows of the sheet as they are now. Raises what the client raises."""
        first = not self._known
        found = {
            str(run["metadata"]["name"]): run
            for run in self._runs.of_sheet(self._stack, self._sheet, going_on=not first)
        }
        for name in [name for name, run in self._known.items() if name not in found and not ended(run)]:
            last = self._runs.one(name)
            if last is None:
                del self._known[name]
            else:
                found[name] = last
        self._known |= found
        return list(self._known.values())


def ended(workflow: Mapping[str, Any]) -> bool:
    """Whether nothing more will happen in a Workflow."""
    status = cast(Mapping[str, Any], workflow.get("status") or {})
    return bool(status.get("finishedAt"))
