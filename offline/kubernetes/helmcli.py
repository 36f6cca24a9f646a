"""The helm binary: one call, its answer or its error, and an end when the user presses Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from offline.kubernetes.api import Cluster
from offline.resource import ResourceError
from offline.values import Map

PROGRESS_SECONDS = 10.0
END_SECONDS = 30.0  # helm marks the release as failed when interrupted, which takes a moment


class HelmError(ResourceError):
    """What helm said when it failed."""

    def __init__(self, words: Sequence[str], stderr: str) -> None:
        """`words` are helm's arguments, without values."""
        super().__init__(f"helm {' '.join(words)} failed:\n{stderr.strip() or 'without a word'}")
        self.stderr = stderr

    @property
    def not_found(self) -> bool:
        """There is no such release."""
        return "release: not found" in self.stderr or "Release not loaded" in self.stderr

    @property
    def unreachable(self) -> bool:
        """The cluster did not answer."""
        signs = ("cluster unreachable", "connection refused", "no such host", "i/o timeout")
        return any(sign in self.stderr for sign in signs)


@dataclass(frozen=True)
class Helm:
    """The helm binary on PATH, for one cluster."""

    cluster: Cluster
    cancelled: threading.Event

    def run(self, words: Sequence[str], *, stdin: str = "", progress: Callable[[float], None] | None = None) -> str:
        """Standard output of one command. Raises `HelmError`. `progress` is told the seconds gone by."""
        binary = shutil.which("helm")
        if binary is None:
            raise ResourceError('no helm on PATH: run `eval "$(make env)"` first')
        process = subprocess.Popen(
            [binary, *words, *self._connection()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment(),
            start_new_session=True,  # our own interrupt must not reach helm before Cancel does
        )
        output = self._communicate(process, stdin, progress)
        if process.returncode != 0:
            raise HelmError(words, output[1])
        return output[0]

    def _communicate(
        self, process: subprocess.Popen[str], stdin: str, progress: Callable[[float], None] | None
    ) -> tuple[str, str]:
        started = told = time.monotonic()
        text: str | None = stdin
        ended = False
        while True:
            try:
                return process.communicate(text, timeout=0.5)
            except subprocess.TimeoutExpired:
                text = None
            now = time.monotonic()
            if self.cancelled.is_set() and not ended:
                process.send_signal(signal.SIGINT)
                ended, started = True, now
            elif ended and now - started > END_SECONDS:
                process.kill()
            elif progress and now - told > PROGRESS_SECONDS:
                progress(now - started)
                told = now

    def release(self, namespace: str, name: str) -> Map | None:
        """Name, chart, version, appVersion, namespace, revision and status of the latest revision; None if none."""
        try:
            text = self.run(["get", "metadata", name, "--namespace", namespace, "--output", "json"])
        except HelmError as error:
            if error.not_found:
                return None
            raise
        return cast(Map, json.loads(text))

    def values(self, namespace: str, name: str) -> Map:
        """The values the latest revision was given."""
        text = self.run(["get", "values", name, "--namespace", namespace, "--output", "json"])
        return cast(Map, json.loads(text) or {})

    def manifest(self, namespace: str, name: str) -> str:
        """The objects of the release, as YAML."""
        return self.run(["get", "manifest", name, "--namespace", namespace])

    def last_good_revision(self, namespace: str, name: str) -> int | None:
        """The newest revision that was deployed whole, if there is one."""
        text = self.run(["history", name, "--namespace", namespace, "--output", "json"])
        revisions: Any = [r for r in json.loads(text) if r["status"] in ("deployed", "superseded")]
        return max((int(r["revision"]) for r in revisions), default=None)

    def labelled(self, namespace: str, name: str, label: str) -> bool:
        """Whether the release bears the label `key=value`."""
        words = ["list", "--all", "--namespace", namespace, "--filter", f"^{name}$", "--selector", label]
        return bool(json.loads(self.run([*words, "--output", "json"]) or "[]"))

    def _connection(self) -> list[str]:
        return ["--kube-context", self.cluster.context] if self.cluster.context else []

    def _environment(self) -> Mapping[str, str]:
        file = self.cluster.file()
        return os.environ | ({"KUBECONFIG": file} if file else {})
