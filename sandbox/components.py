"""The components of the sandbox: what each is started with, and how its health is asked."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import probes, render
from sandbox.layout import (
    CLUSTER_DOMAIN,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    PORTS,
    SERVICE_CIDR,
    Layout,
)


@dataclass(frozen=True)
class Binaries:
    """The folders of the programs."""

    kubernetes: Path
    etcd: Path
    coredns: Path
    runtime: Path


@dataclass(frozen=True)
class Component:
    """One background process."""

    name: str
    command: tuple[str, ...]
    probe: probes.Probe
    ports: tuple[str, ...] = ()
    # path -> content; a changed one restarts the component
    files: dict[Path, str] = field(default_factory=dict[Path, str])
    env: dict[str, str] = field(default_factory=dict[str, str])
    # sockets and pid files that stop the component from starting when they are left over
    stale: tuple[Path, ...] = ()
    seconds: float = 60
    grace: float = 10

    @property
    def fingerprint(self) -> str:
        """Changes with everything that the component reads at its start."""
        parts = [*self.command, *sorted(f"{k}={v}" for k, v in self.env.items())]
        parts += [f"{path}\0{content}" for path, content in sorted(self.files.items())]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _env(binaries: Binaries, **more: str) -> dict[str, str]:
    """A small environment: no proxy of the caller's, and a heap that is collected early (memory, not speed)."""
    path = f"{binaries.runtime}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LC_ALL": "C", "GOGC": "50"} | more


def all_components(layout: Layout, binaries: Binaries) -> tuple[Component, ...]:
    """Every component, in the order in which they are started."""
    return (
        _containerd(layout, binaries),
        _registry(layout, binaries),
        _etcd(layout, binaries),
        _dockerd(layout, binaries),
        _api_server(layout, binaries),
        _controller_manager(layout, binaries),
        _scheduler(layout, binaries),
        _coredns(layout, binaries),
        _kube_proxy(layout, binaries),
        _kubelet(layout, binaries),
    )


def _containerd(layout: Layout, binaries: Binaries) -> Component:
    config = layout.config / "containerd.toml"
    files = {
        config: render.containerd(layout, binaries.runtime),
        layout.config / "cni/10-biojobs.conflist": render.cni(layout),
        layout.config / "registries" / "localhost:5050" / "hosts.toml": render.registry_hosts(None),
    }
    for name in render.MIRRORED:
        files[layout.config / "registries" / name / "hosts.toml"] = render.registry_hosts(name)
    return Component(
        "containerd",
        (f"{binaries.runtime}/bin/containerd", "--config", str(config)),
        probes.unix_listens(layout.containerd_socket),
        files=files,
        env=_env(binaries),
        stale=(layout.containerd_socket, Path(f"{layout.containerd_socket}.ttrpc")),
    )


def _registry(layout: Layout, binaries: Binaries) -> Component:
    config = layout.config / "registry.yml"
    return Component(
        "registry",
        (f"{binaries.runtime}/bin/docker-registry", "serve", str(config)),
        probes.http_ok(f"http://127.0.0.1:{PORTS['registry']}/v2/"),
        ports=("registry",),
        files={config: render.docker_registry(layout)},
        env=_env(binaries, OTEL_TRACES_EXPORTER="none"),
    )


def _etcd(layout: Layout, binaries: Binaries) -> Component:
    client, peer = f"https://127.0.0.1:{PORTS['etcd']}", f"https://127.0.0.1:{PORTS['etcd-peer']}"
    health = f"http://127.0.0.1:{PORTS['etcd-health']}"
    pki = layout.pki
    return Component(
        "etcd",
        (
            f"{binaries.etcd}/etcd",
            "--name=biojobs",
            f"--data-dir={layout.data}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=biojobs={peer}",
            f"--listen-metrics-urls={health}",
            f"--cert-file={pki}/etcd.crt",
            f"--key-file={pki}/etcd.key",
            f"--trusted-ca-file={pki}/etcd-ca.crt",
            "--client-cert-auth",
            f"--peer-cert-file={pki}/etcd.crt",
            f"--peer-key-file={pki}/etcd.key",
            f"--peer-trusted-ca-file={pki}/etcd-ca.crt",
            "--peer-client-cert-auth",
            "--log-level=warn",
        ),
        probes.http_ok(f"{health}/health"),
        ports=("etcd", "etcd-peer", "etcd-health"),
        env=_env(binaries),
    )


def _dockerd(layout: Layout, binaries: Binaries) -> Component:
    config = layout.config / "docker.json"
    return Component(
        "dockerd",
        (f"{binaries.runtime}/bin/dockerd", "--config-file", str(config)),
        probes.unix_http_ok(layout.docker_socket, "/_ping"),
        files={config: render.docker(layout)},
        env=_env(binaries),
        stale=(layout.docker_socket, layout.run / "docker-own.pid"),
        grace=15,
    )


