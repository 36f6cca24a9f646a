"""The program on AWS, under the real engine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from offline.recording.aws.world import World
from tests.engine import clouds
from tests.engine.clouds import CloudProgram, Target, cloud_program

SETTINGS: Final[dict[str, Any]] = {
    **clouds.SETTINGS,
    "cloud": "aws",
    "region": "eu-west-1",
    "classes": {**clouds.SETTINGS["classes"], "large": {"cpu": "94", "memory": "170Gi", "scratch": "400Gi"}},
}


def _reached(address: str, authority: str) -> Mapping[str, Any]:
    return {"endpoint": f"http://{address}"}


AWS: Final = Target(
    packages={
        "aws": "pulumi-aws",
        "docker": "pulumi-docker",
        "docker-build": "pulumi-docker-build",
        "kubernetes": "pulumi-kubernetes",
    },
    settings=SETTINGS,
    world=World,
    cluster="aws:eks/cluster:Cluster",
    reached=_reached,
    token_command="aws",
)


def aws_program(folder: Path, python: Path) -> AbstractContextManager[CloudProgram]:
    """The program in an empty folder, run by the Python of a virtual environment."""
    return cloud_program(AWS, folder, python)
