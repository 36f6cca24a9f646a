"""`biojobs report`: writes the page of a sheet's runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from cli import stack
from cli.access import access
from cli.cluster import reason, status_of
from cli.errors import USAGE, CommandError, first_line, say
from components.manifests import sheet_name
from components.sheets import SheetRuns
from reports.make import Sources, Written, make
from reports.recorded import record_files
from reports.text import counted, data
from settings import Settings
from workflows.samples import MAX_NAME, NAME


def report(name: str, sheet: str | None, out: Path | None) -> None:
    """Writes the page and says where it is. Raises `CommandError`."""
    root = stack.root()
    settings = stack.read(name, root)
    wanted = sheet or sheet_name(settings)
    if not NAME.fullmatch(wanted) or len(wanted) > MAX_NAME:
        raise CommandError(f"--sheet: {wanted[:60]!r}: name a sheet as its file without `.csv`, such as cohort", USAGE)
    if out is not None and out.is_dir():
        raise CommandError(f"--out: {str(out)!r}: is a folder; name a file in it, such as {out / 'page.html'}", USAGE)
    if out is not None and not out.parent.is_dir():
        raise CommandError(f"--out: {str(out)!r}: there is no folder {out.parent}; make it, or name another", USAGE)
    workflows, missing = runs_of(settings, wanted)
    if not workflows and wanted != sheet_name(settings):
        raise CommandError(
            f"--sheet: {wanted!r}: the cluster has no runs of it{f' ({missing})' if missing else ''}, and the sheet of "
            f"stack {settings.stack} is {sheet_name(settings)}; without runs only that one's records are known"
        )
    try:
        made = make(settings, root, wanted, Sources(workflows, record_files(settings, root, say), missing), out)
    except OSError as error:
        raise CommandError(f"--out: {str(out or root)!r}: cannot be written ({error.strerror}); name another") from None
    tell(made)


def runs_of(settings: Settings, sheet: str) -> tuple[Sequence[dict[str, Any]], str]:
    """The Workflows of a sheet, and why there are none where the cluster does not answer."""
    say(f"asking the cluster of stack {settings.stack} for the runs of {sheet}")
    try:
        return list(SheetRuns(access(settings)).of_sheet(settings.stack, sheet)), ""
    except CommandError as error:
        return [], str(error)
    except Exception as error:  # noqa: BLE001  whatever keeps the cluster from answering, records tell the rest
        if status_of(error) == 404:
            return [], f"stack {settings.stack} is not up: its cluster has no Argo Workflows"
        return [], f"the cluster does not answer: {reason(error) or first_line(error)}"


def tell(made: Written) -> None:
    """Says what the page is of; on standard output where it is, alone."""
    facts = made.facts
    if not facts.live:
        say("the cluster has no runs of it: the page is made of the records in the store alone")
    for note in facts.notes[:5]:
        say(f"  {note}")
    failed = f", {facts.count('failed')} failed" if facts.count("failed") else ""
    done = f"{facts.count('done')} of {counted(len(facts.samples), 'sample')} done{failed}"
    say(f"{facts.sheet}: {done}; {data(made.size)}:")
    typer.echo(str(made.file))
