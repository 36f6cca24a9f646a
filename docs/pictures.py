"""Draws the pictures of docs/pipelines/report.md: `python -m docs.pictures`. Needs Chromium.

They show the page as `./biojobs report` makes it, of made-up runs: the same ones as in the page's tests.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from reports.page import page
from tests.reports.sheets import PRICES, cohort, facts_of
from tests.reports.test_browser import BROWSER

HERE: Final = Path(__file__).parent / "pipelines"
HEIGHTS: Final = {1: 2200, 20: 2700, 500: 2700}
"""Samples -> pixels from the top of the page; what is below are tables."""


def draw(samples: int, height: int) -> Path:
    """The picture of a page of so many samples."""
    made = HERE / f"report-{samples}.png"
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "page.html"
        file.write_text(page(facts_of(cohort(samples)), PRICES))
        words = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000")
        places = (f"--window-size=1180,{height}", f"--screenshot={made}", f"--user-data-dir={name}/profile")
        subprocess.run([str(BROWSER), *words, *places, file.as_uri()], check=True, capture_output=True, timeout=120)
    return made


if __name__ == "__main__":
    if BROWSER is None:
        raise SystemExit("no Chromium is in PATH: install chromium, or google-chrome")
    for count, pixels in HEIGHTS.items():
        print(draw(count, pixels).relative_to(HERE.parent.parent))
