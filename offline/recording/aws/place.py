"""Where the recorded AWS works: a region of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from offline.recording.strict.kind import Kind, digits, uuid_of
from offline.values import Map

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Place:
    """What templates may name besides inputs, and the tags of everything."""

    region: str
    partition: str = "aws"
    account: str = ACCOUNT
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def words(self, urn: str, number: int) -> dict[str, Any]:
        """Of the `number`th resource of a URN."""
        sha = digits(urn, number)
        return {
            "sha": sha,
            "hex": sha[:17],
            "hex2": sha[17:34],
            "hex3": sha[34:51],
            "HEX": sha[:32].upper(),
            "uuid": uuid_of(sha),
            "ip": f"203.0.113.{int(sha[:2], 16)}",
            "region": self.region,
            "partition": self.partition,
            "account": self.account,
        }


def computed(kind: Kind, place: Place, inputs: Map) -> Map:
    """All of its tags, where it has any."""
    tags = {**place.default_tags, **cast(Map, inputs.get("tags") or {})}
    return {"tagsAll": tags} if tags else {}
