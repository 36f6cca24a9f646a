"""`python -m offline.recording PACKAGE`: the plugin's process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from offline.provider import run
from offline.recording.providers import CloudRecorder, KubernetesRecorder
from offline.recording.store import FILE, Store


def main() -> None:
    """Serve the package that the first argument names."""
    package, file = sys.argv[1], os.environ.get(FILE)
    if not file:
        sys.exit(f"{FILE} names no file to record in")
    store = Store(Path(file))
    recorder = KubernetesRecorder if package == "kubernetes" else CloudRecorder
    run(lambda address: recorder(store, address))


main()
