"""Import time and memory of the Pulumi program, and that it imports the selected cloud only."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

TRIES = 7
_IMPORT = """
import resource, sys, time
started = time.perf_counter()
{imports}
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
clouds = [name for name in ("pulumi_aws", "pulumi_gcp", "pulumi_eks", "hera", "kubernetes") if name in sys.modules]
print(seconds, peak, ",".join(clouds) or "none")
"""
PROGRAM = (
    "import pulumi, settings, components.argo, components.biojobs, components.images, components.inputs, "
    "components.pipeline, components.local.cloud"
)


def measure() -> Iterator[str]:
    """Median import time and peak memory, next to those of Pulumi alone."""
    yield "| imported | seconds (median) | peak MB | other clouds' and heavy modules |"
    yield "|---|---|---|---|"
    for label, imports in (("pulumi alone", "import pulumi"), ("the program", PROGRAM)):
        runs = [_run(imports) for _ in range(TRIES)]
        seconds = statistics.median(float(run[0]) for run in runs)
        yield f"| {label} | {seconds:.2f} | {max(float(run[1]) for run in runs):.0f} | {runs[0][2]} |"


def _run(imports: str) -> list[str]:
    code = _IMPORT.format(imports=imports)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
