"""Switches and fixtures of all rings."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write golden manifests anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--golden"))


class ByFile(LoadScopeScheduling):
    """Tests of a file stay together and in order, for they share what is dear to make; those on the cluster's one stack
    are as one file. (xdist's own marker for groups is not heeded under this pytest.)"""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        shared = ("budget", "faults", "jobs", "notify", "pipeline")
        return "stack" if file in (f"tests/cluster/test_{name}.py" for name in shared) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
