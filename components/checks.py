"""What `python -m components.<cloud>.check STACK` does on every cloud: it reads a stack file, asks one thing after the
other, and tells what was found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar, cast

import yaml

from components.accounts import AccountError, DeniedError
from components.pricelist import PriceError
from components.quotas import Finding
from settings import Settings, SettingsError, load

ROOT: Final = Path(__file__).resolve().parents[1]
A = TypeVar("A")
T = TypeVar("T")
State = Literal["ok", "warning", "problem", "unchecked"]


@dataclass(frozen=True)
class Result:
    """What a check found. A `problem` keeps the stack from being made, or a first sample from running."""

    state: State
    topic: str
    words: str


@dataclass(frozen=True)
class Checks(Generic[T]):
    """All checks of a cloud: settings by themselves, what the cloud says of them, and the price.

    `reckon` raises LookupError for settings with which nothing can be asked or reckoned; `summary` takes what `online`
    found out, and a price file of one's own.
    """

    cloud: str
    called: str
    """The cloud's name in messages."""
    offline: Callable[[Settings], Iterator[Result]]
    reckon: Callable[[Settings], object]
    online: Callable[[Settings], Generator[Result, None, T]]
    summary: Callable[[Settings, T, Path | None], str]

    def read(self, stack: str, root: Path) -> Settings:
        """The settings of a stack file, read without Pulumi. Raises SettingsError, also for one of another cloud."""
        settings = load(_written(root / f"Pulumi.{stack}.yaml"), stack, root)
        if settings.cloud != self.cloud:
            raise SettingsError(
                f"biojobs:cloud: {settings.cloud!r}: this checks {self.called}; name a stack that is on {self.cloud}"
            )
        return settings

    def check(self, stack: str, root: Path = ROOT, price_file: Path | None = None) -> Iterator[Result]:
        """Everything of a stack of the project in `root`; what cannot be checked says so, and the next one goes on."""
        try:
            settings = self.read(stack, root)
        except SettingsError as error:
            yield from problems("settings", str(error).splitlines())
            return
        yield from self.offline(settings)
        try:
            self.reckon(settings)
        except LookupError:
            return  # the settings' problems name it
        found = yield from self.online(settings)
        try:
            yield Result("ok", "price", self.summary(settings, found, price_file))
        except PriceError as error:
            yield Result("problem", "price", str(error))

    def command(self, doc: str | None, arguments: Sequence[str] | None) -> int:
        """The command of the cloud: prints what was found, a line each; 1 when there is a problem."""
        parser = argparse.ArgumentParser(prog=f"python -m components.{self.cloud}.check", description=doc)
        parser.add_argument("stack", help="name of the stack: Pulumi.STACK.yaml has its settings")
        parser.add_argument("--prices", type=Path, metavar="FILE", help="your own prices, laid over prices.json")
        options = parser.parse_args(arguments)
        failed = False
        for result in self.check(options.stack, price_file=options.prices):
            failed |= result.state == "problem"
            print(f"{result.state:<10}{result.topic:<11}{result.words}", flush=True)
        return int(failed)


def _written(file: Path) -> dict[str, str]:
    """What a stack file says, as Pulumi hands it over: all but strings as JSON."""
    try:
        written = cast(object, yaml.safe_load(file.read_text()))
    except OSError as error:
        raise SettingsError(f"{file.name}: cannot be read ({error.strerror}); name a stack that has a file") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file.name}: is not YAML: {error}") from None
    whole = cast("Mapping[str, Mapping[str, object]]", written if isinstance(written, dict) else {})
    config = whole.get("config") or {}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def account(
    has_credentials: Callable[[], bool], unchecked: str, sign_in: Callable[[], A], who: Callable[[A], str]
) -> Generator[Result, None, A | None]:
    """Whether somebody can be asked, and who asks. `unchecked`: what is not checked without. Returns the account."""
    if not has_credentials():
        yield Result("unchecked", "account", unchecked)
        return None
    try:
        found = sign_in()
    except AccountError as error:
        yield Result("problem", "account", str(error))
        return None
    yield Result("ok", "account", who(found))
    return found


def problems(topic: str, lines: Iterable[str]) -> Iterator[Result]:
    """A problem for each line."""
    return (Result("problem", topic, line) for line in lines)


def asked(topic: str, ask: Callable[[], Iterator[Result]]) -> Iterator[Result]:
    """What a check found, or why it could not be made."""
    try:
        yield from list(ask())
    except DeniedError as error:
        yield Result("unchecked", topic, str(error))
    except AccountError as error:
        yield Result("problem", topic, str(error))


def quota_results(findings: Iterable[Finding[Any]], describe: Callable[[Any], str]) -> Iterator[Result]:
    """Quotas beside what the settings want."""
    for finding in findings:
        # What is only the cloud's default may long be more in this account.
        short: State = "problem" if finding.verdict == "none" and not finding.doubt else "warning"
        yield Result("ok" if finding.verdict == "enough" else short, "quotas", describe(finding))


def too_small(findings: Iterable[Finding[Any]], describe: Callable[[Any], str]) -> list[str]:
    """Quotas that are known to be too small, a line each, as a preview tells them."""
    return [describe(finding) for finding in findings if finding.verdict != "enough" and not finding.doubt]


def quiet(ask: Callable[[], list[str]]) -> list[str]:
    """What was found, for a preview; nothing where it could not be found out. Never raises."""
    try:
        return ask()
    except Exception:  # noqa: BLE001  a preview must not fail on what only advises
        return []
