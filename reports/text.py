"""Words and numbers for people: cut, without control characters, in units that are read at a glance."""

from __future__ import annotations

import re
from typing import Final

MOST_WORDS: Final = 2000
"""Characters of a message that are shown."""
# Control characters, and those that turn the direction of what follows or cannot be seen.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]+")
_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def cleaned(text: str, most: int = MOST_WORDS) -> str:
    """A text on one line, without anything that cannot be seen, of at most `most` characters."""
    # Cut before it is searched: a message may have megabytes.
    short = _UNSEEN.sub(" ", text[: 2 * most]).strip()
    return short if len(short) <= most and len(text) <= 2 * most else f"{short[:most].rstrip()} ..."


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `3.4 h`, `2.1 d`."""
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.{0 if unit == 'min' and seconds >= 600 else 1}f} {unit}"
    return f"{seconds:.0f} s"


def data(count: float) -> str:
    """Bytes: `512 B`, `1.4 MiB`, `12 GiB`."""
    unit = "B"
    for following in ("KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            break
        count, unit = count / 1024, following
    return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"


def money(usd: float | None) -> str:
    """USD; what is not known is never shown as nothing, and what is paid for never as free."""
    if usd is None:
        return "unknown"
    if 0 < usd < 0.0001:
        return "< 0.0001 USD"
    return f"{usd:,.4f} USD" if 0 < usd < 0.01 else f"{usd:,.2f} USD"


def counted(count: int, what: str, plural: str = "") -> str:
    """`1 sample`, `2,500 samples`."""
    return f"{count:,} {what if count == 1 else plural or what + 's'}"
