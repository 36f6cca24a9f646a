"""What is left of a stack in a cloud, told apart from what is kept; each cloud's `audit.py` finds it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from components.accounts import AccountError
from settings import SettingsError

Fate = Literal["kept", "going", "paid", "free"]


@dataclass(frozen=True)
class Left:
    """Something that is there. `kept`: on purpose. `going`: the cloud removes it by itself. `paid` and `free`: left
    over."""

    cloud: ClassVar[str]
    """The cloud's name in messages."""

    name: str
    """The cloud's full name of it: an ARN, or a resource's path."""
    fate: Fate

    @property
    def kind(self) -> tuple[str, str]:
        """Service and kind, such as ("ec2", "natgateway")."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """What the cloud's commands call it."""
        raise NotImplementedError

    @property
    def command(self) -> str:
        """The command that removes it; empty where there is no simple one."""
        raise NotImplementedError

    @property
    def remedy(self) -> str:
        """How to remove it; empty where nothing has to be done."""
        if self.fate in ("kept", "going"):
            return ""
        return f"`{self.command}`" if self.command else f"`pulumi destroy` again, or {self.cloud}'s console"


@dataclass(frozen=True)
class Audit:
    """What is left, and what could not be looked for."""

    left: tuple[Left, ...]
    unchecked: tuple[str, ...]

    @property
    def unexpected(self) -> tuple[Left, ...]:
        """What nobody meant to keep."""
        return tuple(left for left in self.left if left.fate in ("paid", "free"))


def sorted_audit(left: Iterable[Left], unchecked: Iterable[str]) -> Audit:
    """An audit in the order of its report."""
    return Audit(tuple(sorted(left, key=lambda each: (each.fate, each.name))), tuple(unchecked))


def report(audit: Audit, stack: str, region: str, cloud: str, kept: str) -> Iterator[str]:
    """The audit as text, a line each. `kept`: what is kept, and what it costs."""
    headings: Mapping[Fate, str] = {
        "paid": "left over, and paid for",
        "free": "left over, free, and in the way of the next `up`",
        "going": f"being removed by {cloud}",
        "kept": f"kept on purpose ({kept})",
    }
    for fate, heading in headings.items():
        left = [each for each in audit.left if each.fate == fate]
        if left:
            yield f"{heading}:"
        for each in left:
            yield f"  {' '.join(each.kind):<28}{each.id}" + (f"   {each.remedy}" if each.remedy else "")
    for reason in audit.unchecked:
        yield f"not looked for: {reason}"
    if not audit.unexpected:
        yield f"nothing unexpected of {stack} is left in {region}" + (
            ", as far as could be seen" * bool(audit.unchecked)
        )


def command(
    parser: argparse.ArgumentParser,
    look: Callable[[argparse.Namespace], tuple[Audit, Iterator[str]]],
    arguments: Sequence[str] | None,
) -> int:
    """The command of a cloud: prints what is left; 0 when nothing unexpected is, 1 when something is, 2 when that could
    not be found out. `look`: the audit of the parsed arguments, and its report."""
    parser.add_argument("stack", help="name of the stack")
    options = parser.parse_args(arguments)
    try:
        found, lines = look(options)
    except (SettingsError, AccountError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 1 if found.unexpected else 2 if found.unchecked else 0