def _api_server(layout: Layout, binaries: Binaries) -> Component:
    pki = layout.pki
    return Component(
        "kube-apiserver",
        (
            f"{binaries.kubernetes}/kube-apiserver",
            f"--advertise-address={NODE_ADDRESS}",
            # One address can be given and two are needed; a rule of ours shuts out the other interfaces.
            "--bind-address=0.0.0.0",
            f"--secure-port={PORTS['kube-apiserver']}",
            f"--etcd-servers=https://127.0.0.1:{PORTS['etcd']}",
            f"--etcd-cafile={pki}/etcd-ca.crt",
            f"--etcd-certfile={pki}/etcd-client.crt",
            f"--etcd-keyfile={pki}/etcd-client.key",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/kube-apiserver.crt",
            f"--tls-private-key-file={pki}/kube-apiserver.key",
            f"--cert-dir={layout.run}/kube-apiserver",
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
            f"--service-account-key-file={pki}/service-account.pub",
            f"--service-account-signing-key-file={pki}/service-account.key",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            "--allow-privileged=true",
            "--profiling=false",
            "--default-watch-cache-size=20",
            "--shutdown-send-retry-after=false",
        ),
        probes.https_ok(f"https://127.0.0.1:{PORTS['kube-apiserver']}/readyz", pki),
        ports=("kube-apiserver",),
        env=_env(binaries),
        seconds=120,
        # It holds no state: what it drains would only make an `up` wait.
        grace=3,
    )


def _controller_manager(layout: Layout, binaries: Binaries) -> Component:
    name = "kube-controller-manager"
    return Component(
        name,
        (
            f"{binaries.kubernetes}/{name}",
            f"--kubeconfig={layout.config}/{name}.kubeconfig",
            "--bind-address=127.0.0.1",
            f"--secure-port={PORTS[name]}",
            f"--cert-dir={layout.run}/{name}",
            f"--service-account-private-key-file={layout.pki}/service-account.key",
            f"--root-ca-file={layout.pki}/ca.crt",
            "--use-service-account-credentials=true",
            f"--cluster-cidr={POD_CIDR}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--leader-elect=false",
            "--profiling=false",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
        ),
        probes.https_ok(f"https://127.0.0.1:{PORTS[name]}/healthz"),
        ports=(name,),
        env=_env(binaries),
    )


def _scheduler(layout: Layout, binaries: Binaries) -> Component:
    name = "kube-scheduler"
    return Component(
        name,
        (
            f"{binaries.kubernetes}/{name}",
            f"--kubeconfig={layout.config}/{name}.kubeconfig",
            "--bind-address=127.0.0.1",
            f"--secure-port={PORTS[name]}",
            f"--cert-dir={layout.run}/{name}",
            "--leader-elect=false",
            "--profiling=false",
        ),
        probes.https_ok(f"https://127.0.0.1:{PORTS[name]}/healthz"),
        ports=(name,),
        env=_env(binaries),
    )


def _coredns(layout: Layout, binaries: Binaries) -> Component:
    corefile = layout.config / "Corefile"
    resolvers = render.upstream_resolvers(_host_resolv_conf())
    return Component(
        "coredns",
        (f"{binaries.coredns}/coredns", "-conf", str(corefile)),
        probes.http_ok(f"http://127.0.0.1:{PORTS['coredns-health']}/health"),
        ports=("coredns", "coredns-health"),
        files={corefile: render.corefile(layout), layout.config / "resolv.conf": resolvers},
        env=_env(binaries),
    )


def _kube_proxy(layout: Layout, binaries: Binaries) -> Component:
    config = layout.config / "kube-proxy.json"
    return Component(
        "kube-proxy",
        (f"{binaries.kubernetes}/kube-proxy", f"--config={config}"),
        probes.http_ok(f"http://127.0.0.1:{PORTS['kube-proxy']}/healthz"),
        ports=("kube-proxy", "kube-proxy-metrics"),
        files={config: render.kube_proxy(layout)},
        env=_env(binaries),
    )


def _kubelet(layout: Layout, binaries: Binaries) -> Component:
    config = layout.config / "kubelet.json"
    return Component(
        "kubelet",
        (
            f"{binaries.kubernetes}/kubelet",
            f"--config={config}",
            f"--kubeconfig={layout.config}/kubelet.kubeconfig",
            f"--root-dir={layout.data}/kubelet",
            f"--cert-dir={layout.run}/kubelet",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
        ),
        probes.http_ok(f"http://127.0.0.1:{PORTS['kubelet-health']}/healthz"),
        ports=("kubelet", "kubelet-health"),
        files={config: render.kubelet(layout)},
        env=_env(binaries),
    )


def _host_resolv_conf() -> str:
    # systemd-resolved's stub listens on the loopback only, which CoreDNS shares: either file would do.
    for path in (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf")):
        if path.exists():
            return path.read_text()
    return ""
