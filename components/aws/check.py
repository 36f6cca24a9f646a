"""`python -m components.aws.check STACK`: whether AWS will have the stack, before anything is made.

Settings and price need nobody; what needs an account is told as not checked where there is none.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import yaml

from components.aws import offers, pools, quotas
from components.aws.account import Account, AccountError, DeniedError, explain, has_credentials, sign_in
from components.aws.locate import PLAN
from components.aws.offers import Result
from components.aws.pricelist import PriceError, load
from components.aws.prices import summary
from settings import Settings, SettingsError
from settings import load as load_settings

ROOT: Final = Path(__file__).resolve().parents[2]
USUAL_ZONES: Final = 3
_PREVIEW_SECONDS: Final = 4


def check(stack: str, root: Path = ROOT, price_file: Path | None = None) -> Iterator[Result]:
    """All checks of a stack of the project in `root`; where one cannot be made, it says so and the next ones go on."""
    try:
        settings = read_settings(stack, root)
    except SettingsError as error:
        yield from (Result("problem", "settings", line) for line in str(error).splitlines())
        return
    yield from _settings(settings)
    try:
        quotas.wanted(settings)
    except LookupError:
        return  # of types that do not exist nothing can be asked or reckoned; the settings' problems name them
    zones = yield from _account(settings)
    yield from _price(settings, zones, price_file)


def read_settings(stack: str, root: Path) -> Settings:
    """The settings of a stack file of AWS, read without Pulumi. Raises SettingsError."""
    file = root / f"Pulumi.{stack}.yaml"
    try:
        written = cast(object, yaml.safe_load(file.read_text()))
    except OSError as error:
        raise SettingsError(f"{file.name}: cannot be read ({error.strerror}); name a stack that has a file") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file.name}: is not YAML: {error}") from None
    whole = cast("Mapping[str, Mapping[str, object]]", written if isinstance(written, dict) else {})
    config = whole.get("config") or {}
    # As Pulumi hands them over: all but strings as JSON.
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    settings = load_settings(texts, stack, root)
    if settings.cloud != "aws":
        raise SettingsError(f"biojobs:cloud: {settings.cloud!r}: this checks AWS; name a stack that is on aws")
    return settings


def _settings(settings: Settings) -> Iterator[Result]:
    target = settings.aws
    problems = pools.problems(target, settings.classes)
    problems += [
        f"biojobs:adminCidrs: {cidr!r}: is an address for documentation; write your own, as "
        "`curl https://checkip.amazonaws.com` tells it, with /32"
        for cidr in pools.placeholder_cidrs(target)
    ]
    yield from (Result("problem", "settings", problem) for problem in problems)
    if not problems:
        words = f"{target.region}, Kubernetes {target.kubernetes}, {len(target.pools.named())} node pools"
        yield Result("ok", "settings", words)


def _account(settings: Settings) -> Generator[Result, None, int]:
    """Everything that needs an account. Returns the number of zones that the stack would have."""
    if not has_credentials():
        words = "there are no AWS credentials (set AWS_PROFILE, or run `aws configure sso`): zones, instance types, EKS"
        yield Result("unchecked", "account", f"{words} versions, buckets and quotas are not checked")
        return USUAL_ZONES
    try:
        account = sign_in(settings.aws.region)
    except AccountError as error:
        yield Result("problem", "account", str(error))
        return USUAL_ZONES
    yield Result("ok", "account", f"{account.id}, as {account.arn}")
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
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from list(ask())
    except DeniedError as error:
        yield Result("unchecked", topic, str(error))
    except AccountError as error:
        yield Result("problem", topic, str(error))
    except (ClientError, BotoCoreError) as error:
        meaning = explain(error, action, account.region)
        yield Result("unchecked" if isinstance(meaning, DeniedError) else "problem", topic, str(meaning))


def _quotas(settings: Settings, account: Account, zones: int) -> Iterator[Result]:
    for finding in quotas.compare(quotas.wanted(settings, zones), account, settings.stack):
        # What is only AWS's default may long be more in this account.
        short: offers.State = "problem" if finding.verdict == "none" and not finding.doubt else "warning"
        state = "ok" if finding.verdict == "enough" else short
        yield Result(state, "quotas", quotas.describe(finding, account.region))


def _price(settings: Settings, zones: int, price_file: Path | None) -> Iterator[Result]:
    try:
        yield Result("ok", "price", summary(settings, zones, load(price_file)))
    except PriceError as error:
        yield Result("problem", "price", str(error))


def warnings_at_preview(settings: Settings, zones: int = USUAL_ZONES) -> list[str]:
    """Quotas that are too small, a line each, for the preview. Empty where nobody can be asked. Never raises, and takes
    a few seconds at most."""
    if os.environ.get(PLAN):
        return []
    try:
        if not has_credentials():
            return []
        account = sign_in(settings.aws.region, patience=_PREVIEW_SECONDS)
        findings = quotas.compare(quotas.wanted(settings, zones), account, settings.stack)
        return [
            quotas.describe(each, account.region) for each in findings if each.verdict != "enough" and not each.doubt
        ]
    except Exception:  # noqa: BLE001  a preview must not fail on what only advises
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was found, a line each; 1 when there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m components.aws.check", description=__doc__)
    parser.add_argument("stack", help="name of the stack: Pulumi.STACK.yaml has its settings")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="your own prices, laid over prices.json")
    options = parser.parse_args(arguments)
    failed = False
    for result in check(options.stack, price_file=options.prices):
        failed |= result.state == "problem"
        print(f"{result.state:<10}{result.topic:<11}{result.words}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
