"""`python -m components.aws.check STACK`: whether AWS will have the stack, before anything is made.

Settings and price need nobody; what needs an account is told as not checked where there is none.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Final

from components import checks
from components.aws import offers, pools, quotas
from components.aws.account import Account, asking, has_credentials, sign_in
from components.aws.pricelist import load
from components.aws.prices import summary
from components.checks import Result
from components.clouds import placeholder_problems
from components.locate import PLAN
from settings import Settings

USUAL_ZONES: Final = 3
_PREVIEW_SECONDS: Final = 4


def _settings(settings: Settings) -> Iterator[Result]:
    target = settings.aws
    problems = [*pools.problems(target, settings.classes), *placeholder_problems(target.admin_cidrs)]
    yield from checks.problems("settings", problems)
    if not problems:
        words = f"{target.region}, Kubernetes {target.kubernetes}, {len(target.pools.named())} node pools"
        yield Result("ok", "settings", words)


def _account(settings: Settings) -> Generator[Result, None, int]:
    """Everything that needs an account. Returns the number of zones that the stack would have."""
    words = "there are no AWS credentials (set AWS_PROFILE, or run `aws configure sso`): zones, instance types, EKS"
    account = yield from checks.account(
        has_credentials,
        f"{words} versions, buckets and quotas are not checked",
        lambda: sign_in(settings.aws.region),
        lambda account: f"{account.id}, as {account.arn}",
    )
    if account is None:
        return USUAL_ZONES
    there: list[str] = []

    def zones() -> Iterator[Result]:
        there.extend(offers.zones_of(account))
        return offers.zones(settings, there)

    today = datetime.datetime.now(datetime.UTC).date()
    yield from _asked("zones", "ec2:DescribeAvailabilityZones", account, zones)
    for topic, action, ask in (
        ("types", "ec2:DescribeInstanceTypeOfferings", lambda: offers.instance_types(settings, account, there)),
        ("kubernetes", "eks:DescribeClusterVersions", lambda: offers.kubernetes(settings, account, today)),
        ("add-ons", "eks:DescribeAddonVersions", lambda: offers.addons(settings, account)),
        ("buckets", "s3:ListBucket", lambda: offers.buckets(settings, account)),
        ("quotas", "servicequotas:GetServiceQuota", lambda: _quotas(settings, account, _count(settings, there))),
    ):
        yield from _asked(topic, action, account, ask)
    return _count(settings, there)


def _count(settings: Settings, there: Sequence[str]) -> int:
    return len(offers.chosen(settings, there)) or USUAL_ZONES


def _asked(topic: str, action: str, account: Account, ask: Callable[[], Iterator[Result]]) -> Iterator[Result]:
    """What a check found, or why it could not be made."""
    return checks.asked(topic, lambda: iter(asking(lambda: list(ask()), action, account.region)))


def _quotas(settings: Settings, account: Account, zones: int) -> Iterator[Result]:
    findings = quotas.compare(quotas.wanted(settings, zones), account, settings.stack)
    return checks.quota_results(findings, partial(quotas.describe, region=account.region))


def warnings_at_preview(settings: Settings, zones: int = USUAL_ZONES) -> list[str]:
    """Quotas that are too small, a line each, for the preview. Empty where nobody can be asked. Never raises, and takes
    a few seconds at most."""
    return [] if os.environ.get(PLAN) else checks.quiet(lambda: _short(settings, zones))


def _short(settings: Settings, zones: int) -> list[str]:
    if not has_credentials():
        return []
    account = sign_in(settings.aws.region, patience=_PREVIEW_SECONDS)
    findings = quotas.compare(quotas.wanted(settings, zones), account, settings.stack)
    return checks.too_small(findings, partial(quotas.describe, region=account.region))


CHECKS: Final = checks.Checks(
    "aws", "AWS", _settings, quotas.wanted, _account, lambda settings, zones, own: summary(settings, zones, load(own))
)
check, read_settings = CHECKS.check, CHECKS.read


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was found, a line each; 1 when there is a problem."""
    return CHECKS.command(__doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
