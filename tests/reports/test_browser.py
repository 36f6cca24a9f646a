"""The page in a real browser, where there is one: charts are drawn, tables sort and are searched, nothing complains."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from reports.page import page
from tests.reports.sheets import PRICES, cohort, facts_of

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BEFORE = """<script>
window.complaints = [];
addEventListener("error", (event) => complaints.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => complaints.push(event.violatedDirective, event.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...words) => complaints.push(words.join(" "));
</script>"""
AFTER = """<script>
const shown = "#samples tbody tr:not([hidden]) td:first-child";
const names = () => [...document.querySelectorAll(shown)].map((cell) => cell.textContent);
const cost = document.querySelectorAll("#samples th")[4];
cost.click();
const cheap = names();
cost.click();
const dear = names();
const box = document.querySelector("input[data-of=samples]");
box.value = "failed qc";
box.dispatchEvent(new Event("input"));
const told = {
  complaints, cheap, dear, searched: names(), count: document.getElementById("samples-told").textContent,
  drawn: [...document.querySelectorAll(".chart")].map((chart) => chart.querySelectorAll("svg path, svg rect").length),
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
document.body.dataset.told = JSON.stringify(told);
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file: Path = tmp_path_factory.mktemp("browser") / "page.html"
    text = page(facts_of(cohort(60)), PRICES)
    file.write_text(text.replace("<head>", f"<head>{BEFORE}", 1).replace("</body>", f"{AFTER}</body>"))
    words = ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1180,1000", "--dump-dom")
    profile = f"--user-data-dir={file.parent / 'profile'}"
    done = subprocess.run(
        [str(BROWSER), *words, profile, file.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    found = re.search(r'data-told="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(unescape(found[1]))


def test_the_browser_has_nothing_to_complain_of(told: dict[str, Any]) -> None:
    assert told["complaints"] == []


def test_every_chart_is_drawn_and_nothing_is_wider_than_the_window(told: dict[str, Any]) -> None:
    assert len(told["drawn"]) == 5
    assert all(shapes > 10 for shapes in told["drawn"])
    assert told["wide"] == 0


def test_a_click_sorts_by_numbers_and_a_second_one_the_other_way_round(told: dict[str, Any]) -> None:
    assert told["cheap"] == told["dear"][::-1]
    assert len(told["cheap"]) == 60
    assert told["cheap"][0] in ("P0007", "P0057")  # the gate stopped them


def test_a_search_keeps_the_rows_that_hold_all_words(told: dict[str, Any]) -> None:
    assert sorted(told["searched"]) == ["P0007", "P0057"]
    assert told["count"] == "2 of 60"
