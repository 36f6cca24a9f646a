"""What is built once: whole, verified, by one at a time."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sandbox import cache
from sandbox.cache import MANIFEST, damage, known_sha256, obtain, recipe_hash


def build(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "tool").write_text("good")


def test_a_second_call_builds_nothing(tmp_path: Path) -> None:
    entry = obtain(tmp_path / "tool-1", build, "tool")
    assert damage(entry) is None
    obtain(tmp_path / "tool-1", lambda _: pytest.fail("built again"), "tool")


@pytest.mark.parametrize("harm", ["changed", "missing", "no manifest", "torn manifest"])
def test_a_damaged_entry_is_built_again_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    entry = obtain(tmp_path / "tool-1", build, "tool")
    tool, manifest = entry / "bin" / "tool", entry / MANIFEST
    match harm:
        case "changed":
            tool.write_text("evil")
        case "missing":
            tool.unlink()
        case "no manifest":
            manifest.unlink()
        case _:
            manifest.write_text("{")
    obtain(tmp_path / "tool-1", build, "tool")
    assert tool.read_text() == "good"
    assert damage(entry) is None
    assert "damaged, making it again" in capsys.readouterr().err


def test_a_change_that_keeps_size_and_time_is_noticed(tmp_path: Path) -> None:
    tool = obtain(tmp_path / "tool-1", build, "tool") / "bin" / "tool"
    assert damage(tmp_path / "tool-1") is None
    before = tool.stat()
    tool.write_text("evil")
    os.utime(tool, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert damage(tmp_path / "tool-1") == "bin/tool"
    assert damage(tmp_path / "tool-1") == "bin/tool", "and noticed again"


def test_what_did_not_change_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = obtain(tmp_path / "tool-1", build, "tool")
    assert damage(entry) is None

    def read_again(path: Path) -> str:
        pytest.fail(f"{path} was read again")

    monkeypatch.setattr(cache, "file_sha256", read_again)
    assert damage(entry) is None


def test_a_failed_build_leaves_no_entry_and_its_leftovers_do_not_spoil_the_next(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(tmp_path / "tool-1", fail, "tool")
    assert not (tmp_path / "tool-1").exists()
    entry = obtain(tmp_path / "tool-1", build, "tool")
    assert sorted(path.name for path in entry.rglob("*")) == ["bin", MANIFEST, "tool"]


def test_two_processes_build_once(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from sandbox.cache import obtain
        def build(folder):
            with open({str(tmp_path / "builds")!r}, "a") as log: log.write("x")
            time.sleep(0.5); (folder / "a").write_text("a")
        obtain(Path({str(tmp_path)!r}) / "tool-1", build, "tool")
    """)
    root = Path(__file__).resolve().parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [running.wait(30) for running in both] == [0, 0]
    assert (tmp_path / "builds").read_text() == "x"


def test_known_sums_come_from_the_manifest_and_others_are_computed(tmp_path: Path) -> None:
    tool = obtain(tmp_path / "tool-1", build, "tool") / "bin" / "tool"
    loose = tmp_path / "loose"
    loose.write_text("good")
    assert known_sha256(tool) == known_sha256(loose)


def test_the_recipe_hash_tells_how_parts_are_cut() -> None:
    assert recipe_hash("ab", "c") != recipe_hash("a", "bc")
    assert len(recipe_hash("a")) == 12
