"""Google Cloud that will have a stack, and a project of one, for tests to take away from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.checks import Result
from components.gcp.check import check
from components.gcp.services import SERVICES
from tests.components.gcp.answers import Answers, Asked, answering, keys_of
from tests.components.gcp.conftest import PROJECT, REGION, ZONES
from tests.components.stackfile import written

PLENTY = (
    *(f"{family}CPUS" for family in ("", "E2_", "N2_", "N2D_", "C2_", "C2D_", "C3_", "C3D_", "PREEMPTIBLE_")),
    *("SSD_TOTAL_GB", "LOCAL_SSD_TOTAL_GB", "INSTANCES", "IN_USE_ADDRESSES", "PREEMPTIBLE_NVIDIA_L4_GPUS"),
)
OF_PROJECT = ("CPUS_ALL_REGIONS", "NETWORKS", "ROUTERS")


def project(folder: Path, **keys: str) -> Path:
    """A project of one stack, `dev`."""
    return written(folder, keys_of(**keys))


def region(**limits: float) -> Mapping[str, Any]:
    """The region, with plenty of everything but those; -1 is a quota that is not listed."""
    values = {**dict.fromkeys(PLENTY, 1e6), **limits}
    return {"name": REGION, "status": "UP", "quotas": quotas(values)}


def quotas(values: Mapping[str, float], used: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    return [
        {"metric": metric, "limit": limit, "usage": (used or {}).get(metric, 0.0)}
        for metric, limit in values.items()
        if limit >= 0
    ]


def whole(**limits: float) -> Mapping[str, Any]:
    """The project's own quotas, likewise."""
    return {"name": PROJECT, "quotas": quotas({**dict.fromkeys(OF_PROJECT, 1e6), **limits})}


def machines(*missing: tuple[str, str]) -> Any:
    """Every type in every zone, but those; a missing zone `*` is all of them."""

    def answer(asked: Asked) -> Mapping[str, Any]:
        zone = asked.url.split("/")[-2]
        kinds = re.findall(r'"([^"]+)"', asked.query["filter"])
        gone = {kind for kind, where in missing if where in (zone, "*")}
        return {"items": [{"name": kind} for kind in kinds if kind not in gone]}

    return answer


def enabled(*apis: str) -> Mapping[str, Any]:
    return {"services": [{"config": {"name": f"{api}.googleapis.com"}} for api in apis]}


def willing(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Google Cloud that has whatever the default settings want."""
    made = answering(monkeypatch)
    compute = f"GET compute/v1/projects/{PROJECT}"
    made.given |= {
        f"GET v1/projects/{PROJECT}/billingInfo": {"billingEnabled": True, "billingAccountName": "billingAccounts/0-1"},
        "GET services": enabled(*SERVICES),
        f"POST v1/projects/{PROJECT}:getEffectiveOrgPolicy": {"listPolicy": {"allValues": "ALLOW"}},
        f"GET regions/{REGION}": region(),
        f"{compute}/zones": {"items": [{"name": zone, "status": "UP"} for zone in ZONES]},
        "GET machineTypes": machines(),
        "GET serverConfig": {"channels": [{"channel": "REGULAR", "defaultVersion": "1.35.1-gke.100"}]},
        compute: whole(),
        "GET aggregated/instances": {},
        "GET aggregated/routers": {},
        "GET global/networks": {},
    }
    return made


def checked(folder: Path, topic: str, **keys: str) -> list[Result]:
    return [result for result in check("dev", project(folder, **keys)) if result.topic == topic]
