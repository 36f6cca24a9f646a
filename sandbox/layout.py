"""Where the sandbox keeps its things, and the addresses and ports that it takes."""

import os
from dataclasses import dataclass
from pathlib import Path

CONTEXT = "biojobs-sandbox"
NODE_NAME = "biojobs-sandbox"
BRIDGE = "biojobs0"
NETWORK = "biojobs"
# The node's own address is the bridge's: it is there without any other network, and never changes.
NODE_ADDRESS = "10.250.0.1"
POD_CIDR = "10.250.0.0/16"
SERVICE_CIDR = "10.251.0.0/16"
API_SERVICE_ADDRESS = "10.251.0.1"
DNS_ADDRESS = "10.251.0.10"
CLUSTER_DOMAIN = "cluster.local"
REGISTRY = "localhost:5050"
CGROUP = "biojobs"
RULE_COMMENT = "biojobs-sandbox"
# Every process of the sandbox carries these, so that an orphan is found without its pid file.
MARK_COMPONENT = "BIOJOBS_SANDBOX_COMPONENT"
MARK_DATA = "BIOJOBS_SANDBOX_DATA"

PORTS = {
    "etcd": 12379,
    "etcd-peer": 12380,
    "etcd-health": 12381,
    "kube-apiserver": 16443,
    "kubelet": 20250,
    "kubelet-health": 20248,
    "kube-proxy-metrics": 20249,
    "kube-proxy": 20256,
    "kube-controller-manager": 20257,
    "kube-scheduler": 20259,
    "coredns": 20253,
    "coredns-health": 20254,
    "registry": 5050,
}


@dataclass(frozen=True)
class Layout:
    """Every folder of the sandbox. `data` survives a reboot, `run` does not."""

    cache: Path
    data: Path
    run: Path

    @property
    def config(self) -> Path:
        """Rendered configuration files."""
        return self.data / "config"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.data / "pki"

    @property
    def logs(self) -> Path:
        """One log per component."""
        return self.data / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.data / "kubeconfig"

    @property
    def host_record(self) -> Path:
        """What `up` changed on the host, for `down` to put back."""
        return self.data / "host.json"

    @property
    def lock(self) -> Path:
        """Held by `up` and `down`; outside of everything that they remove."""
        return self.data.parent / f".{self.data.name}.lock"

    @property
    def containerd_socket(self) -> Path:
        """containerd's API."""
        return self.run / "containerd.sock"

    @property
    def docker_socket(self) -> Path:
        """dockerd's API."""
        return self.run / "docker.sock"

    @property
    def charts(self) -> Path:
        """Packaged Helm charts."""
        return self.cache / "charts"


def from_environment() -> Layout:
    """The layout that BIOJOBS_CACHE and BIOJOBS_SANDBOX_DIR ask for."""
    cache = os.environ.get("BIOJOBS_CACHE") or "~/.cache/biojobs"
    data = os.environ.get("BIOJOBS_SANDBOX_DIR") or "/var/lib/biojobs/sandbox"
    return Layout(cache=Path(cache).expanduser().absolute(), data=Path(data).absolute(), run=Path("/run/biojobs"))
