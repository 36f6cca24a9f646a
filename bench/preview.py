"""`pulumi preview` of a sheet of 10,000 samples: the real engine and the real program, on a cluster that only records.

Images are known from an `up` before, so that every manifest is made.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final

import yaml

from bench.processes import cpu_seconds, peak_mib
from tests.engine.conftest import LOCAL, Project, make_project, recorders
from tests.engine.fake_api import serve
from tests.program import link

SAMPLES = 10_000
GROUP_SIZES = (100, 50)
PARTS: Final = {"offline.program": "the program", "pulumi preview": "the engine", "offline.recording": "the stand-in"}
LOOK_SECONDS = 0.5


def measure() -> Iterator[str]:
    """Wall-clock seconds, and processor seconds and peak memory of each part, for several sizes of groups."""
    yield f"{SAMPLES:,} samples:"
    parts = [f"{part} {what}" for part in PARTS.values() for what in ("cpu s", "MiB")]
    yield "| groupSize | resources to create | wall s | " + " | ".join(parts) + " |"
    yield "|---" * (3 + len(parts)) + "|"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="biojobs-bench-")))
        link(folder)
        project = make_project(folder, recorders(LOCAL), {"KUBECONFIG": str(folder / "kubeconfig")})
        stack.enter_context(serve(project.recording, {}, folder / "kubeconfig"))
        _write_reads(folder)
        _write_sheet(project, 1, 1)
        project.up()
        for size in GROUP_SIZES:
            _write_sheet(project, SAMPLES, size)
            yield _preview(project, size)


def _preview(project: Project, size: int) -> str:
    started = time.perf_counter()
    process = project.start("preview")
    used: dict[str, tuple[float, int]] = {}
    output = ""
    while process.returncode is None:
        try:
            output, _ = process.communicate(timeout=LOOK_SECONDS)
        except TimeoutExpired:
            _look(process.pid, used)
    wall = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(output[-4000:])
    created = next((line.split()[1] for line in output.splitlines() if line.endswith(" to create")), "none")
    parts = (used.get(part, (0.0, 0)) for part in PARTS)
    return f"| {size} | {created} | {wall:.0f} | " + " | ".join(f"{cpu:.0f} | {mib}" for cpu, mib in parts) + " |"


def _look(session: int, used: dict[str, tuple[float, int]]) -> None:
    """Notes what the processes of a session have used so far."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            part = next((part for part in PARTS if part in command), "")
            if part and os.getsid(int(folder.name)) == session:
                # The largest of several of a kind.
                before = used.get(part, (0.0, 0))
                used[part] = max(before[0], cpu_seconds(folder)), max(before[1], peak_mib(folder))
        except OSError:
            continue  # ended meanwhile


def _write_reads(folder: Path) -> None:
    reads = folder / "workspace" / "reads"
    reads.mkdir(parents=True)
    for number in range(SAMPLES):
        for read in (1, 2):
            # Of many sizes, as in life: steps then ask for different amounts.
            with (reads / f"S{number}_{read}.fastq.gz").open("wb") as file:
                file.truncate(10**8 * (1 + number % 97))


def _write_sheet(project: Project, samples: int, size: int) -> None:
    rows = (f"S{number},reads/S{number}_1.fastq.gz,reads/S{number}_2.fastq.gz\n" for number in range(samples))
    (project.folder / "sheet.csv").write_text("sample,fastq_1,fastq_2\n" + "".join(rows))
    values = {"cloud": "local", "sheet": "sheet.csv", "groupSize": size, "multiqc": False}
    file = project.folder / "Pulumi.test.yaml"
    kept = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "config"}
    file.write_text(yaml.safe_dump({**kept, "config": {f"biojobs:{key}": value for key, value in values.items()}}))
