"""The program on Google Cloud, under the real engine."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from offline.recording.gcp.place import PROJECT
from offline.recording.gcp.world import World
from tests.engine import clouds
from tests.engine.clouds import CloudProgram, Target, cloud_program

SETTINGS: Final[dict[str, Any]] = {
    **clouds.SETTINGS,
    "cloud": "gcp",
    "project": PROJECT,
    "region": "europe-west4",
    "classes": {**clouds.SETTINGS["classes"], "large": {"cpu": "84", "memory": "165Gi", "scratch": "340Gi"}},
}


def _reached(address: str, authority: str) -> Mapping[str, Any]:
    certificate = base64.b64encode(authority.encode()).decode()
    return {"endpoint": address, "masterAuth": {"clusterCaCertificate": certificate}}


GCP: Final = Target(
    packages={"gcp": "pulumi-gcp", "docker-build": "pulumi-docker-build", "kubernetes": "pulumi-kubernetes"},
    settings=SETTINGS,
    world=World,
    cluster="gcp:container/cluster:Cluster",
    reached=_reached,
    token_command="gke-gcloud-auth-plugin",
    tls=True,
)


def gcp_program(folder: Path, python: Path) -> AbstractContextManager[CloudProgram]:
    """The program in an empty folder, run by the Python of a virtual environment."""
    return cloud_program(GCP, folder, python)
