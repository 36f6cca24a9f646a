"""Quotas of a cloud: what a stack wants, what there is, and in one line what that means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Verdict = Literal["enough", "some", "none"]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A limit of a cloud. `least` is what a first sample takes, `wanted` what the stack takes with all pools at their
    most. `default` is what the cloud gives at first.
    """

    what: str
    keys: str
    """The settings that want it."""
    least: float
    wanted: float
    default: float


AnyQuota = TypeVar("AnyQuota", bound=Quota)


@dataclass(frozen=True)
class Finding(Generic[AnyQuota]):
    """A quota beside what there is: `have` in all, `used` by others than this stack (None where not known)."""

    quota: AnyQuota
    have: float
    used: float | None
    doubt: str = ""
    """Why `have` is the cloud's default and not the account's value; empty where it is the account's."""

    @property
    def free(self) -> float:
        """What is left for the stack."""
        return max(0.0, self.have - (self.used or 0))

    @property
    def verdict(self) -> Verdict:
        """`none`: not even a first sample runs. `some`: it runs, with fewer nodes than the settings allow."""
        if self.free >= self.quota.wanted:
            return "enough"
        return "some" if self.free >= self.quota.least else "none"


def describe(finding: Finding[AnyQuota], whose: str, remedy: str) -> str:
    """A finding in one line: what, wanted, have and, where that is not enough, the remedy. `whose`: default it is."""
    quota = finding.quota
    have = f"{finding.have:,.6g}"
    if finding.used:
        have += f" less {finding.used:,.6g} in use by others"
    if finding.doubt:
        have += f" ({whose}'s default: {finding.doubt})"
    words = f"{quota.what}: wants {quota.wanted:,.6g}, has {have}"
    if finding.verdict == "enough":
        return words
    short = "fewer nodes than the settings allow" if finding.verdict == "some" else "too little for a first sample"
    return f"{words}: {short}, which takes {quota.least:,.6g}; {remedy}"
