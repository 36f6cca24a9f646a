"""The page at the end of an awaited `up`: made where it can be, and never in anybody's way."""

from __future__ import annotations

from pathlib import Path

from components.manifests import sheet_name
from components.runs import ClusterAccess
from components.sheets import SheetRuns
from reports.make import Sources, make
from reports.recorded import record_files
from reports.text import cleaned, data
from settings import Settings


def page_line(settings: Settings, root: Path, access: ClusterAccess) -> str:
    """Writes the page of the stack's sheet, and says in one line where it is, or why there is none."""
    sheet = sheet_name(settings)
    try:
        workflows = list(SheetRuns(access).of_sheet(settings.stack, sheet))
        made = make(settings, root, sheet, Sources(workflows, record_files(settings, root, lambda _: None)))
    except Exception as error:  # noqa: BLE001  the runs have ended as they have, whatever becomes of a page
        why = cleaned(f"{type(error).__name__}: {error}", 200)
        return f"no page of the runs was written ({why}); `./biojobs report --stack {settings.stack}` tries again"
    return f"all about these runs: {made.file} ({data(made.size)})"
