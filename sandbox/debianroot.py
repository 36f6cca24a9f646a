"""A slim Debian root made with debootstrap, and downloads of packages with the apt inside of it."""

import os
import re
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.console import run_logged
from sandbox.errors import SandboxError

SUITE = "trixie"
IMAGE = f"debian:{SUITE}-slim"
# As in the official slim images: no documentation, but copyright files stay.
_EXCLUDED = """\
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/lintian/*
"""
_NO_RECOMMENDS = 'APT::Install-Recommends "false";\nAPT::Install-Suggests "false";\n'
_EMPTIED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "tmp",
    "run",
    "dev",
)
_CLEAN_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def recipe() -> str:
    """Everything that decides what `make` gives."""
    return repr((_EXCLUDED, _NO_RECOMMENDS, _EMPTIED))


def make(target: Path, log: Path) -> None:
    """Make `target`/root.tar."""
    log.unlink(missing_ok=True)
    root = target / "root"
    run_logged(
        ["debootstrap", "--variant=minbase", "--arch=amd64", SUITE, root, *_script()],
        log,
        env=_environment(),
        remedy="are Debian's packages reachable over http?",
    )
    write_sources(root)
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(_EXCLUDED)
    (root / "etc/apt/apt.conf.d/slim").write_text(_NO_RECOMMENDS)
    run_logged(["chroot", root, "apt-get", "update"], log, env=_environment())
    run_logged(["chroot", root, "apt-get", "dist-upgrade", "--yes"], log, env=_environment())
    slim(root)
    with tarfile.open(target / "root.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(root, arcname=".", filter=_anonymous)
    shutil.rmtree(root)


def _script() -> list[str]:
    """A debootstrap that is older than the suite makes it as it makes sid; the empty word is its own mirror."""
    scripts = Path("/usr/share/debootstrap/scripts")
    return [] if (scripts / SUITE).exists() else ["", str(scripts / "sid")]


def write_sources(root: Path) -> None:
    """Add the updates and security suites beside the mirror that debootstrap chose."""
    listed = (root / "etc/apt/sources.list").read_text()
    found = re.search(r"^deb (\S+?)/? ", listed, re.MULTILINE)
    if not found:
        raise SandboxError(f"debootstrap wrote no usable line into {root}/etc/apt/sources.list: {listed!r}")
    mirror = found.group(1)
    lines = [f"deb {mirror} {SUITE} main", f"deb {mirror} {SUITE}-updates main"]
    # By Debian's own layout the security archive lies beside the main one; other mirrors may have none.
    if mirror.endswith("/debian"):
        lines.append(f"deb {mirror}-security {SUITE}-security main")
    (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")


def slim(root: Path) -> None:
    """Remove what a container does not need, keeping the folders and the copyright files."""
    for name in _EMPTIED:
        folder = root / name
        for path in list(folder.iterdir()) if folder.is_dir() else []:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in (root / "usr/share/doc").rglob("*"):
        if path.is_file() and path.name != "copyright":
            path.unlink()
    # apt refuses to work without these two.
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / name).mkdir(parents=True)
    for name in ("etc/hostname", "etc/resolv.conf", "etc/machine-id"):
        # The host's own; a container gets others.
        (root / name).unlink(missing_ok=True)


def download(root: Path, packages: Sequence[str], log: Path) -> list[Path]:
    """Download packages (without what they depend on) with the apt of a root."""
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    folder = root / "tmp/debs"
    folder.mkdir()
    run_logged(["chroot", root, "apt-get", "update"], log, env=_environment())
    command = f"cd /tmp/debs && apt-get -o APT::Sandbox::User=root download {' '.join(packages)}"
    run_logged(["chroot", root, "sh", "-c", command], log, env=_environment())
    found = sorted(folder.glob("*.deb"))
    if len(found) != len(packages):
        raise SandboxError(f"apt gave {len(found)} packages for {len(packages)} names: {packages}; log: {log}")
    return found


def _environment() -> dict[str, str]:
    """A clean environment, with the caller's proxies: apt and debootstrap honour them."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return _CLEAN_ENV | proxies


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out device nodes: a container runtime makes its own."""
    return None if member.isdev() else member
