"""Takes the sandbox down and leaves nothing of it behind but what can be used again."""

import contextlib
import shutil
import time
from pathlib import Path

from sandbox import host, mounts, network, ports, process, supervisor
from sandbox import layout as places
from sandbox.cache import locked
from sandbox.console import say
from sandbox.errors import SandboxError
from sandbox.layout import Layout

# What runs pods first, so that nothing starts what is being removed.
ORDER = (
    "kubelet",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-proxy",
    "coredns",
    "kube-apiserver",
    "etcd",
    "registry",
)
# Images, build cache and logs are not the cluster's: the next `up` is quicker for them.
KEPT = ("docker", "registry", "logs")
_POD_LOG_LINKS = Path("/var/log/containers")
_CNI_RESULTS = Path("/var/lib/cni/results")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
_SHIM_SOCKETS = Path("/run/containerd/s")


def down(layout: Layout) -> None:
    """Remove pods, processes, mounts, interfaces, rules and the cluster's data, from any state."""
    host.require_root()
    with locked(layout.lock, "another `up` or `down` of the sandbox"):
        # Chains are nobody else's when ours was here: `up` refuses a machine that has any.
        was_here = host.recorded(layout) or bool(network.interfaces())
        for name in ORDER:
            supervisor.stop(layout, name, grace=10)
        mounts.remove_cgroups()
        # dockerd ends in good order only while containerd is there.
        supervisor.stop(layout, "dockerd", grace=20)
        supervisor.stop(layout, "containerd", grace=10)
        process.stop(process.marked_processes(layout.data), grace=1)
        mounts.unmount_all([layout.data, layout.run])
        network.remove_interfaces()
        if was_here:
            network.remove_rules()
        host.restore(layout)
        _remove_files(layout)
        _check(layout)
    say(f"the sandbox is down; builds are kept in {layout.cache}, images and logs in {layout.data}")


def leftovers(layout: Layout) -> list[str]:
    """Everything of the sandbox that is still on the machine; empty after `down`."""
    found = [process.describe(pid) for pid in process.marked_processes(layout.data)]
    found += [f"mount {point}" for point in mounts.present([layout.data, layout.run])]
    found += [f"interface {name}" for name in network.interfaces()]
    found += [f"rule {line}" for line in network.rules_left()]
    found += [f"control group {group}" for group in mounts.cgroups_left()]
    taken = ports.all_listening()
    found += [f"port {number} ({name})" for name, number in places.PORTS.items() if number in taken]
    return found


def _check(layout: Layout) -> None:
    deadline = time.monotonic() + 5
    while found := leftovers(layout):
        if time.monotonic() > deadline:
            raise SandboxError("`down` could not remove: " + "; ".join(found[:10]))
        time.sleep(0.1)


def _remove_files(layout: Layout) -> None:
    # rmtree below a mount would empty what is mounted, and that may be somebody's results.
    still = mounts.present([layout.data, layout.run])
    if still:
        raise SandboxError(f"not removing {layout.data}: {still[0]} is still mounted")
    shutil.rmtree(layout.run, ignore_errors=True)
    for path in layout.data.iterdir() if layout.data.exists() else ():
        if path.name in KEPT:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _remove_links(layout)
    for path in _CNI_RESULTS.glob(f"{places.NETWORK}-*"):
        path.unlink(missing_ok=True)
    for name in ("kubelet.sock", "kubelet_internal_checkpoint", "DEPRECATION"):
        with contextlib.suppress(OSError):
            (_DEVICE_PLUGINS / name).unlink()
    # Only empty folders go: they may be another container engine's too.
    for folder in (_DEVICE_PLUGINS, _DEVICE_PLUGINS.parent, _POD_LOG_LINKS, _SHIM_SOCKETS, _SHIM_SOCKETS.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()
    for folder in (_CNI_RESULTS, _CNI_RESULTS.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove_links(layout: Layout) -> None:
    for link in _POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and Path(link.readlink()).is_relative_to(layout.data):
            link.unlink(missing_ok=True)
