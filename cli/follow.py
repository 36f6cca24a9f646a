"""Follows a run to its end, and says how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import typer

from cli.cluster import Jobs
from cli.errors import STOPPED, CommandError, say
from components.names import NAMESPACE
from components.runs import Report, Shown, failure_lines, follow
from workflows.status import RunStatus


@contextmanager
def left_running(name: str, again: str) -> Generator[None]:
    """At Ctrl-C ends the command and not the run. `again`: the command that follows the run."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\n{name} goes on; follow it with `{again}`, or stop it with `argo -n {NAMESPACE} stop {name}`")
        raise typer.Exit(STOPPED) from None


def follow_to_the_end(jobs: Jobs, name: str, again: str) -> None:
    """Shows a run's progress until it has ended.

    Raises `CommandError` when it has failed, or cannot be followed any longer.
    """
    shown = Shown()

    def report(run: RunStatus) -> None:
        if shown.is_news(run):
            say(f"  {run.progress}")

    # Not asyncio.run: at Ctrl-C it would wait for a request that is under way.
    loop = asyncio.new_event_loop()
    run = loop.run_until_complete(_followed(jobs, name, again, report))
    loop.close()
    if run.failed:
        raise CommandError(explain(jobs, run))


async def _followed(jobs: Jobs, name: str, again: str, report: Report) -> RunStatus:
    import pulumi

    try:
        return (await follow(jobs, [name], report))[name]
    except pulumi.RunError:
        if jobs.problem:
            raise CommandError(f"the cluster does not answer ({jobs.problem}); {name} goes on: `{again}`") from None
        raise CommandError(f"{name}: was deleted while it was followed; start it again") from None


def explain(jobs: Jobs, run: RunStatus) -> str:
    """What failed, in the words of `up`: each step, its reason and the end of its log."""
    return "\n".join(
        [
            f"{run.workflow} failed:",
            *failure_lines(jobs, run),
            f"    mend the input and start the job again; all that it said: `argo -n {NAMESPACE} logs {run.workflow}`",
        ]
    )
