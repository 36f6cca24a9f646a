"""Starts an order on a stack, and follows what runs there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import typer

from cli import results, stack
from cli.cluster import Jobs
from cli.errors import CommandError, refuse, say
from cli.files import located, store_of
from cli.follow import follow_to_the_end, left_running
from cli.orders import SUBJECT, Order
from settings import Settings


def start(order: Order, name: str, *, wait: bool) -> None:
    """Checks the order whole, starts it, and follows it if `wait`. Raises `CommandError`."""
    root = stack.root()
    settings = stack.read(name, root)
    store = store_of(settings, root)
    _, problems = located(order.files, store)
    refuse([*order.problems, *problems])
    jobs = Jobs(settings)
    template = jobs.template(order.template)
    _check_parameters(order, template, settings)
    parameters, problems = located(order.files, store, take=True)
    refuse(problems)
    job = jobs.submit(order, {**order.parameters, **parameters})
    again = _again(job, name)
    if not wait:
        say(f"started; follow it with `{again}`")
        typer.echo(job)
        return
    with left_running(job, again):
        say(f"{job} started; Ctrl-C leaves it running")
        started = time.monotonic()
        follow_to_the_end(jobs, job, again)
        seconds = int(time.monotonic() - started)
        _tell(f"{job} done in {seconds // 60}m{seconds % 60:02d}s", results.folder(template, job), settings, root)


def follow(job: str, name: str) -> None:
    """Follows a run that was started before. Raises `CommandError`."""
    root = stack.root()
    settings = stack.read(name, root)
    jobs = Jobs(settings)
    workflow = jobs.workflow(job)
    template = workflow["spec"].get("workflowTemplateRef")
    # A run of a sheet has no template, and a job's is gone when the stack is being taken away.
    found = jobs.find_template(template["name"]) if template else None
    where = results.folder(found, job) if found else results.folder_of_run(workflow)
    again = _again(job, name)
    with left_running(job, again):
        follow_to_the_end(jobs, job, again)
        _tell(f"{job} done", where, settings, root)


def _tell(done: str, uri: str | None, settings: Settings, root: Path) -> None:
    """Says that a run is done, and where its results are: on standard output the place alone."""
    if uri is None:
        say(done)
        return
    place = results.place(uri, settings, root)
    say(f"{done}; results:")
    typer.echo(place)
    if settings.cloud != "local":
        return
    if not Path(place).is_dir():
        say("warning: there is no such folder; is the stack that is up another one, with another biojobs:workspace?")
    for file in results.files(place):
        say(f"  {file}")


def _check_parameters(order: Order, template: Mapping[str, Any], settings: Settings) -> None:
    """A parameter that the template does not know would be dropped without a word."""
    declared = cast("Sequence[Mapping[str, str]]", template["spec"].get("arguments", {}).get("parameters", ()))
    known = {parameter["name"] for parameter in declared}
    wanted = {SUBJECT, *order.parameters, *(file.parameter for file in order.files)}
    if missing := sorted(wanted - known):
        raise CommandError(
            f"stack {settings.stack} was built by another version: its WorkflowTemplate {order.template} takes no "
            f"{', '.join(missing)}; run `{stack.remedy(settings)}` first"
        )


def _again(job: str, name: str) -> str:
    return f"./biojobs follow {job}" + ("" if name == "local" else f" --stack {name}")
