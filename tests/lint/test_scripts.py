"""What shellcheck does not see in the scripts of the images."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.program import ROOT

SCRIPTS = sorted((ROOT / "images").glob("*/*.sh"))
STOPS_EARLY = re.compile(r"(?<!\|)\|(?!\|)\s*(grep\s+-\w*[qm]|head\b|sed\s.*q['\"}])")


@pytest.mark.parametrize("script", SCRIPTS, ids=[f"{file.parent.name}/{file.name}" for file in SCRIPTS])
def test_nothing_is_piped_into_a_reader_that_stops_early(script: Path) -> None:
    """With pipefail such a pipe fails at times: a rule that was kept was said to be broken, on a loaded machine."""
    lines = script.read_text().splitlines()
    assert [line for line in lines if STOPS_EARLY.search(line) and not line.lstrip().startswith("#")] == []
