"""The kubernetes stand-in on the sandbox's real API server, under the real engine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cluster.offline_help import Sandbox, clear, make_sandbox
from tests.cluster.sandbox_help import require_sandbox

WEB = """
labels = {"app": config.get("app") or "one"}
k8s.apps.v1.Deployment("web", metadata=named("web"), opts=inside, spec={
    "replicas": 1, "selector": {"match_labels": labels}, "template": {"metadata": {"labels": labels},
    "spec": pod(resources={"requests": {"cpu": config.get("cpu") or "0.01", "memory": "32Mi"}})}})
"""
SETTINGS = """
k8s.core.v1.ConfigMap("settings", metadata=named("settings", annotations=config.get_object("annotations") or {}),
    data={"size": config.get("size") or "1"},
    opts=pulumi.ResourceOptions(provider=k8s.Provider("mutable", context="biojobs-sandbox",
        enable_config_map_mutable=True), depends_on=[space]))
"""
RUN = """
definition = k8s.apiextensions.v1.CustomResourceDefinition("runs", metadata={"name": "runs.SPACE.test"}, opts=on, spec={
    "group": "SPACE.test", "scope": "Namespaced", "names": {"kind": "Run", "plural": "runs"},
    "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"open_apiv3_schema": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}}]})
run = k8s.apiextensions.CustomResource("run", api_version="SPACE.test/v1", kind="Run", spec={"n": 1},
    metadata=named("run", annotations={"pulumi.com/waitFor": config.require("wait")}),
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[space, definition],
        custom_timeouts=pulumi.CustomTimeouts(create=config.get("timeout") or "180s")))
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Generator[Sandbox]:
    require_sandbox()
    box = make_sandbox(tmp_path, f"offline-{uuid.uuid4().hex[:8]}", {})
    yield box
    clear(box)


def test_a_deployment_is_awaited_changed_in_place_and_replaced_where_it_must_be(sandbox: Sandbox) -> None:
    sandbox.program(WEB)
    sandbox.project.up()
    first = sandbox.get("deployment", "web")
    assert first["status"]["availableReplicas"] == 1
    assert sandbox.project.ok("up", "--yes").changes() == "4 unchanged"
    sandbox.project.configure(cpu="0.02")
    assert sandbox.project.up().changes() == "~ 1 updated 3 unchanged"
    sandbox.project.configure(cpu="0.02", app="two")
    assert sandbox.project.up().changes() == "+-1 replaced 3 unchanged"
    last = sandbox.get("deployment", "web")
    assert last["metadata"]["uid"] != first["metadata"]["uid"]
    assert last["spec"]["selector"]["matchLabels"] == {"app": "two"}


def test_a_deployment_that_cannot_run_says_what_its_pods_say(sandbox: Sandbox) -> None:
    program = WEB.replace("pod(", 'pod("localhost:5050/none/such:1", ').replace("opts=inside", "opts=brief")
    brief = "brief = pulumi.ResourceOptions(provider=provider, depends_on=[space],"
    sandbox.program(f'{brief} custom_timeouts=pulumi.CustomTimeouts(create="20s"))\n{program}')
    told = sandbox.fails()
    assert "timed out after 20 s" in told
    assert "localhost:5050/none/such:1" in told
    assert "not found" in told


def test_the_servers_errors_are_told_whole_and_before_anything_is_made(sandbox: Sandbox) -> None:
    sandbox.program("""
k8s.core.v1.Service("bad", metadata=named("bad"), opts=inside,
    spec={"ports": [{"port": 70000}, {"port": 80, "name": "Not_A_Name"}], "session_affinity": "Maybe"})
""")
    told = sandbox.fails("preview")
    assert "422 Invalid" in told
    assert "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive" in told
    assert "spec.ports[1].name: Invalid value" in told
    assert 'spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None"' in told


def test_an_unknown_field_is_refused_in_the_preview(sandbox: Sandbox) -> None:
    sandbox.program(WEB.replace('"replicas": 1', '"replicaz": 1'))
    assert ".spec.replicaz: field not declared in schema" in sandbox.fails("preview")


def test_drift_is_seen_without_a_refresh_and_taken_back(sandbox: Sandbox) -> None:
    sandbox.program(SETTINGS)
    sandbox.project.up()
    sandbox.kubectl("patch", "configmap", "settings", "--patch", '{"data": {"size": "99"}}')
    preview = sandbox.project.ok("preview")
    assert "changed in the cluster since the last `up`: data.size" in preview.output
    assert preview.changes() == "~ 1 to update 4 unchanged"
    assert sandbox.project.up().changes().startswith("~ 1 updated")
    assert sandbox.get("configmap", "settings")["data"] == {"size": "1"}


def test_fields_of_another_manager_are_left_unless_asked_for(sandbox: Sandbox) -> None:
    sandbox.program(SETTINGS)
    sandbox.project.up()
    patch = ("patch", "configmap", "settings", "--field-manager=autoscaler", "--patch", '{"data": {"size": "99"}}')
    sandbox.kubectl(*patch)
    told = sandbox.fails()
    assert 'conflict with "autoscaler"' in told
    assert "pulumi.com/patchForce" in told
    sandbox.project.configure(annotations='{"pulumi.com/patchForce": "true"}')
    sandbox.project.up()
    assert sandbox.get("configmap", "settings")["data"] == {"size": "1"}


def test_an_object_that_exists_already_is_not_taken_over(sandbox: Sandbox) -> None:
    sandbox.program("")
    sandbox.project.up()
    sandbox.kubectl("create", "configmap", "settings", "--from-literal=size=5")
    sandbox.program(SETTINGS)
    told = sandbox.fails()
    assert f"ConfigMap {sandbox.space}/settings exists already" in told
    assert "pulumi import" in told
    assert sandbox.get("configmap", "settings")["data"] == {"size": "5"}


@pytest.mark.parametrize(
    ("wait", "status"),
    [
        ("condition=Done", '{"conditions": [{"type": "Done", "status": "True"}]}'),
        ("jsonpath={.status.phase}=Succeeded", '{"phase": "Succeeded"}'),
        (
            '["condition=Done", "jsonpath={.status.phase}"]',
            '{"phase": "x", "conditions": [{"type": "Done", "status": "True"}]}',
        ),
    ],
)
def test_a_custom_resource_is_waited_for_as_its_annotation_says(sandbox: Sandbox, wait: str, status: str) -> None:
    sandbox.program(RUN)
    sandbox.project.configure(wait=wait)
    finisher = threading.Thread(target=_finish_run, args=(sandbox, status))
    finisher.start()
    started = time.monotonic()
    sandbox.project.up()
    finisher.join()
    assert time.monotonic() - started > 4
    assert sandbox.project.ok("up", "--yes", "--skip-preview").changes() == "5 unchanged"


def test_a_wait_ends_at_its_timeout_and_the_next_up_waits_again(sandbox: Sandbox) -> None:
    sandbox.program(RUN)
    sandbox.project.configure(wait="condition=Done", timeout="3s")
    assert "timed out after 3 s: waiting for condition Done=True of Run" in sandbox.fails()
    _patch_status(sandbox, '{"conditions": [{"type": "Done", "status": "True"}]}')
    assert sandbox.project.up().changes().startswith("~ 1 updated")


def test_an_interrupt_ends_a_wait(sandbox: Sandbox) -> None:
    sandbox.program(RUN)
    sandbox.project.configure(wait="condition=Done")
    process = sandbox.project.start("up", "--yes", "--skip-preview")
    _await_run(sandbox)
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "the wait was cancelled" in output
    assert "Traceback" not in output


def test_a_failed_job_shows_its_reason_and_its_log(sandbox: Sandbox) -> None:
    sandbox.program("""
k8s.batch.v1.Job("task", metadata=named("task"), opts=inside, spec={"backoff_limit": 0, "template": {"spec": {
    "restart_policy": "Never", **pod("quay.io/argoproj/argoexec:v4.0.7", command=["argoexec", "no-such-command"])}}})
""")
    told = sandbox.fails()
    assert "BackoffLimitExceeded" in told
    assert 'unknown command "no-such-command"' in told


def test_destroy_waits_until_all_is_gone(sandbox: Sandbox) -> None:
    sandbox.program(WEB)
    sandbox.project.up()
    assert sandbox.project.ok("destroy", "--yes", "--skip-preview").changes() == "- 4 deleted"
    assert sandbox.tool("kubectl", "get", "namespace", sandbox.space, "--ignore-not-found") == ""


def test_an_unreachable_cluster_is_named_with_the_remedy(sandbox: Sandbox) -> None:
    config = (Path(sandbox.project.environment["KUBECONFIG"]).read_text()).replace(":16443", ":1")
    (sandbox.project.folder / "gone.yaml").write_text(config)
    sandbox.project.write(
        "import pulumi, pulumi_kubernetes as k8s\n"
        'gone = k8s.Provider("gone", kubeconfig="gone.yaml")\n'
        'k8s.core.v1.Namespace("n", metadata={"name": "n"}, opts=pulumi.ResourceOptions(provider=gone))\n'
    )
    told = sandbox.fails()
    assert "cannot reach the Kubernetes API server at https://127.0.0.1:1" in told
    assert "make up" in told


def test_a_kubeconfig_may_be_given_by_its_content(sandbox: Sandbox) -> None:
    sandbox.program(SETTINGS)
    program = (sandbox.project.folder / "__main__.py").read_text()
    sandbox.project.write(
        program.replace('context="biojobs-sandbox"', 'kubeconfig=open(__import__("os").environ["KUBECONFIG"]).read()')
    )
    sandbox.project.up()
    assert sandbox.get("configmap", "settings")["data"] == {"size": "1"}


def test_a_setting_of_the_provider_that_is_not_understood_is_refused(sandbox: Sandbox) -> None:
    sandbox.program("")
    program = (sandbox.project.folder / "__main__.py").read_text()
    sandbox.project.write(program.replace('"biojobs-sandbox")', '"biojobs-sandbox", render_yaml_to_directory="x")'))
    assert "renderYamlToDirectory" in sandbox.fails("preview")


def test_claims_are_awaited_unless_they_bind_on_first_use(sandbox: Sandbox) -> None:
    sandbox.program("""
lazy = k8s.storage.v1.StorageClass("lazy", metadata={"name": "lazy-SPACE"}, opts=on,
    provisioner="kubernetes.io/no-provisioner", volume_binding_mode="WaitForFirstConsumer")
size = {"storage": "1Mi"}
volume = k8s.core.v1.PersistentVolume("volume", metadata={"name": "volume-SPACE"}, opts=on, spec={"capacity": size,
    "access_modes": ["ReadWriteMany"], "storage_class_name": "", "host_path": {"path": "/tmp/SPACE"}})
claim = {"access_modes": ["ReadWriteMany"], "resources": {"requests": size}}
k8s.core.v1.PersistentVolumeClaim("now", metadata=named("now"), spec={**claim, "storage_class_name": "",
    "volume_name": volume.metadata["name"]}, opts=inside)
k8s.core.v1.PersistentVolumeClaim("later", metadata=named("later"), spec={**claim, "storage_class_name": "lazy-SPACE"},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[space, lazy]))
""")
    sandbox.project.up()
    assert sandbox.get("pvc", "now")["status"]["phase"] == "Bound"
    assert sandbox.get("pvc", "later")["status"]["phase"] == "Pending"


def _await_run(sandbox: Sandbox) -> None:
    until = time.monotonic() + 120
    while not _run_exists(sandbox):
        assert time.monotonic() < until, "the run was never made"
        time.sleep(0.3)


def _run_exists(sandbox: Sandbox) -> bool:
    try:
        return "run" in sandbox.kubectl("get", f"runs.{sandbox.space}.test", "--output", "name")
    except subprocess.CalledProcessError:
        return False  # its definition is not there yet


def _finish_run(sandbox: Sandbox, status: str) -> None:
    _await_run(sandbox)
    time.sleep(3)
    _patch_status(sandbox, status)


def _patch_status(sandbox: Sandbox, status: str) -> None:
    runs = f"runs.{sandbox.space}.test"
    sandbox.kubectl("patch", runs, "run", "--subresource=status", "--type=merge", "--patch", f'{{"status": {status}}}')
