"""Where a chart comes from: its repository, or the folder that stands in for one that cannot be reached."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from pathlib import Path

from offline.engine import Engine
from offline.paths import get
from offline.resource import ResourceError
from offline.values import Map

OFFLINE_CHARTS = "BIOJOBS_OFFLINE_CHARTS"
PROBE_SECONDS = 5

_told: set[str] = set()
_lock = threading.Lock()


def chart_words(inputs: Map, engine: Engine | None, urn: str) -> list[str]:
    """Helm's arguments for the chart of a release. Raises `ResourceError` if it is nowhere to be had."""
    chart, version = str(inputs["chart"]), str(inputs.get("version") or "")
    repository = str(get(inputs, "repositoryOpts", "repo") or "")
    if not repository:
        if chart.startswith("oci://") or Path(chart).exists():
            return [chart, *(["--version", version] if version else [])]
        raise ResourceError(f"chart: no folder or file {chart}, and no repositoryOpts.repo to look for it")
    trouble = _trouble(repository)
    if not trouble:
        return [chart, "--repo", repository, *(["--version", version] if version else [])]
    folder = Path(os.environ.get(OFFLINE_CHARTS) or ".", f"{chart}-{version}")
    if not os.environ.get(OFFLINE_CHARTS) or not (folder / "Chart.yaml").is_file():
        place = str(folder) if os.environ.get(OFFLINE_CHARTS) else f"${OFFLINE_CHARTS} (not set)"
        raise ResourceError(
            f"chart {chart} {version}: the repository {repository} cannot be reached ({trouble}), and there is no "
            f"chart to stand in at {place}. Connect to the repository, or run `make up`, which makes that folder."
        )
    _tell_once(engine, urn, f"{repository} cannot be reached: using our own chart {folder.name} in its place")
    return [str(folder)]


def _tell_once(engine: Engine | None, urn: str, message: str) -> None:
    with _lock:
        if message in _told:
            return
        _told.add(message)
    if engine:
        engine.info(urn, message)


def _trouble(repository: str) -> str:
    """Why the repository's index cannot be read; empty if it can."""
    try:
        with urllib.request.urlopen(f"{repository.rstrip('/')}/index.yaml", timeout=PROBE_SECONDS):
            return ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
