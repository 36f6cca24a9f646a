"""What a plan has to know of each cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.quotas import Quota
from settings import Settings


@dataclass(frozen=True)
class PlannedCloud:
    """A cloud whose stacks can be planned without an account."""

    called: str
    """Its name in messages."""
    account: str
    """What it calls what one has there."""
    stands_in: str
    """What the plan shows for whatever only an account tells."""
    packages: Mapping[str, str]
    """Its Pulumi packages, and those of Python that they go with."""
    price: Callable[[Settings], str]
    """What a stack costs by the price file, as text."""
    quotas: Callable[[Settings], Sequence[Quota]]
    """What a stack wants of the account."""

    @property
    def nothing_asked(self) -> str:
        """What has to be known of every plan."""
        return (
            f"Nothing was asked of {self.called}: this is the plan for {self.account} that has nothing yet "
            f"({self.stands_in})."
        )


def _aws_zones(settings: Settings) -> int:
    from offline.recording.aws import zones

    return len(settings.aws.network.zones or zones.of(settings.aws.region, {"zones": {}})[:3])


def _aws_price(settings: Settings) -> str:
    from components.aws.prices import summary

    return summary(settings, _aws_zones(settings))


def _aws_quotas(settings: Settings) -> Sequence[Quota]:
    from components.aws.quotas import wanted

    return wanted(settings, _aws_zones(settings))


def _gcp_price(settings: Settings) -> str:
    from components.gcp.prices import summary

    return summary(settings)


def _gcp_quotas(settings: Settings) -> Sequence[Quota]:
    from components.gcp.quotas import wanted

    return wanted(settings)


EVERYWHERE: Final = {"docker-build": "pulumi-docker-build", "kubernetes": "pulumi-kubernetes"}
CLOUDS: Final[Mapping[str, PlannedCloud]] = {
    "aws": PlannedCloud(
        called="AWS",
        account="an account",
        stands_in="123456789012 stands for its number",
        packages={"aws": "pulumi-aws", "docker": "pulumi-docker", **EVERYWHERE},
        price=_aws_price,
        quotas=_aws_quotas,
    ),
    "gcp": PlannedCloud(
        called="Google Cloud",
        account="a project",
        stands_in="123456789012 stands for its number",
        packages={"gcp": "pulumi-gcp", **EVERYWHERE},
        price=_gcp_price,
        quotas=_gcp_quotas,
    ),
}
CREDENTIALS: Final = ("AWS_", "CLOUDSDK_", "GCLOUD_", "GOOGLE_")
"""How variables of the environment begin that lead to an account."""


def quota_lines(cloud: PlannedCloud, settings: Settings) -> list[str]:
    """What the stack wants of quotas, as a table."""
    rows = [("Quotas", "all pools full", "first sample", "new account")]
    rows += [
        (f"  {quota.what}", *(f"{value:,.6g}" for value in (quota.wanted, quota.least, quota.default)))
        for quota in cloud.quotas(settings)
    ]
    first = max(len(row[0]) for row in rows)
    return [f"{what:{first}}" + "".join(f"  {value:>14}" for value in values) for what, *values in rows]
