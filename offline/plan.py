"""`python -m offline.plan [STACK]`: what `up` would make on AWS and what that costs, with no account and no network.

The real engine runs the real program over the recording AWS (`offline/recording/aws`), which is as strict as AWS about
what it is given, in a throw-away state. `-v` shows every resource with its inputs, as Pulumi does.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final, cast

import yaml

from offline.cli import pulumi_folder, say
from offline.recording.aws import zones
from offline.recording.store import FILE
from sandbox import layout
from sandbox.errors import SandboxError

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = {
    "aws": "pulumi-aws",
    "docker": "pulumi-docker",
    "docker-build": "pulumi-docker-build",
    "kubernetes": "pulumi-kubernetes",
}
NOTHING_ASKED: Final = (
    "Nothing was asked of AWS: this is the plan for an account that has nothing yet "
    "(123456789012 stands for its number)."
)
_PLAN: Final = "BIOJOBS_PLAN"  # the program then looks up nothing that takes credentials
_SHOW_SECONDS: Final = 5.0
_WIDTH: Final = 118
# What only Pulumi itself can read. Without an account there is no key that decrypts a secret setting.
_ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")


class PlanError(Exception):
    """There is no plan; the message says why."""


@dataclass
class Plan:
    """What the engine told: resource types by component, warnings, and errors."""

    resources: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])
    warnings: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])

    def take(self, event: Mapping[str, Any]) -> None:
        """Add what an event of the engine says."""
        if made := event.get("resourcePreEvent"):
            self._resource(str(made["metadata"]["urn"]))
        said = event.get("diagnosticEvent")
        if said and said["severity"] in ("warning", "error"):
            lines = self.warnings if said["severity"] == "warning" else self.errors
            lines.append(str(said["message"]).strip())

    def _resource(self, urn: str) -> None:
        chain = urn.split("::")[2].split("$")
        component = next((kind for kind in chain if kind.startswith("biojobs:")), "others").rpartition(":")[2]
        # Components are told in the order of the program, what is in them as it comes.
        kinds = self.resources.setdefault(component, Counter())
        if not chain[-1].startswith(("pulumi:", "biojobs:")):
            kinds[_short(chain[-1])] += 1

    def types(self) -> set[str]:
        """Short names of all types."""
        return {kind for kinds in self.resources.values() for kind in kinds}

    def total(self) -> int:
        """How many resources there are."""
        return sum(kinds.total() for kinds in self.resources.values())


def _short(token: str) -> str:
    """`aws:ec2/vpc:Vpc` -> `ec2.Vpc`; what is of Kubernetes goes by its kind alone."""
    package, module, name = token.split(":")
    return f"{module.partition('/')[0]}.{name}" if package == "aws" else name


def make_plan(stack: str, root: Path, progress: bool = True) -> Plan:
    """The plan of a stack of the project in `root`. Raises `PlanError` where there is none, with every problem."""
    plan = Plan()
    with _project(stack, root) as (words, environment):
        process = subprocess.Popen(
            [*words, "--json"],
            cwd=root,
            env={**environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        lines = _with_progress(process.stdout, plan) if progress else process.stdout
        rest: list[str] = []
        for line in lines:
            event = _event(line)
            plan.take(event) if event else rest.append(line.rstrip())
        if process.wait() != 0:
            raise PlanError("\n".join(plan.errors) or "\n".join(rest) or "pulumi failed without a word")
    return plan


def show_all(stack: str, root: Path) -> None:
    """Pulumi's own preview on the screen, with the inputs of every resource. Raises `PlanError`."""
    with _project(stack, root) as (words, environment):
        if subprocess.run([*words, "--diff"], cwd=root, env=environment, check=False).returncode != 0:
            raise PlanError("there is no plan; the errors are above")


