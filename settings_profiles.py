"""Profiles: named defaults of the common keys. A stack file picks one and overrides what it likes, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

ProfileName = Literal["stub", "local", "cloud"]

_STUB_CLASS: Final = {"cpu": "100m", "memory": "512Mi", "scratch": "1Gi"}

PROFILES: Final[Mapping[ProfileName, Mapping[str, Any]]] = {
    "stub": {
        "wait": True,
        "classes": {"small": _STUB_CLASS, "large": _STUB_CLASS, "huge": _STUB_CLASS, "gpu": _STUB_CLASS},
    },
    "local": {
        "wait": True,
        "classes": {
            "small": {"cpu": "300m", "memory": "1Gi", "scratch": "10Gi"},
            "large": {"cpu": "1100m", "memory": "4Gi", "scratch": "20Gi"},
            "huge": {"cpu": "1100m", "memory": "4Gi", "scratch": "20Gi"},
            "gpu": {"cpu": "1100m", "memory": "4Gi", "scratch": "20Gi"},
        },
    },
    "cloud": {
        "wait": False,
        "classes": {
            "small": {"cpu": "1", "memory": "4Gi", "scratch": "100Gi"},
            "large": {"cpu": "84", "memory": "165Gi", "scratch": "340Gi"},
            "huge": {"cpu": "16", "memory": "115Gi", "scratch": "200Gi"},
            "gpu": {"cpu": "7", "memory": "13Gi", "scratch": "100Gi", "gpus": 1},
        },
    },
}
"""What each profile says; the keys are those of a stack file.

`stub` computes nothing, so a step asks for the least that is allowed. `local` leaves two steps side by side on two
cores. `cloud` fits the default pools of AWS and Google Cloud alike, also with the double memory that a step gets after
an out-of-memory kill.
"""

_OF_CLOUD: Final[Mapping[str, ProfileName]] = {"local": "local", "aws": "cloud", "gcp": "cloud"}


def usual_profile(cloud: str) -> ProfileName:
    """The profile of a stack that names none."""
    return _OF_CLOUD[cloud]


def with_profile(values: Mapping[str, Any], cloud: str) -> dict[str, Any]:
    """The stack file's values over those of its profile.

    `values` are by key without `biojobs:`. One that cannot be merged, or a profile that is none, is kept as it is: the
    settings' types refuse it under the key that the user wrote.
    """
    name = values.get("profile", usual_profile(cloud))
    chosen = name if isinstance(name, str) and name in PROFILES else usual_profile(cloud)
    return {**_merged(PROFILES[chosen], values), "profile": name}


def whose(profile: str, said: Mapping[str, Any], *path: str) -> str:
    """A remark that the value at `path`, such as classes, large, memory, comes from the profile; none where the stack
    file says it. `said` are the stack file's values."""
    inner: Any = said
    for key in path:
        if not isinstance(inner, Mapping) or key not in inner:
            return f" (of biojobs:profile {profile})"
        inner = cast(Mapping[str, Any], inner)[key]
    return ""


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid upon `under`; mappings are merged key by key, anything else is replaced whole."""
    made = {**under, **over}
    for key in under.keys() & over.keys():
        below, above = under[key], over[key]
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            made[key] = _merged(cast(Mapping[str, Any], below), cast(Mapping[str, Any], above))
    return made
