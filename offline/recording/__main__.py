"""`python -m offline.recording PACKAGE`: the plugin's process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from offline.provider import Provider, run
from offline.recording.store import FILE, Store


def recorder_of(package: str) -> Callable[[Store, str], Provider]:
    """The package's recorder. Only what it takes is imported: there is a process for each package, in each command."""
    if package == "kubernetes":
        from offline.recording.kubernetes import KubernetesRecorder

        return KubernetesRecorder
    if package == "aws":
        from offline.recording.aws.provider import AwsRecorder

        return AwsRecorder
    if package == "gcp":
        from offline.recording.gcp.provider import GcpRecorder

        return GcpRecorder
    if package == "docker":
        from offline.recording.docker.provider import DockerRecorder

        return DockerRecorder
    from offline.recording.providers import CloudRecorder, ImageRecorder

    return ImageRecorder if package == "docker-build" else CloudRecorder


def main() -> None:
    """Serve the package that the first argument names."""
    package, file = sys.argv[1], os.environ.get(FILE)
    if not file:
        sys.exit(f"{FILE} names no file to record in")
    store, recorder = Store(Path(file)), recorder_of(package)
    run(lambda address: recorder(store, address))


main()