def _event(line: str) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _with_progress(lines: Iterable[str], plan: Plan) -> Iterator[str]:
    """The lines; meanwhile the number of resources is told, in place on a terminal and every few seconds elsewhere."""
    started = shown = time.monotonic()
    terminal = sys.stderr.isatty()
    for line in lines:
        yield line
        now = time.monotonic()
        if now - shown > (0.2 if terminal else _SHOW_SECONDS):
            shown = now
            words = f"planning: {plan.total()} resources, {now - started:.0f} s"
            print(f"\r{words}" if terminal else words, end="" if terminal else "\n", file=sys.stderr, flush=True)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def _project(stack: str, root: Path) -> Generator[tuple[list[str], dict[str, str]]]:
    """A `preview` command and its environment, with a state and plugins of their own that are thrown away."""
    places = root / ".build" / "plan"
    places.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{stack}-", dir=places))
    try:
        config = settings_file(stack, root, folder)
        environment = _environment(folder)
        _empty_state(folder / "state", root, stack)
        say(NOTHING_ASKED)
        words = ["pulumi", "preview", "--stack", stack, "--config-file", str(config), "--non-interactive"]
        yield words, environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings_file(stack: str, root: Path, folder: Path) -> Path:
    """A copy of the stack file without what only a key can read."""
    source = root / f"Pulumi.{stack}.yaml"
    try:
        written = cast(dict[str, Any], yaml.safe_load(source.read_text()) or {})
    except OSError as error:
        raise PlanError(f"{source.name}: cannot be read ({error.strerror}); name a stack that has a file") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{source.name}: is not YAML: {error}") from None
    config = cast(dict[str, Any], written.get("config") or {})
    secret = [key for key, value in config.items() if isinstance(value, dict) and "secure" in value]
    for key in secret:
        say(f"{key} is left out: it is encrypted")
    if config.get("biojobs:cloud") != "aws":
        raise PlanError(
            f"biojobs:cloud: {config.get('biojobs:cloud')!r}: a plan without an account is there for aws only"
        )
    kept = {key: value for key, value in written.items() if key not in _ENCRYPTION}
    kept["config"] = {key: value for key, value in config.items() if key not in secret}
    copy = folder / source.name
    copy.write_text(yaml.safe_dump(kept))
    return copy


def _environment(folder: Path) -> dict[str, str]:
    """What the engine needs to find the recorders, and nothing of an account."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    values = {
        "PATH": f"{pulumi_folder(layout.from_environment().cache)}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(_home(folder / "home")),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        FILE: str(folder / "recording.json"),
        _PLAN: "1",
    }
    inherited.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return inherited | values


def _home(home: Path) -> Path:
    """A PULUMI_HOME whose plugins are the recorders and our language host."""
    modules: dict[str, tuple[str, ...]] = {f"language-python-v{metadata.version('pulumi')}": ("offline.language",)}
    for name, package in PACKAGES.items():
        modules[f"resource-{name}-v{metadata.version(package)}"] = ("offline.recording", name)
    for plugin, words in modules.items():
        program = home / "plugins" / plugin / f"pulumi-{plugin.rpartition('-v')[0]}"
        program.parent.mkdir(parents=True)
        command = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", *words])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
    return home


def _empty_state(state: Path, root: Path, stack: str) -> None:
    """A backend with an empty stack. `pulumi stack init` would write into the user's stack file, and takes a second."""
    project = str(yaml.safe_load((root / "Pulumi.yaml").read_text())["name"])
    stacks = state / ".pulumi" / "stacks" / project
    stacks.mkdir(parents=True)
    (state / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    checkpoint = {"stack": f"organization/{project}/{stack}", "latest": None}
    (stacks / f"{stack}.json").write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))


def summary(plan: Plan) -> Iterator[str]:
    """Each component: how many resources, and of which types."""
    made = {name: kinds for name, kinds in plan.resources.items() if kinds}
    width = max((len(name) for name in made), default=0)
    for name, kinds in made.items():
        head = f"  {name:{width}} {kinds.total():4}  "
        words = [(f"{count} " if count > 1 else "") + kind for kind, count in kinds.items()]
        shown = textwrap.fill(
            ", ".join(word.replace(" ", "\0") for word in words),
            _WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )
        yield shown.replace("\0", " ")
    yield f"  {'together':{width}} {plan.total():4}"


def price(stack: str, root: Path) -> str:
    """What the stack costs, by the price file."""
    from components.aws.check import read_settings
    from components.aws.prices import summary as price_summary

    settings = read_settings(stack, root)
    there = settings.aws.network.zones or zones.of(settings.aws.region, {"zones": {}})[:3]
    return price_summary(settings, len(there))


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Print plan and price; problems as they are, and then 1."""
    parser = argparse.ArgumentParser(prog="python -m offline.plan", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("stack", nargs="?", default=os.environ.get("STACK") or "aws")
    parser.add_argument("-v", action="store_true", dest="verbose", help="show every resource with its inputs")
    options = parser.parse_args(arguments)
    try:
        if options.verbose:
            show_all(options.stack, root)
        else:
            plan = make_plan(options.stack, root)
            print("\n".join([f"`up` would make {plan.total()} resources:", *summary(plan)]))
            for warning in plan.warnings:
                say(f"warning: {warning}")
        print(f"\n{price(options.stack, root)}")
    except (PlanError, SandboxError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
