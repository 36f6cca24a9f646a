"""The components' configuration files, as pure functions of the layout."""

import base64
import json
from pathlib import Path
from typing import Any

from sandbox.layout import (
    BRIDGE,
    CGROUP,
    CLUSTER_DOMAIN,
    CONTEXT,
    DNS_ADDRESS,
    NETWORK,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    PORTS,
    REGISTRY,
    Layout,
)

PAUSE_IMAGE = f"{REGISTRY}/biojobs-sandbox/pause:1"
# Images that come from these registries are looked for in the sandbox's own first.
MIRRORED = ("quay.io",)


def kubeconfig(pki: Path, user: str) -> str:
    """A kubeconfig with everything inside, for the certificate named `user`. JSON is YAML too."""

    def data(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    server = f"https://127.0.0.1:{PORTS['kube-apiserver']}"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}],
        "users": [
            {
                "name": CONTEXT,
                "user": {
                    "client-certificate-data": data(f"{user}.crt"),
                    "client-key-data": data(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    return json.dumps(content, indent=1) + "\n"


def containerd(layout: Layout, runtime: Path) -> str:
    """containerd's configuration, in TOML."""
    return f"""\
version = 2
root = "{layout.data}/containerd"
state = "{layout.run}/containerd"
# The old image formats and snapshotters that the host may have no kernel support for.
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{layout.containerd_socket}"
[ttrpc]
  address = "{layout.containerd_socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{layout.data}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Inside a container or VM a process may not lower its own score: keep the one we have.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{runtime}/cni"
    conf_dir = "{layout.config}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{layout.config}/registries"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "{runtime}/bin/runc"
      Root = "{layout.run}/runc"
      SystemdCgroup = false
"""


def registry_hosts(mirrored: str | None) -> str:
    """containerd's hosts.toml: of our own registry, or of one that it stands in for first."""
    origin = f"https://{mirrored}" if mirrored else f"http://{REGISTRY}"
    return f"""\
server = "{origin}"
[host."http://{REGISTRY}"]
  capabilities = ["pull", "resolve"]
"""


def cni(layout: Layout) -> str:
    """The pod network: one bridge. Masquerading is our own rule, so that there is one to take back."""
    content = {
        "cniVersion": "1.0.0",
        "name": NETWORK,
        "plugins": [
            {
                "type": "bridge",
                "bridge": BRIDGE,
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": POD_CIDR, "gateway": NODE_ADDRESS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": f"{layout.run}/ipam",
                },
            }
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def docker(layout: Layout) -> str:
    """dockerd's configuration: it builds and pushes, and leaves the host's network alone."""
    content = {
        "data-root": f"{layout.data}/docker",
        "exec-root": f"{layout.run}/docker",
        "pidfile": f"{layout.run}/docker-own.pid",
        "hosts": [f"unix://{layout.docker_socket}"],
        "containerd": str(layout.containerd_socket),
        "cgroup-parent": f"/{CGROUP}/docker",
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "ip-masq": False,
        "userland-proxy": False,
        "log-opts": {"max-size": "10m", "max-file": "2"},
        "shutdown-timeout": 5,
    }
    return json.dumps(content, indent=1) + "\n"


def docker_registry(layout: Layout) -> str:
    """The registry's configuration; reachable from this machine alone."""
    content = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": f"{layout.data}/registry"},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{PORTS['registry']}"},
    }
    return json.dumps(content, indent=1) + "\n"


def corefile(layout: Layout) -> str:
    """Cluster names from the API server, all others from the host's resolvers."""
    return f"""\
.:{PORTS["coredns"]} {{
    bind {NODE_ADDRESS}
    errors
    health 127.0.0.1:{PORTS["coredns-health"]}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {layout.config}/coredns.kubeconfig
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    forward . {layout.config}/resolv.conf {{
        max_concurrent 1000
    }}
    cache 5
}}
"""


def upstream_resolvers(host_resolv_conf: str) -> str:
    """The host's resolvers without those that would send CoreDNS a question back to itself."""
    kept = [
        line
        for line in host_resolv_conf.splitlines()
        if line.split()[:1] == ["nameserver"] and line.split()[1:2] not in ([NODE_ADDRESS], [DNS_ADDRESS])
    ]
    # CoreDNS refuses to start without any; this one answers nothing, as a machine without network would.
    return "\n".join(kept or ["nameserver 127.0.0.1"]) + "\n"


def kubelet(layout: Layout) -> str:
    """KubeletConfiguration."""
    content: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "port": PORTS["kubelet"],
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": PORTS["kubelet-health"],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{layout.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{layout.pki}/kubelet.crt",
        "tlsPrivateKeyFile": f"{layout.pki}/kubelet.key",
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": f"{layout.config}/resolv.conf",
        "podLogsDir": f"{layout.data}/pod-logs",
        "volumePluginDir": f"{layout.data}/kubelet/volume-plugins",
        "staticPodPath": "",
        "maxPods": 110,
        "makeIPTablesUtilChains": False,
        "enableControllerAttachDetach": False,
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 2,
        # Reserved space counts as used for the kubelet: it would collect images on a half-empty disk.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1Gi",
            "nodefs.inodesFree": "10000",
            "imagefs.available": "1Gi",
            "imagefs.inodesFree": "10000",
        },
        "localStorageCapacityIsolation": True,
        "volumeStatsAggPeriod": "10s",
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "nodeLeaseDurationSeconds": 40,
        "shutdownGracePeriod": "0s",
    }
    return json.dumps(content, indent=1) + "\n"


def kube_proxy(layout: Layout) -> str:
    """KubeProxyConfiguration. Zero leaves the host's connection tracking as it is."""
    untouched = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    content: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NODE_NAME,
        "clusterCIDR": POD_CIDR,
        "detectLocalMode": "ClusterCIDR",
        "clientConnection": {"kubeconfig": f"{layout.config}/kube-proxy.kubeconfig"},
        "healthzBindAddress": f"127.0.0.1:{PORTS['kube-proxy']}",
        "metricsBindAddress": f"127.0.0.1:{PORTS['kube-proxy-metrics']}",
        "conntrack": untouched,
        "iptables": {"localhostNodePorts": False, "minSyncPeriod": "100ms", "syncPeriod": "30s"},
        "nodePortAddresses": ["primary"],
    }
    return json.dumps(content, indent=1) + "\n"
