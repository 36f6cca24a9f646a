"""What changed since a step record was written: the image, an argument, an input; in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from workflows.steps import Item, Step
from workflows.types import Source

_COMMON: Final = frozenset({"also", "image", "key", "memory", "record", "run", "sample", "threads"})
"""Options that no result depends on, or that stand for others."""
_MOST: Final = 3
Words = Mapping[str, tuple[str, ...]]


def shown(text: object, most: int = 160) -> str:
    """A text of others as a terminal may have it: one line, no control characters, at most so long."""
    plain = "".join(char if char.isprintable() else "?" for char in str(text)[: most + 1])
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def grouped(words: Sequence[str]) -> Words:
    """Arguments by option, each with all of its words, wherever they stood."""
    found: dict[str, list[str]] = {}
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word[2:]
            found.setdefault(option, [])
        else:
            found.setdefault(option, []).append(word)
    return {name: tuple(values) for name, values in found.items() if name not in _COMMON}


def arguments(step: Step, item: Item) -> Words:
    """What a step would be told for an item."""
    return grouped([*step.args, *(word for name, value in item.args.items() for word in (f"--{name}", value))])


def changes(
    step: Step, item: Item, record: Mapping[str, Any], sources: Mapping[str, Source], images: Mapping[str, str]
) -> Iterator[str]:
    """What is another thing than when the record was written. `sources` are files as they are now, by URI, `images`
    the images by name."""
    wanted, old, new = arguments(step, item), str(record.get("image", "")), images.get(step.image, "")
    if new and digest(old) != digest(new):
        yield f"the image {step.image} changed: {_short(old)} -> {_short(new)}"
    told = record.get("arguments")
    if isinstance(told, list):
        yield from _options(grouped([str(word) for word in cast(list[object], told)]), wanted)
    yield from _inputs(record, [word for words in wanted.values() for word in words], sources)


def digest(image: str) -> str:
    """`registry/fastqc@sha256:0123` -> `sha256:0123`; what a key has of an image."""
    return image.rpartition("@")[2]


def _short(image: str) -> str:
    return shown(digest(image).removeprefix("sha256:")[:12]) or "none"


def _options(before: Words, now: Words) -> Iterator[str]:
    names = [name for name in sorted({*before, *now}) if before.get(name, ()) != now.get(name, ())]
    for name in names[:_MOST]:
        old, new = (shown(" ".join(words[name]), 80) if name in words else "none" for words in (before, now))
        yield f"--{shown(name, 40)} changed: {old} -> {new}"
    if len(names) > _MOST:
        yield f"{len(names) - _MOST} more arguments changed"


def _inputs(record: Mapping[str, Any], words: Sequence[str], sources: Mapping[str, Source]) -> Iterator[str]:
    """Files that the record tells of, and that are others now."""
    listed = record.get("inputs")
    inputs = cast(list[object], listed) if isinstance(listed, list) else []
    known = [cast(Mapping[str, Any], one) for one in inputs if isinstance(one, dict)]
    before = {str(one.get("uri")): one for one in known}
    for uri in dict.fromkeys(words):
        if uri not in sources or uri not in before:
            continue
        size, now = before[uri].get("size"), sources[uri]
        if now.size and size != now.size:
            yield f"the input {shown(uri)} changed: {_bytes(size)} -> {_bytes(now.size)}"
        elif (written := _written(now)) and (then := seconds(before[uri].get("modified"))) and then != written:
            yield f"the input {shown(uri)} was written again: {_time(then)} -> {_time(written)}"


def _bytes(size: object) -> str:
    return f"{size:,} bytes" if isinstance(size, int) else "?"


def _written(source: Source) -> int:
    """Seconds since 1970 of a file whose identity is its size and time; 0 of any other."""
    size, _, nanoseconds = source.identity.partition("-")
    return int(nanoseconds) // 10**9 if size == str(source.size) and re.fullmatch("[0-9]{1,19}", nanoseconds) else 0


def seconds(modified: object) -> int:
    """Seconds since 1970 of a record's time; 0 where it is none."""
    try:
        found = datetime.fromisoformat(f"{str(modified)[:19]}+00:00")
        return int(found.timestamp())
    except (ValueError, OverflowError):
        return 0


def _time(since_1970: int) -> str:
    return f"{datetime.fromtimestamp(since_1970, UTC):%Y-%m-%d %H:%M:%S}"
