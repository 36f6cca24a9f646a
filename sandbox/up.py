"""Brings the sandbox up from whatever state it is in."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from sandbox import (
    chart,
    cluster,
    host,
    images,
    mounts,
    network,
    packages,
    pki,
    ports,
    process,
    render,
    supervisor,
    tools,
)
from sandbox.cache import locked
from sandbox.components import Binaries, all_components
from sandbox.console import cancel_commands, say
from sandbox.errors import SandboxError
from sandbox.layout import PORTS, Layout

# Each group needs the ones before it.
STAGES = (
    ("containerd", "registry", "etcd"),
    ("dockerd", "kube-apiserver"),
    ("kube-controller-manager", "kube-scheduler", "coredns", "kube-proxy", "kubelet"),
)
TOOLS = ("kubernetes", "etcd", "coredns", "argo", "helm", "pause")
_KUBECONFIGS = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "kubelet")


def up(layout: Layout) -> None:
    """Build what is missing, start what is not well, and wait until the cluster can be used."""
    began = time.monotonic()
    host.require_root()
    host.require_machine()
    with locked(layout.lock, "another `up` or `down` of the sandbox"):
        _refuse_taken_ports(layout)
        packages.ensure_host_packages(layout.cache / "logs" / "apt.log")
        if not host.recorded(layout):
            # A sandbox that runs has passed these already.
            host.require_disk(layout)
            host.require_kernel()
            host.require_free_networks()
            _refuse_other_node()
        binaries = _binaries(layout)
        _prepare(layout, binaries)
        _start(layout, binaries)
        chart.ensure(layout)
    say(f"the cluster is ready ({time.monotonic() - began:.0f} s); kubeconfig: {layout.kubeconfig}")


def _refuse_taken_ports(layout: Layout) -> None:
    """Before anything is built: an hour's work must not end in a refusal that was there to be seen."""
    own = set(process.marked_processes(layout.data))
    taken = ports.all_listening()
    strangers = {
        name: number for name, number in PORTS.items() if number in taken and ports.holder(taken[number]) not in own
    }
    ports.require_free(strangers)


def _refuse_other_node() -> None:
    if network.foreign_chains() and not network.interfaces():
        raise SandboxError(
            "this machine has the firewall rules (KUBE-...) of another Kubernetes node: use that cluster "
            "(set biojobs:context and biojobs:registry), or remove them with `kube-proxy --cleanup`"
        )


def _binaries(layout: Layout) -> Binaries:
    """Downloads wait for the network and builds for the CPU: side by side they take as long as the builds."""
    with ThreadPoolExecutor(1) as pool:
        runtime = pool.submit(packages.ensure_runtime, layout.cache)
        try:
            folders = {name: tools.ensure(name) for name in TOOLS}
            return Binaries(folders["kubernetes"], folders["etcd"], folders["coredns"], runtime.result())
        except BaseException:
            # The pool waits for its thread, and that for its command: an interrupt must not wait for either.
            cancel_commands()
            raise


def _prepare(layout: Layout, binaries: Binaries) -> None:
    for folder in (layout.data, layout.config, layout.logs, layout.run):
        folder.mkdir(parents=True, exist_ok=True)
    layout.data.chmod(0o711)
    host.record(layout)
    mounts.ensure_cgroups()
    network.ensure()
    host.apply_sysctls()
    pki.ensure(layout.pki)
    for user in _KUBECONFIGS:
        _write_private(layout.config / f"{user}.kubeconfig", render.kubeconfig(layout.pki, user))
    _write_private(layout.kubeconfig, render.kubeconfig(layout.pki, "admin"))
    _docker_plugins(layout, binaries.runtime)


def _write_private(path: Path, content: str) -> None:
    if path.exists() and path.read_text() == content:
        return
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(content)
    partial.rename(path)


def _docker_plugins(layout: Layout, runtime: Path) -> None:
    """A Docker configuration whose only content is buildx, for DOCKER_CONFIG."""
    folder = layout.config / "docker-cli" / "cli-plugins"
    folder.mkdir(parents=True, exist_ok=True)
    plugin = folder / "docker-buildx"
    if not plugin.exists() or plugin.resolve() != (runtime / "bin/docker-buildx").resolve():
        plugin.unlink(missing_ok=True)
        plugin.symlink_to(runtime / "bin/docker-buildx")


def _start(layout: Layout, binaries: Binaries) -> None:
    components = {component.name: component for component in all_components(layout, binaries)}
    after: dict[int, Callable[[], None]] = {0: lambda: images.ensure_pause(tools.ensure("pause"))}
    since: datetime | None = None
    for number, names in enumerate(STAGES):
        stage = [components[name] for name in names]
        if number == 2:
            cluster.apply_objects(layout)
        before = datetime.now(UTC)
        if "kubelet" in supervisor.ensure_stage(layout, stage):
            since = before
        after.get(number, lambda: None)()
    cluster.await_ready(layout, since)
    images.ensure_argo(tools.ensure("argo"))
    images.ensure_base(layout, binaries.runtime)
