"""Refusals name what is missing and the way out."""

import os
import platform
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import host, packages
from sandbox.__main__ import main
from sandbox.errors import SandboxError
from sandbox.layout import Layout


class Usage(NamedTuple):
    free: float


def test_a_user_who_is_not_root_is_refused_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for command in ("up", "down"):
        assert main([command]) == 1
        said = capsys.readouterr().err
        assert "must run as root" in said and "sudo" in said and "biojobs:context" in said


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(SandboxError, match=f"this is {system}/{machine}.*biojobs:context"):
        host.require_machine()


def test_other_distributions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(packages, "is_debian_like", lambda: False)
    with pytest.raises(SandboxError, match="Debian or Ubuntu"):
        host.require_machine()


def test_a_full_disk_is_refused_with_both_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "not" / "there", tmp_path, tmp_path)
    usage = [Usage(14e9)]

    def disk_usage(path: Path) -> Usage:
        assert path.exists(), "asked of the nearest folder that is there"
        return usage[0]

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    with pytest.raises(SandboxError, match=r"15 GB .* 14\.0 GB"):
        host.require_disk(layout)
    usage[0] = Usage(16e9)
    host.require_disk(layout)


@pytest.mark.parametrize(
    ("routes", "taken"),
    [
        ([{"dst": "default", "dev": "eth0"}, {"dst": "192.0.2.0/24", "dev": "eth0"}], None),
        ([{"dst": "10.250.0.0/16", "dev": "biojobs0"}], None),
        ([{"dst": "10.250.7.0/24", "dev": "docker0"}], "10.250.7.0/24 on docker0"),
        ([{"dst": "10.0.0.0/8", "dev": "wg0"}], "10.0.0.0/8 on wg0"),
        ([{"dst": "10.251.0.10", "dev": "wg0"}], "10.251.0.10 on wg0"),
        ([{"dst": "0.0.0.0/1", "dev": "tun0"}], None),
    ],
)
def test_overlapping_networks_are_seen(routes: list[dict[str, str]], taken: str | None) -> None:
    assert host.overlapping_route(routes) == taken


def test_the_host_is_recorded_once_a_boot_and_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = tmp_path / "sys"
    for name, value in {"net/ipv4/ip_forward": "0", "kernel/panic": "1"}.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(value)
    (system / "net/ipv4/conf/all").mkdir(parents=True)
    (system / "net/ipv4/conf/all/accept_redirects").write_text("1")
    monkeypatch.setattr(host, "_SYS", system)
    layout = Layout(tmp_path / "c", tmp_path / "d", tmp_path / "r")
    host.record(layout)
    for name in ("net/ipv4/ip_forward", "kernel/panic"):
        (system / name).write_text("7")
    (system / "net/ipv4/conf/all/accept_redirects").write_text("0")
    # A second `up` must not take the changed values for the host's.
    host.record(layout)
    assert host.recorded(layout)
    host.restore(layout)
    assert (system / "net/ipv4/ip_forward").read_text() == "0"
    assert (system / "kernel/panic").read_text() == "1"
    assert (system / "net/ipv4/conf/all/accept_redirects").read_text() == "1"
    assert not host.recorded(layout)
