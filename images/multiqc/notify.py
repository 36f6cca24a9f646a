"""notify.py ABOUT RUN: tells a webhook how a sheet (ABOUT is sheet) or the samples of a run (sample) have ended.

Whatever happens it ends with 0: a run is what it is, whether somebody hears of it or not.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from cluster import Api, ApiError
from ended import Failure, Rule, begun, failures, rules
from webhook import NotTakenError, post

MOST = 20
"""Most failures that are told one by one, three of them in words."""
MESSAGE = 500
"""Most characters of a failure's message."""
NOT_STARTED = "budget"
"""The cause of samples that never began."""
PATIENCE = 60
"""Seconds of trouble with the API server."""
Facts = Mapping[str, str]
T = TypeVar("T")


def about_samples(facts: Facts, known: Sequence[Rule], run: Mapping[str, Any], now: float) -> dict[str, Any] | None:
    """What there is to tell of a run's samples; None where none has failed.

    Those that a budget did not let begin are no news each: the sheet tells of them.
    """
    found = [one for one in failures(run, known) if one.cause != NOT_STARTED]
    if not found:
        return None
    failed = list(dict.fromkeys(one.sample for one in found))
    which = f"sample {failed[0]}" if len(failed) == 1 else f"{len(failed)} samples"
    text = f"{which} of sheet {facts['sheet']} failed: {_in_words(found, named=len(failed) > 1)}"
    rest = {"sample": failed[0] if len(failed) == 1 else None, "phase": "Failed", **_failed(found)}
    return _payload(facts, text, now - _started(run, now), rest)


def about_sheet(
    facts: Facts, known: Sequence[Rule], own: Mapping[str, Any], runs: Iterable[Mapping[str, Any]], now: float
) -> dict[str, Any]:
    """What there is to tell of a sheet: its samples' runs, and its own, which makes what is made of all of them."""
    found, mine = list[Failure](), failures(own, known)
    samples, started = set[str](), _started(own, now)
    # One after the other: all of them are more than this step has memory for
    for run in runs:
        found += failures(run, known)
        samples |= begun(run)
        started = min(started, _started(run, now))
    failed = {one.sample for one in found if one.cause != NOT_STARTED}
    refused = {one.sample for one in found} - failed
    done = samples - failed - refused
    counts = {"done": len(done), "failed": len(failed), "not_started": len(refused)}
    rest = {
        "sample": None,
        "phase": "Failed" if found or mine else "Succeeded",
        "samples": counts,
        **_failed([*found, *mine]),
    }
    text = f"sheet {facts['sheet']} ended after {_span(now - started)}: {_counted(counts, found, mine)}"
    return _payload(facts, text, now - started, rest)


def _counted(counts: Mapping[str, int], found: Sequence[Failure], mine: Sequence[Failure]) -> str:
    parts = [f"{counts['done']} {'sample' if counts['done'] == 1 else 'samples'} done"]
    failed = [one for one in found if one.cause != NOT_STARTED]
    if failed:
        parts.append(f"{counts['failed']} failed ({_in_words(failed, named=True)})")
    if counts["not_started"]:
        why = next(one.message for one in found if one.cause == NOT_STARTED)
        parts.append(f"{counts['not_started']} not started ({_cut(why)})")
    if mine:
        parts.append(f"what is made of all of them failed ({_in_words(mine, named=False)})")
    return ", ".join(parts)


def _payload(facts: Facts, text: str, seconds: float, rest: Mapping[str, Any]) -> dict[str, Any]:
    words = f"biojobs {facts['stack']}: {text}"
    # As chats want it: a message's words must not call for everybody, nor be taken for a link
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        words = words.replace(sign, written)
    return {"text": words, **facts, **rest, "duration_seconds": max(0, round(seconds))}


def _failed(found: Sequence[Failure]) -> dict[str, Any]:
    told = [
        {"sample": one.sample, "step": one.step, "cause": one.cause, "message": _cut(one.message), "tries": one.tries}
        for one in found[:MOST]
    ]
    return {"failed": told, "more_failed": len(found) - len(told)}


def _in_words(found: Sequence[Failure], named: bool) -> str:
    said = (f"{f'{one.sample} at ' if named else ''}{one.step}: {_cut(one.message)}" for one in found[:3])
    return "; ".join([*said, *([f"and {len(found) - 3} more"] if len(found) > 3 else [])])


def _cut(text: str) -> str:
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * MESSAGE])
    return printable if len(printable) <= MESSAGE else f"{printable[:MESSAGE]}..."


def _span(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _started(run: Mapping[str, Any], now: float) -> float:
    stamp = (run.get("status") or {}).get("startedAt")
    return datetime.fromisoformat(stamp).timestamp() if stamp else now


def _patiently(ask: Callable[[], T]) -> T:
    """An answer of the API server, which may be away for a while."""
    began = time.monotonic()
    while True:
        try:
            return ask()
        except ApiError:
            if time.monotonic() - began >= PATIENCE:
                raise
            time.sleep(5)


def _told(about: str, facts: Facts, known: Sequence[Rule]) -> dict[str, Any] | None:
    """What there is to tell; without details where they cannot be had."""
    try:
        api = Api()
        own = _patiently(lambda: api.workflow(facts["run"]))
        if own is None:
            raise ApiError("the run is gone")
        if about == "sample":
            return about_samples(facts, known, own, api.now())
        labels = f"biojobs/kind=sample,biojobs/sheet={facts['sheet']},biojobs/stack={facts['stack']}"
        return _patiently(lambda: about_sheet(facts, known, own, api.whole(labels), api.now()))
    except (ApiError, AttributeError, KeyError, TypeError, ValueError) as error:
        print(f"notify: how it ended cannot be read: {error}")
        text = f"the run {facts['run']} of sheet {facts['sheet']} has ended; how, could not be read"
        return _payload(facts, text, 0, {"sample": None, "phase": "Unknown", **_failed([])})


def main() -> int:
    """0, whatever happens."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("about", choices=("sample", "sheet"))
    words.add_argument("run")
    words.add_argument("--stack", required=True)
    words.add_argument("--sheet", required=True)
    words.add_argument("--causes", required=True, type=rules)
    given = words.parse_args()
    told = _told(given.about, {"stack": given.stack, "sheet": given.sheet, "run": given.run}, given.causes)
    if told is None:
        print("notify: no sample has failed")
        return 0
    print(f"notify: {told['text']}", flush=True)
    try:
        post(os.environ.get("BIOJOBS_WEBHOOK", ""), json.dumps(told).encode())
        print("notify: the webhook has taken it")
    except NotTakenError as refusal:
        print(f"notify: the webhook has not taken it: {refusal}; given up, the run stays as it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
