"""The stack that the tests of the pipeline share: made once, taken away at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.stack import Stack, make_env, unused_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack with the real reads of NA12878 in its sheet, up and done."""
    os.environ.update(make_env())
    if reason := unused_stack():
        pytest.fail(reason)
    folder = Path(tempfile.mkdtemp(prefix="biojobs-test-"))
    folder.chmod(0o755)
    made = Stack(folder)
    made.sheet({"NA12878": made.good("NA12878")})
    try:
        made.prepare()
        made.succeed()
        yield made
    finally:
        made.remove()
