"""`python -m components.gcp.check STACK`: whether Google Cloud will have the stack, before anything is made.

Settings and price need nobody; what needs a project is told as not checked where there are no credentials.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Final

from components import checks
from components.checks import Result
from components.gcp import offers, quotas
from components.gcp.account import Account, MissingError, has_credentials, sign_in
from components.gcp.pricelist import load
from components.gcp.prices import summary
from components.locate import PLAN
from settings import Settings

_PREVIEW_SECONDS: Final = 4


def _settings(settings: Settings) -> Iterator[Result]:
    # The wiring, which has the list, itself warns by this module.
    from components.gcp.cloud import problems

    target, found = settings.gcp, problems(settings)
    yield from checks.problems("settings", found)
    if not found:
        nodes = "Autopilot" if target.autopilot else f"{len(target.pools.named())} node pools"
        yield Result("ok", "settings", f"{target.project}, {target.region}, {nodes}")


def _account(settings: Settings) -> Generator[Result, None, None]:
    """Everything that needs a project."""
    words = "there are no Google Cloud credentials (`gcloud auth application-default login`): billing, APIs, zones,"
    account = yield from checks.account(
        has_credentials,
        f"{words} machine types, GKE, network, buckets and quotas are not checked",
        lambda: sign_in(settings.gcp.project, settings.gcp.region),
        lambda account: f"{account.project}, number {account.number}, with {account.who}",
    )
    if account is None:
        return
    yield from checks.asked("billing", lambda: offers.billing(account))
    yield from checks.asked("apis", lambda: offers.apis(settings, account))
    found: list[offers.Region] = []
    yield from checks.asked("zones", lambda: _zones(settings, account, found))
    for region in found:
        yield from checks.asked("types", partial(offers.machine_types, settings, account, region))
        yield from checks.asked("quotas", partial(_quotas, settings, account, region))
    yield from checks.asked("gke", lambda: offers.gke_versions(account))
    yield from checks.asked("network", lambda: offers.network(settings, account))
    yield from checks.asked("buckets", lambda: offers.buckets(settings, account))


def _zones(settings: Settings, account: Account, found: list[offers.Region]) -> Iterator[Result]:
    try:
        found.append(offers.region_of(account))
    except MissingError:
        words = f"biojobs:region: {account.region!r}: is no region of Google Cloud, or not one for {account.project}"
        return iter([Result("problem", "zones", f"{words}; name one that `gcloud compute regions list` lists")])
    return offers.zones(settings, found[0])


def _quotas(settings: Settings, account: Account, region: offers.Region) -> Iterator[Result]:
    findings = quotas.findings(settings, account, region)
    yield from checks.quota_results(findings, partial(quotas.describe, account=account))
    yield from checks.problems("quotas", quotas.starved(settings, findings))


def warnings_at_preview(settings: Settings) -> list[str]:
    """What Google Cloud would refuse later, and quotas that are too small, a line each, for the preview. Empty where
    nobody can be asked. Never raises, and takes a few seconds at most."""
    return _at_preview(settings, _short)


def policy_problems(settings: Settings) -> list[str]:
    """APIs that the organization's policy keeps off, and a project without billing: nothing could be made. Empty where
    that cannot be asked."""
    return _at_preview(settings, _refused)


def _at_preview(settings: Settings, ask: Callable[[Settings, Account], list[str]]) -> list[str]:
    def answer() -> list[str]:
        target = settings.gcp
        return ask(settings, sign_in(target.project, target.region, patience=_PREVIEW_SECONDS))

    return [] if os.environ.get(PLAN) or not has_credentials() else checks.quiet(answer)


def _short(settings: Settings, account: Account) -> list[str]:
    findings = quotas.findings(settings, account, offers.region_of(account))
    return [*checks.too_small(findings, partial(quotas.describe, account=account)), *quotas.starved(settings, findings)]


def _refused(settings: Settings, account: Account) -> list[str]:
    results = [
        *checks.asked("billing", lambda: offers.billing(account)),
        *checks.asked("apis", lambda: offers.apis(settings, account)),
    ]
    return [result.words for result in results if result.state == "problem" and result.words.startswith("biojobs:")]


CHECKS: Final = checks.Checks(
    "gcp", "Google Cloud", _settings, quotas.wanted, _account, lambda settings, _, own: summary(settings, load(own))
)
check, read_settings = CHECKS.check, CHECKS.read


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was found, a line each; 1 when there is a problem."""
    return CHECKS.command(__doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
