"""Recipes of the Go tools, and the compiler that builds them."""

from pathlib import Path

import pytest

from sandbox import console, gotoolchain, tools
from sandbox.errors import SandboxError


def test_every_recipe_has_its_module_pinned_with_sums() -> None:
    for name, recipe in tools.RECIPES.items():
        assert (tools.SOURCES / name / "go.mod").exists()
        assert tools.version(name).startswith("v")
        assert not recipe.module or (tools.SOURCES / name / "go.sum").exists()


def test_versions_come_from_go_mod() -> None:
    text = "module x\n\nrequire k8s.io/api v0.1.2\n\nrequire (\n\tk8s.io/kubernetes v1.35.4 // indirect\n)\n"
    assert tools.module_version(text, "k8s.io/kubernetes") == "v1.35.4"
    assert tools.module_version(text, "k8s.io/api") == "v0.1.2"
    with pytest.raises(SandboxError, match=r"does not require k8s\.io/kube$"):
        tools.module_version(text, "k8s.io/kube")


def test_an_entry_is_named_by_version_and_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tools.entry_name("etcd")
    assert before.startswith(f"etcd-{tools.version('etcd').removeprefix('v')}-")
    monkeypatch.setitem(tools.RECIPES, "etcd", tools.Recipe("go.etcd.io/etcd/server/v3", {"etcd": "other"}))
    assert tools.entry_name("etcd") != before


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxError, match="unknown tool 'kubectl': one of actionlint, argo, coredns"):
        tools.ensure("kubectl")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.26rc1 linux/amd64", (1, 26)),
        ("1.25.7", (1, 25, 7)),
        ("devel", ()),
    ],
)
def test_go_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert gotoolchain.parse_version(text) == version


@pytest.mark.parametrize(("line", "needed"), [("go 1.25.7", (1, 25, 7)), ("go 1.21", (1, 25)), ("", (1, 25))])
def test_the_compiler_must_be_as_new_as_module_and_minimum(line: str, needed: tuple[int, ...]) -> None:
    assert gotoolchain.required_version(f"module x\n\n{line}\n") == needed


def test_a_failed_command_shows_its_last_lines_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    with pytest.raises(
        SandboxError, match=r"(?s)failed with code 3\n  try this\n.*line 29\n  log: .*build.log"
    ) as raised:
        console.run_logged(["sh", "-c", "for i in $(seq 29); do echo line $i; done; exit 3"], log, remedy="try this")
    assert "line 5\n" not in str(raised.value)


def test_the_tail_of_a_huge_log_is_short(tmp_path: Path) -> None:
    log = tmp_path / "huge.log"
    log.write_text("x" * 300_000 + "\nend\n")
    assert console.tail(log).endswith("    end")
    assert len(console.tail(log)) < 1000
    assert console.tail(tmp_path / "none") == "    (there is no log)"
