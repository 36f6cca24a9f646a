"""`biojobs watch`: a sheet's runs as they go, in the terminal, or in lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli import stack
from cli.access import access
from cli.cluster import reason
from cli.errors import STOPPED, USAGE, CommandError, say
from components.hourly import PriceList, price_list
from components.manifests import sheet_name
from components.sheets import Looks, SheetRuns, ended
from reports.facts import SheetFacts
from reports.live import Row, header, news, rows
from reports.make import live_facts, sheet_samples
from settings import Settings
from workflows.samples import MAX_NAME, NAME

_PAUSE: Final = 3.0
_COSTLY: Final = 4
"""A look that takes long is followed by a pause so many times as long."""
_FEW_LINES: Final = 8
"""Lines of a terminal that are not for rows."""
_STYLES: Final = {"failed": "bold red", "running": "blue", "waiting": "yellow", "done": "dim", "unfinished": "dim"}
_PLAIN_ROWS: Final = 10_000


def watch(name: str, sheet: str | None) -> None:
    """Shows the runs of a sheet until they have ended. Raises `CommandError`."""
    root = stack.root()
    settings = stack.read(name, root)
    wanted = sheet or sheet_name(settings)
    if not NAME.fullmatch(wanted) or len(wanted) > MAX_NAME:
        raise CommandError(f"--sheet: {wanted[:60]!r}: name a sheet as its file without `.csv`, such as cohort", USAGE)
    names = sheet_samples(settings, root, wanted)
    looks = Looks(SheetRuns(access(settings)), settings.stack, wanted)
    console = Console()
    shown = _Screen(console, price_list(settings)) if console.is_terminal else _Lines(price_list(settings))
    try:
        with shown:
            _follow(looks, lambda runs: live_facts(settings, wanted, names, runs), shown, settings)
    except KeyboardInterrupt:
        again = "" if name == "local" else f" --stack {name}"
        say(f"the runs go on; watch them again with `./biojobs watch{again}`")
        raise typer.Exit(STOPPED) from None


def _follow(
    looks: Looks, facts: Callable[[Sequence[Mapping[str, Any]]], SheetFacts], shown: _Shown, settings: Settings
) -> None:
    while True:
        began = time.monotonic()
        try:
            runs = looks.look()
        except Exception as error:  # noqa: BLE001  the API server may be away for a while, and comes back
            shown.away(reason(error))
        else:
            if not runs:
                raise CommandError(
                    f"stack {settings.stack} has no runs of this sheet; `{stack.remedy(settings)}` starts some"
                )
            shown.show(facts(runs))
            if all(map(ended, runs)):
                return
        time.sleep(max(_PAUSE, _COSTLY * (time.monotonic() - began)))


class _Shown:
    """What is on show; `away` is said once until the cluster answers again."""

    def __init__(self, prices: PriceList) -> None:
        self._prices, self._away = prices, ""

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return

    def show(self, facts: SheetFacts) -> None:
        """Shows how it stands."""
        raise NotImplementedError

    def away(self, why: str) -> None:
        """Says that the cluster does not answer."""
        raise NotImplementedError


class _Lines(_Shown):
    """For files and pipes: a line for every change."""

    def __init__(self, prices: PriceList) -> None:
        super().__init__(prices)
        self._before: list[Row] = []
        self._counts = ""

    def show(self, facts: SheetFacts) -> None:
        if self._away:
            say("the cluster answers again")
        self._away = ""
        after, _ = rows(facts, _PLAIN_ROWS)
        for line in news(self._before, after):
            typer.echo(f"{facts.now:%H:%M:%S} {line}")
        head = header(facts, self._prices)
        counts = head.split(" · ")[0]
        if counts != self._counts:
            typer.echo(f"{facts.now:%H:%M:%S} {head}")
        self._before, self._counts = after, counts

    def away(self, why: str) -> None:
        if not self._away:
            say(f"the cluster does not answer ({why}); asking again")
        self._away = why


class _Screen(_Shown):
    """For terminals: a table that is drawn anew in its place."""

    def __init__(self, console: Console, prices: PriceList) -> None:
        super().__init__(prices)
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._facts: SheetFacts | None = None

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, facts: SheetFacts) -> None:
        self._away, self._facts = "", facts
        self._draw()

    def away(self, why: str) -> None:
        self._away = why
        self._draw()

    def _draw(self) -> None:
        away = Text(f"the cluster does not answer ({self._away}); asking again", "yellow") if self._away else None
        if self._facts is None:
            self._live.update(away or Text(""), refresh=True)
            return
        found, left_out = rows(self._facts, max(1, self._console.height - _FEW_LINES))
        rest = Text(f"and {left_out:,} more", "dim") if left_out else None
        parts = (Text(header(self._facts, self._prices), "bold"), away, table(found), rest)
        self._live.update(Group(*(part for part in parts if part is not None)), refresh=True)


def table(found: Sequence[Row]) -> Table:
    """Rows as a table. Nothing in them is taken for rich's markup."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("sample", "state", "step", "tries that came to nothing", ""):
        made.add_column(heading, overflow="ellipsis" if heading else "fold", no_wrap=bool(heading))
    for row in found:
        state = Text(row.state, _STYLES[row.state])
        made.add_row(Text(row.sample), state, Text(row.doing), Text(row.tries), Text(row.trouble))
    return made
