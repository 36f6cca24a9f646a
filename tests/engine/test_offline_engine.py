"""The stand-ins under the real engine: what a user meets in `pulumi up`, `preview`, `refresh` and `destroy`."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.engine.conftest import LOCAL, Project, make_project, recorders

KUBERNETES = """
import pulumi
import pulumi_kubernetes as k8s
config = pulumi.Config()
namespace = k8s.core.v1.Namespace("space", metadata={"name": "space"})
inside = pulumi.ResourceOptions(depends_on=[namespace])
in_space = {"namespace": "space"}
k8s.core.v1.Secret("login", metadata={"name": "login", **in_space}, opts=inside,
    string_data={"password": pulumi.Output.secret("open-sesame")})
settings = k8s.core.v1.ConfigMap("settings", metadata=in_space, data={"size": config.get("size") or "1"}, opts=inside)
labels = {"app": "web"}
k8s.apps.v1.Deployment("web", metadata={"name": "web", **in_space}, opts=inside, spec={
    "replicas": config.get_int("replicas") or 1, "selector": {"match_labels": labels},
    "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}})
pulumi.export("settings", settings.metadata.apply(lambda metadata: metadata.get("name")))
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Project:
    """A project after its first `up`, not to be changed."""
    project = make_project(tmp_path_factory.mktemp("first"), recorders(LOCAL), {}, python)
    project.write(KUBERNETES)
    assert project.up().changes() == "+ 5 created"
    return project


@pytest.fixture
def made(first: Project, project: Project) -> Project:
    """A project of the test's own, as `first` is: its program, its state and what exists."""
    for name in ("__main__.py", "Pulumi.test.yaml", project.recording.file.name):
        shutil.copy(first.folder / name, project.folder / name)
    shutil.copytree(first.folder / "state", project.folder / "state", dirs_exist_ok=True)
    return project


def test_up_makes_everything_and_a_second_up_changes_nothing(made: Project) -> None:
    second = made.ok("up", "--yes")
    assert second.changes() == "5 unchanged"
    assert "warning" not in second.output


def test_a_name_left_to_us_gets_a_suffix_and_keeps_it(made: Project) -> None:
    name = made.ok("stack", "output", "settings").output.strip()
    assert name.startswith("settings-")
    made.configure(replicas="2")
    made.up()
    assert made.ok("stack", "output", "settings").output.strip() == name


def test_preview_tells_updates_and_replacements_and_does_nothing(made: Project) -> None:
    made.configure(replicas="3", size="2")
    before = made.recording.section("objects")
    preview = made.ok("preview", "--diff")
    assert "replicas: 1 => 3" in preview.output
    assert preview.changes() == "~ 1 to update +-1 to replace 2 changes. 3 unchanged"
    assert made.recording.section("objects") == before


def test_the_first_preview_needs_no_namespace(project: Project) -> None:
    project.write(KUBERNETES)
    assert project.ok("preview").changes() == "+ 5 to create"
    assert not project.recording.section("objects")


def test_what_others_changed_is_shown_by_refresh_and_mended_by_up(made: Project) -> None:
    with made.change() as recorded:
        recorded["objects"]["Deployment/space/web"]["spec"]["replicas"] = 7
    assert "replicas: 1 => 7" in made.ok("refresh", "--yes", "--diff").output
    assert made.up().changes().startswith("~ 1 updated")
    assert made.recording.section("objects")["Deployment/space/web"]["spec"]["replicas"] == 1
    assert made.up().changes() == "5 unchanged"


def test_up_sees_drift_without_a_refresh(made: Project) -> None:
    with made.change() as recorded:
        del recorded["objects"]["Deployment/space/web"]
    assert made.up().changes().startswith("~ 1 updated")
    assert "Deployment/space/web" in made.recording.section("objects")


def test_a_failed_resource_fails_the_up_and_the_next_one_completes_it(project: Project) -> None:
    project.write(KUBERNETES)
    with project.change() as recorded:
        recorded["failures"]["Deployment/web"] = "quota exceeded: pods 3 of 3"
    failed = project.run("up", "--yes", "--skip-preview")
    assert failed.code != 0
    assert "quota exceeded: pods 3 of 3" in failed.output
    assert "Traceback" not in failed.output
    with project.change() as recorded:
        del recorded["failures"]["Deployment/web"]
    # What was not yet begun when one failed is left for later.
    created, unchanged = map(int, re.findall(r"\d+", project.up().changes()))
    assert 1 <= created < 5
    assert created + unchanged == 5
    assert project.up().changes() == "5 unchanged"


def test_a_resource_that_is_not_ready_is_kept_and_waited_for_again(project: Project) -> None:
    project.write(KUBERNETES)
    hopeless = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "no pod ever started"}
    with project.change() as recorded:
        recorded["status"]["Deployment/web"] = {"observedGeneration": 9, "conditions": [hopeless]}
    failed = project.run("up", "--yes", "--skip-preview")
    assert failed.code != 0
    assert "no pod ever started" in failed.output
    with project.change() as recorded:
        recorded["status"].clear()
    assert project.up().changes().startswith("~ 1 updated")


def test_destroy_takes_all_away(made: Project) -> None:
    assert made.ok("destroy", "--yes", "--skip-preview").changes() == "- 5 deleted"
    assert not made.recording.section("objects")


def test_a_target_is_changed_alone(project: Project) -> None:
    project.write(KUBERNETES)
    urn = "urn:pulumi:test::tiny::kubernetes:core/v1:Namespace::space"
    project.ok("up", "--yes", "--skip-preview", "--target", urn)
    assert list(project.recording.section("objects")) == ["Namespace//space"]


def test_secrets_are_neither_in_the_state_nor_on_the_screen(project: Project) -> None:
    project.write(KUBERNETES)
    output = project.ok("up", "--yes", "--diff").output + project.state()
    assert "open-sesame" not in output
    assert base64.b64encode(b"open-sesame").decode() not in output


def test_a_second_up_at_once_is_refused_by_the_lock(project: Project) -> None:
    project.write(KUBERNETES)
    with project.change() as recorded:
        recorded["delays"]["Deployment/web"] = 120
    first = project.start("up", "--yes", "--skip-preview")
    _wait_for_call(project, "Deployment/web")
    second = project.run("up", "--yes", "--skip-preview")
    assert second.code != 0
    assert "locked" in second.output
    with project.change() as recorded:
        recorded["delays"].clear()
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output


def test_an_interrupt_ends_the_up_soon_and_quietly_and_the_next_one_goes_on(processes: Project) -> None:
    processes.write(KUBERNETES)
    with processes.change() as recorded:
        recorded["delays"]["Deployment/web"] = 120
    process = processes.start("up", "--yes", "--skip-preview")
    _wait_for_call(processes, "Deployment/web")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in output
    with processes.change() as recorded:
        recorded["delays"].clear()
    assert "created" in processes.up().changes()


def test_an_up_that_was_killed_leaves_nothing_that_stops_the_next_one(processes: Project) -> None:
    processes.write(KUBERNETES)
    with processes.change() as recorded:
        recorded["status"]["Deployment/web"] = {}
    process = processes.start("up", "--yes", "--skip-preview")
    _wait_for_call(processes, "Deployment/web")
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=30)  # ends when no plugin holds its output any more
    with processes.change() as recorded:
        recorded["status"].clear()
    processes.ok("cancel", "--yes")
    processes.up()
    assert processes.up().changes() == "5 unchanged"


def _wait_for_call(project: Project, key: str) -> None:
    until = time.monotonic() + 120
    while not any(call == ["apply", key] for call in project.recording.calls()):
        assert time.monotonic() < until, "the resource was never made"
        time.sleep(0.1)
