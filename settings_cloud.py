"""What the settings of all clouds have in common: networks, buckets, node pools."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

from pydantic import AfterValidator, Field, model_validator

from settings_model import Model

PoolName = Literal["system", "spot-small", "on-demand-small", "spot-large", "on-demand-large", "huge", "gpu"]
PRIVATE: Final = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

_EVERYWHERE: Final = (
    "anyone on the internet could talk to the API server; write your own addresses, such as 192.0.2.7/32"
)


def checked_cidr(value: str) -> str:
    """A network as the standard library writes it; ValueError for anything else."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"write a network such as 10.0.0.0/16 ({error})") from None
    return str(network)


def checked_private_cidr(value: str) -> str:
    """A network of the private ranges (RFC 1918); ValueError for anything else."""
    network = ipaddress.IPv4Network(checked_cidr(value))
    if not any(network.subnet_of(block) for block in PRIVATE):
        raise ValueError("use a private range: part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return str(network)


def _checked_admin_cidr(value: str) -> str:
    network = ipaddress.IPv4Network(checked_cidr(value))
    if network.prefixlen < 8:
        raise ValueError(_EVERYWHERE)
    return str(network)


def checked_bucket(value: str, others: str = ".") -> str:
    """A bucket's name, or nothing; `others` may stand within it besides letters, digits and dashes."""
    if value and not re.fullmatch(rf"[a-z0-9][a-z0-9{re.escape(others)}-]{{1,61}}[a-z0-9]", value):
        raise ValueError(
            "write a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes, without s3:// or gs://"
        )
    return value


AdminCidr = Annotated[str, AfterValidator(_checked_admin_cidr)]
Email = Annotated[str, Field(pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")]


class NodePool(Model):
    """A group of nodes: how many there may be, and of which machine types."""

    types: tuple[str, ...] = Field(min_length=1, max_length=20, description="Machine types; whichever is to be had.")
    min: int = Field(default=0, ge=0, le=450, description="Nodes that are always there.")
    max: int = Field(default=20, ge=0, le=450, description="Most nodes at once; with 0 there is no such pool.")

    @model_validator(mode="after")
    def _range(self) -> NodePool:
        if self.max < self.min:
            raise ValueError(f"max {self.max} is less than min {self.min}; raise max or lower min")
        if len(set(self.types)) < len(self.types):
            raise ValueError("a type is named twice; remove one")
        return self


AnyPool = TypeVar("AnyPool", bound=NodePool)


class NodePools(Model, Generic[AnyPool]):
    """The node pools, a field each. Steps name a size class; the class names its pools."""

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_not_said(cls, values: Any) -> Any:
        """A pool of which a stack file says one thing keeps its other defaults."""
        if not isinstance(values, dict):
            return values
        merged = dict(cast(dict[str, Any], values))
        for name, field in cls.model_fields.items():
            key = field.alias or name
            if isinstance(merged.get(key), dict):
                merged[key] = {**field.default.model_dump(by_alias=True), **merged[key]}
        return merged

    def named(self) -> dict[PoolName, AnyPool]:
        """Every pool that is on, by the name that labels, taints and node groups carry."""
        every: dict[PoolName, AnyPool] = {
            cast(PoolName, name.replace("_", "-")): getattr(self, name) for name in type(self).model_fields
        }
        return {name: pool for name, pool in every.items() if pool.max > 0}
