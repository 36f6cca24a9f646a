"""Helm releases of the stand-in on the sandbox: a small chart of the test's own, and no chart repository."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cluster.offline_help import PAUSE, Sandbox, clear, make_sandbox
from tests.cluster.sandbox_help import require_sandbox

FILES = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\nappVersion: v7\n",
    "values.yaml": f"image: {PAUSE}\nsize: 1\npassword: none\n",
    "values.schema.json": """{"type": "object", "additionalProperties": false, "properties": {
        "image": {"type": "string"}, "size": {"type": "integer"}, "password": {"type": "string"}}}""",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}", namespace: "{{ .Release.Namespace }}"}
data: {size: "{{ .Values.size }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}", namespace: "{{ .Release.Namespace }}"}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app.kubernetes.io/instance: "{{ .Release.Name }}"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "{{ .Values.image }}"}]
""",
}
RELEASE = """
release = k8s.helm.v3.Release("small", name="small", namespace=space.metadata["name"], chart="small", version="0.1.0",
    repository_opts={"repo": "https://charts.invalid/none"}, timeout=config.get_int("timeout") or 60,
    values={"password": pulumi.Output.secret("open-sesame"), **(config.get_object("values") or {})},
    opts=pulumi.ResourceOptions(provider=provider))
pulumi.export("app", release.status.app_version)
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Generator[Sandbox]:
    require_sandbox()
    charts = tmp_path / "charts"
    for name, text in FILES.items():
        file = charts / "small-0.1.0" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "project").mkdir()
    more = {"BIOJOBS_OFFLINE_CHARTS": str(charts)}
    box = make_sandbox(tmp_path / "project", f"offline-{uuid.uuid4().hex[:8]}", more)
    box.program(RELEASE)
    yield box
    clear(box)


def test_a_release_is_installed_upgraded_mended_and_uninstalled(sandbox: Sandbox) -> None:
    first = sandbox.project.up()
    assert "using our own chart small-0.1.0" in first.output
    assert sandbox.project.ok("stack", "output", "app").output.strip() == "v7"
    assert "open-sesame" not in sandbox.project.state() + first.output
    assert sandbox.project.up().changes() == "4 unchanged"

    sandbox.project.configure(values='{"size": 2}')
    assert sandbox.project.up().changes() == "~ 1 updated 3 unchanged"
    assert sandbox.get("configmap", "small")["data"] == {"size": "2"}

    chart = f"{sandbox.project.environment['BIOJOBS_OFFLINE_CHARTS']}/small-0.1.0"
    by_hand = ("--set", "size=9", "--reuse-values")
    sandbox.tool("helm", "upgrade", "small", chart, "--namespace", sandbox.space, *by_hand)
    assert sandbox.project.up().changes() == "~ 1 updated 3 unchanged"
    assert sandbox.get("configmap", "small")["data"] == {"size": "2"}

    sandbox.tool("helm", "uninstall", "small", "--namespace", sandbox.space)
    assert sandbox.project.up().changes() == "~ 1 updated 3 unchanged"

    assert sandbox.project.ok("destroy", "--yes", "--skip-preview").changes() == "- 4 deleted"


def test_a_value_that_the_chart_does_not_know_is_refused_in_the_preview(sandbox: Sandbox) -> None:
    sandbox.project.configure(values='{"sise": 2}')
    assert "additional properties 'sise' not allowed" in sandbox.fails("preview")


def test_an_input_that_the_stand_in_does_not_know_is_refused(sandbox: Sandbox) -> None:
    sandbox.program(RELEASE.replace("timeout=", 'postrender="sed", timeout='))
    assert "postrender" in sandbox.fails("preview")


def test_a_failed_release_says_what_its_pods_say_and_is_mended_by_the_next_up(sandbox: Sandbox) -> None:
    sandbox.project.configure(values='{"image": "localhost:5050/none/such:1"}', timeout="15")
    told = sandbox.fails()
    assert "helm upgrade small" in told
    assert "localhost:5050/none/such:1" in told
    sandbox.project.configure()
    assert sandbox.project.up().changes().startswith("~ 1 updated")


def test_an_interrupted_install_is_taken_up_by_the_next_up(sandbox: Sandbox) -> None:
    sandbox.project.configure(values='{"image": "localhost:5050/none/such:1"}')
    process = sandbox.project.start("up", "--yes", "--skip-preview")
    _await_pending(sandbox)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _kill_helm(sandbox)
    sandbox.project.ok("cancel", "--yes")
    sandbox.project.configure()
    sandbox.project.up()
    assert sandbox.project.up().changes() == "4 unchanged"


def test_no_repository_and_no_chart_names_both(sandbox: Sandbox) -> None:
    sandbox.program(RELEASE.replace('"0.1.0"', '"0.2.0"'))
    told = sandbox.fails("preview")
    assert "https://charts.invalid/none cannot be reached" in told
    assert "small-0.2.0" in told


def _await_pending(sandbox: Sandbox) -> None:
    until = time.monotonic() + 120
    while "small" not in sandbox.tool("helm", "list", "--pending", "--short", "--namespace", sandbox.space):
        assert time.monotonic() < until, "helm never began"
        time.sleep(0.3)


def _kill_helm(sandbox: Sandbox) -> None:
    """End the helm of this test alone, as a power cut would."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_text().split("\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if words and words[0].endswith("/helm") and sandbox.space in words:
            os.kill(int(folder.name), signal.SIGKILL)
