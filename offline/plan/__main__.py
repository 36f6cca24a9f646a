"""The command: runs the engine in a throw-away project, and prints what it told, with price and quotas."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from offline import plan as about
from offline.cli import say
from offline.plan.clouds import quota_lines
from offline.plan.events import Plan, event_in, summary, with_progress
from offline.plan.project import REPOSITORY, PlanError, StackFile, plan_project, read_stack
from sandbox.errors import SandboxError
from settings import Settings, SettingsError


def make_plan(file: StackFile, progress: bool = True) -> Plan:
    """The plan of a stack. Raises `PlanError` where there is none, with every problem."""
    plan = Plan()
    with plan_project(file) as (words, environment):
        process = subprocess.Popen(
            [*words, "--json"],
            cwd=file.root,
            env={**environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        lines = with_progress(process.stdout, plan) if progress else process.stdout
        rest: list[str] = []
        for line in lines:
            event = event_in(line)
            plan.take(event) if event else rest.append(line.rstrip())
        if process.wait() != 0:
            raise PlanError("\n".join(plan.errors) or "\n".join(rest) or "pulumi failed without a word")
    return plan


def show_all(file: StackFile) -> None:
    """Pulumi's own preview on the screen, with the inputs of every resource. Raises `PlanError`."""
    with plan_project(file) as (words, environment):
        if subprocess.run([*words, "--diff"], cwd=file.root, env=environment, check=False).returncode != 0:
            raise PlanError("there is no plan; the errors are above")


def costs(file: StackFile, settings: Settings) -> Iterator[str]:
    """What the stack takes of money and of quotas."""
    yield file.cloud.price(settings)
    yield ""
    yield from quota_lines(file.cloud, settings)


def main(arguments: Sequence[str] | None = None, root: Path = REPOSITORY) -> int:
    """Print plan, price and quotas; problems as they are, and then 1."""
    parser = argparse.ArgumentParser(
        prog="python -m offline.plan", description=(about.__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("stack", nargs="?", default=os.environ.get("STACK") or "aws")
    parser.add_argument("-v", action="store_true", dest="verbose", help="show every resource with its inputs")
    options = parser.parse_args(arguments)
    try:
        file = read_stack(options.stack, root)
        settings = file.settings()
        if options.verbose:
            show_all(file)
        else:
            plan = make_plan(file)
            print("\n".join([f"`up` would make {plan.total()} resources:", *summary(plan)]))
            for warning in plan.warnings:
                say(f"warning: {warning}")
        print("\n".join(["", *costs(file, settings)]))
    except (PlanError, SandboxError, SettingsError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
