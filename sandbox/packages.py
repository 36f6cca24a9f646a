"""Debian packages: what the host needs, a slim Debian root, and the container runtime from trixie."""

import functools
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from sandbox import debianroot
from sandbox.cache import obtain, recipe_hash
from sandbox.console import heartbeat, run_logged, succeeds
from sandbox.errors import SandboxError

# Raise to fetch the packages anew (security updates): a cached set is otherwise kept for good.
REFRESH = "1"
# command that is needed -> package that has it
HOST_COMMANDS = {
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "ip": "iproute2",
    "openssl": "openssl",
    "mount": "mount",
    "umount": "mount",
    "dpkg": "dpkg",
}
HOST_FILES = {
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
RUNTIME_PACKAGES = (
    "containerd",
    "containernetworking-plugins",
    "docker.io",
    "docker-cli",
    "docker-buildx",
    "docker-registry",
)
# program -> where its package has it
PROGRAMS = {
    "containerd": "usr/bin/containerd",
    "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
    "ctr": "usr/bin/ctr",
    "dockerd": "usr/sbin/dockerd",
    "docker": "usr/bin/docker",
    "docker-buildx": "usr/libexec/docker/cli-plugins/docker-buildx",
    "docker-registry": "usr/bin/docker-registry",
    "runc": "usr/sbin/runc",
}
CNI_PLUGINS = ("bridge", "host-local", "loopback")


def missing_host_packages() -> list[str]:
    """The packages that the host lacks, by the commands and files that it lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    wanted = {package for command, package in HOST_COMMANDS.items() if not shutil.which(command, path=path)}
    wanted |= {package for file, package in HOST_FILES.items() if not Path(file).exists()}
    return sorted(wanted)


def ensure_host_packages(log: Path) -> None:
    """Install what the host lacks with apt-get."""
    missing = missing_host_packages()
    if not missing:
        return
    words = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    env = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    with heartbeat(f"installing {', '.join(missing)} with apt-get"):
        try:
            run_logged(words, log, env=env)
        except SandboxError:
            # The package lists may be missing or too old to name files that still exist.
            run_logged(["apt-get", "update"], log, env=env, remedy="are Debian's packages reachable?")
            run_logged(words, log, env=env, remedy=f"install them yourself: {' '.join(words)}")


@functools.cache
def ensure_base_root(cache: Path) -> Path:
    """The tar of a slim Debian root, to be imported as an image."""
    key = recipe_hash(REFRESH, debianroot.SUITE, debianroot.recipe())
    entry = cache / "packages" / f"debian-{debianroot.SUITE}-{key}"
    return obtain(entry, lambda target: _make_root(target, cache), f"Debian {debianroot.SUITE}") / "root.tar"


@functools.cache
def ensure_runtime(cache: Path) -> Path:
    """The folder with bin/ and cni/: containerd, runc, Docker and the registry."""
    root = ensure_base_root(cache)
    entry = runtime_entry(cache)
    return obtain(entry, lambda target: _make_runtime(root, target, cache), "the container runtime")


def runtime_entry(cache: Path) -> Path:
    """Where `ensure_runtime` has or will put its result; neither made nor verified here."""
    suite = _host_suite()
    content = repr((RUNTIME_PACKAGES, sorted(PROGRAMS.items()), CNI_PLUGINS))
    return cache / "packages" / f"runtime-{suite}-{recipe_hash(REFRESH, debianroot.SUITE, suite, content)}"


def _make_root(target: Path, cache: Path) -> None:
    log = cache / "logs" / "debian-root.log"
    with heartbeat(f"making a Debian {debianroot.SUITE} root with debootstrap (log: {log})"):
        debianroot.make(target, log)


def _make_runtime(root: Path, target: Path, cache: Path) -> None:
    log = cache / "logs" / "packages.log"
    work = target / ".work"
    with heartbeat(f"downloading containerd, runc and Docker from Debian (log: {log})"):
        chroot, extracted = work / "root", work / "extracted"
        chroot.mkdir(parents=True)
        run_logged(["tar", "--extract", "--file", root, "--directory", chroot, "--numeric-owner"], log)
        debs = [*debianroot.download(chroot, RUNTIME_PACKAGES, log), _host_runc(work, log)]
        for deb in debs:
            run_logged(["dpkg", "-x", deb, extracted], log)
        _collect(extracted, target)
    # Not part of the result, and rmtree of a chroot must not follow anything out of it.
    shutil.rmtree(work)


def _host_runc(work: Path, log: Path) -> Path:
    """runc from the host's own suite: trixie's wants a newer libc than older hosts have."""
    folder = work / "runc"
    folder.mkdir()
    # apt drops its privileges for a download and must be able to write here.
    folder.chmod(0o777)
    env = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    words = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "runc"]
    try:
        run_logged(words, log, env=env, cwd=folder)
    except SandboxError:
        run_logged(["apt-get", "update"], log, env=env, remedy="are Debian's packages reachable?")
        run_logged(words, log, env=env, cwd=folder)
    return next(folder.glob("runc_*.deb"))


def _collect(extracted: Path, target: Path) -> None:
    (target / "bin").mkdir()
    (target / "cni").mkdir()
    for name, place in PROGRAMS.items():
        shutil.copy2(extracted / place, target / "bin" / name)
    for name in CNI_PLUGINS:
        shutil.copy2(extracted / "usr/lib/cni" / name, target / "cni" / name)
    for path in (target / "bin").iterdir():
        check_libraries(path)


def check_libraries(program: Path) -> None:
    """Refuse a program that the host's libraries cannot run."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    missing = re.findall(r"^.*not found.*$", done.stdout + done.stderr, re.MULTILINE)
    if missing:
        raise SandboxError(
            f"{program.name} from Debian {debianroot.SUITE} does not run on this machine: {missing[0].strip()}\n"
            "  use a newer Debian or Ubuntu, or a cluster of your own (set biojobs:context)"
        )


def _host_suite() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    name = release.get("VERSION_CODENAME") or release.get("VERSION_ID") or release.get("ID", "unknown")
    return re.sub(r"[^a-z0-9.]", "", name.lower()) or "unknown"


def is_debian_like() -> bool:
    """Whether apt-get works here at all."""
    return bool(shutil.which("apt-get")) and succeeds(["dpkg", "--version"])
