"""What the machine must have, and the kernel settings that the sandbox changes and puts back."""

import ipaddress
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from sandbox import packages
from sandbox.console import output_of, succeeds
from sandbox.errors import SandboxError
from sandbox.layout import BRIDGE, POD_CIDR, SERVICE_CIDR, Layout
from sandbox.process import boot_id

NEEDED_GB = 15
OWN_CLUSTER = "or use a cluster of your own: set biojobs:context and biojobs:registry"
# Set by us (a value) or by kubelet and kube-proxy (None): all are recorded and put back.
SYSCTLS: dict[str, str | None] = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/ipv4/conf/all/route_localnet": None,
    "vm/overcommit_memory": None,
    "vm/panic_on_oom": None,
    "kernel/panic": None,
    "kernel/panic_on_oops": None,
    "kernel/keys/root_maxkeys": None,
    "kernel/keys/root_maxbytes": None,
}
_SYS = Path("/proc/sys")


def require_root() -> None:
    """Refuse everybody but root."""
    if os.geteuid() != 0:
        raise SandboxError(f"must run as root (it is user {os.geteuid()} now): use sudo, {OWN_CLUSTER}")


def require_machine() -> None:
    """Refuse a system that the sandbox's programs are not made for."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        found = f"{platform.system()}/{platform.machine()}"
        raise SandboxError(f"needs Linux on amd64 and this is {found}: {OWN_CLUSTER}")
    if not packages.is_debian_like():
        raise SandboxError(f"needs Debian or Ubuntu (apt-get and dpkg are not here): {OWN_CLUSTER}")


def require_disk(layout: Layout) -> None:
    """Refuse a disk with too little space for builds, images and results."""
    for folder in (layout.cache, layout.data):
        free = shutil.disk_usage(_existing(folder)).free / 1e9
        if free < NEEDED_GB:
            raise SandboxError(
                f"{NEEDED_GB} GB of free disk are needed and {folder} has {free:.1f} GB: free some, or move it "
                "(BIOJOBS_CACHE, BIOJOBS_SANDBOX_DIR)"
            )


def require_kernel() -> None:
    """Refuse a kernel without overlayfs, bridges or netfilter."""
    for module in ("overlay", "br_netfilter", "veth"):
        if shutil.which("modprobe"):
            succeeds(["modprobe", module])
    if not any(line.split()[-1:] == ["overlay"] for line in Path("/proc/filesystems").read_text().splitlines()):
        raise SandboxError(f"the kernel has no overlayfs (module overlay): {OWN_CLUSTER}")
    if not (_SYS / "net/bridge/bridge-nf-call-iptables").exists():
        raise SandboxError(f"the kernel has no bridge netfilter (module br_netfilter): {OWN_CLUSTER}")
    for table in ("nat", "filter", "mangle"):
        if not succeeds(["iptables", "-w", "-t", table, "-n", "-L", "OUTPUT"]):
            raise SandboxError(f"the kernel has no netfilter table `{table}` for iptables: {OWN_CLUSTER}")


def overlapping_route(routes: list[dict[str, Any]]) -> str | None:
    """The first route of another interface that covers an address of the sandbox's networks."""
    ours = [ipaddress.ip_network(cidr) for cidr in (POD_CIDR, SERVICE_CIDR)]
    for route in routes:
        destination = route.get("dst", "default")
        if destination == "default" or route.get("dev") == BRIDGE:
            continue
        network = ipaddress.ip_network(destination, strict=False)
        # A route that covers half the Internet is a VPN's default in disguise.
        if network.version == 4 and network.prefixlen > 4 and any(network.overlaps(own) for own in ours):
            return f"{destination} on {route.get('dev', 'an interface')}"
    return None


def require_free_networks() -> None:
    """Refuse when the host already uses the sandbox's addresses."""
    taken = overlapping_route(json.loads(output_of(["ip", "-j", "-4", "route", "show"])))
    if taken:
        raise SandboxError(
            f"this machine has a route for {taken}, and the sandbox uses {POD_CIDR} and {SERVICE_CIDR}: {OWN_CLUSTER}"
        )


def record(layout: Layout) -> None:
    """Note the host's settings before they are changed. Once per boot: a reboot has put them back itself."""
    if _read_record(layout).get("boot") == boot_id():
        return
    before = {name: (_SYS / name).read_text().strip() for name in _changing() if (_SYS / name).exists()}
    layout.host_record.parent.mkdir(parents=True, exist_ok=True)
    partial = layout.host_record.with_suffix(".partial")
    partial.write_text(json.dumps({"boot": boot_id(), "sysctl": before}, indent=1) + "\n")
    partial.rename(layout.host_record)


def _changing() -> list[str]:
    """The settings to note, in the order in which they are put back."""
    names = list(SYSCTLS)
    # Turning forwarding on and off resets these of every interface.
    if (_SYS / "net/ipv4/ip_forward").read_text().strip() == "0":
        interfaces = sorted((_SYS / "net/ipv4/conf").iterdir())
        names += [f"net/ipv4/conf/{i.name}/{key}" for i in interfaces for key in ("forwarding", "accept_redirects")]
    return names


def recorded(layout: Layout) -> bool:
    """Whether an `up` of this boot has begun to change the host."""
    return _read_record(layout).get("boot") == boot_id()


def apply_sysctls() -> None:
    """Set what pods need to reach each other and the outside."""
    for name, value in SYSCTLS.items():
        if value is not None and (_SYS / name).read_text().strip() != value:
            (_SYS / name).write_text(value)


def restore(layout: Layout) -> None:
    """Put the host's settings back, and forget them."""
    found = _read_record(layout)
    if found.get("boot") == boot_id():
        for name, value in found.get("sysctl", {}).items():
            if (_SYS / name).exists() and (_SYS / name).read_text().strip() != value:
                (_SYS / name).write_text(value)
    layout.host_record.unlink(missing_ok=True)


def _read_record(layout: Layout) -> dict[str, Any]:
    try:
        return json.loads(layout.host_record.read_text())
    except (OSError, ValueError):
        return {}


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
