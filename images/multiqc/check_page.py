"""check_page.py PAGE DATA FACTS: is the page whole, and does it show every file under its own name?

Prints the modules on it as JSON.
"""

import base64
import csv
import gzip
import json
import re
import sys
from pathlib import Path

PLOTS = re.compile(r'<script type="text/plain" id="mqc_compressed_plotdata">([^<]+)</script>')


class PageError(Exception):
    """The page is not what it should be."""


def plots(page: str) -> str:
    """The data of the plots, which are on the page in packed form."""
    if not page.rstrip().endswith("</html>"):
        raise PageError("the page is cut")
    packed = PLOTS.search(page)
    if not packed:
        raise PageError("the page has no data of plots")
    text = gzip.decompress(base64.b64decode(packed[1])).decode()
    json.loads(text)
    return text


def shown(sources: Path) -> tuple[dict[str, list[str]], list[str]]:
    """What MultiQC read: staged file -> the names under which it is shown; and the modules that read it."""
    found: dict[str, list[str]] = {}
    modules: set[str] = set()
    with sources.open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            found.setdefault(Path(row["Source"]).name, []).append(row["Sample Name"])
            modules.add(f"{row['Module']} {row['Section']}")
    return found, sorted(modules)


def main(page: Path, data: Path, facts: Path) -> None:
    """Raises when something is missing."""
    text = page.read_text()
    everything = text + plots(text)
    read, modules = shown(data / "multiqc_sources.txt")
    known = json.loads(facts.read_text())
    for name in known["staged"]:
        sample, _, what = name.partition("~")
        if read.get(name) != [sample]:
            raise PageError(f"MultiQC left out the {what} of {sample}, or could not read it")
        if sample not in everything:
            raise PageError(f"{sample} is not on the page")
    for sample in known["incomplete"]:
        if f"<b>{sample}</b>" not in text:
            raise PageError(f"{sample}, which is incomplete, is not on the page")
    print(json.dumps({"modules": modules}))


if __name__ == "__main__":
    try:
        main(*(Path(word) for word in sys.argv[1:4]))
    except (PageError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(70)
