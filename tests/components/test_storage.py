"""Names of buckets, and where Argo's logs lie in them, on every cloud."""

from __future__ import annotations

import pytest

from components.argo import LOG_KEY
from components.storage import LOGS_PREFIX, Role, bucket_names
from settings import SettingsError

OWN: dict[Role, str] = {"reads": "", "reference": "", "results": ""}


@pytest.mark.parametrize("stack", ["Dev", "dev_1", "a-stack-whose-name-is-long"])
def test_a_stack_whose_name_no_bucket_can_have_is_refused(stack: str) -> None:
    with pytest.raises(SettingsError, match=rf"stack: '{stack}': .*name the stack with at most \d+ lower-case"):
        bucket_names(stack, OWN, "123456789012", "eu-west-1")


def test_the_longest_stack_name_that_is_taken_still_fits() -> None:
    assert max(map(len, bucket_names("a" * 22, OWN, "123456789012", "eu-west-1").values())) == 63


def test_logs_lie_where_argo_may_read_them() -> None:
    assert LOG_KEY.startswith(f"{LOGS_PREFIX}/")
