"""What is put into the cluster, and when it counts as ready."""

import time
from datetime import UTC, datetime
from typing import Any

from sandbox.api import Api
from sandbox.console import tail
from sandbox.errors import SandboxError
from sandbox.layout import CLUSTER_DOMAIN, DNS_ADDRESS, NODE_ADDRESS, NODE_NAME, PORTS, Layout
from sandbox.probes import dns_ok
from sandbox.supervisor import log_file

NODE_SECONDS = 120
DNS_SECONDS = 60
LEASE_SECONDS = 40
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_DNS = "kube-dns"
_DNS_PORTS = (("dns", "UDP"), ("dns-tcp", "TCP"))


def objects() -> dict[str, dict[str, Any]]:
    """Path -> object: CoreDNS's right to read, and its Service. CoreDNS itself is a process of the host."""
    name, space = "biojobs:coredns", "/api/v1/namespaces/kube-system"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _DNS, "labels": {"k8s-app": _DNS, "kubernetes.io/name": "CoreDNS"}},
        "spec": {
            "clusterIP": DNS_ADDRESS,
            "ports": [
                {"name": port, "port": 53, "targetPort": PORTS["coredns"], "protocol": protocol}
                for port, protocol in _DNS_PORTS
            ],
        },
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": _DNS, "labels": {"kubernetes.io/service-name": _DNS}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"name": port, "port": PORTS["coredns"], "protocol": protocol} for port, protocol in _DNS_PORTS],
    }
    return {
        f"{_RBAC}/clusterroles/{name}": role,
        f"{_RBAC}/clusterrolebindings/{name}": binding,
        f"{space}/services/{_DNS}": service,
        f"/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/{_DNS}": endpoints,
    }


def apply_objects(layout: Layout) -> None:
    """Put our objects into the cluster; a young API server may not have its namespaces yet."""
    api = Api(layout.pki)
    deadline = time.monotonic() + 30
    while api.get("/api/v1/namespaces/kube-system") is None and time.monotonic() < deadline:
        time.sleep(0.1)
    for path, content in objects().items():
        api.apply(path, content)


def node_problem(layout: Layout, since: datetime | None = None) -> str | None:
    """None when the node is ready and its kubelet has spoken recently (and after `since`)."""
    api = Api(layout.pki)
    node = api.get(f"/api/v1/nodes/{NODE_NAME}")
    lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE_NAME}")
    if node is None or lease is None:
        return "the kubelet has not registered the node yet"
    renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
    if (since and renewed < since) or (datetime.now(UTC) - renewed).total_seconds() > LEASE_SECONDS:
        return f"the kubelet was last heard of at {renewed:%H:%M:%S} UTC"
    ready = next((c for c in node["status"].get("conditions", []) if c["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        return f"not ready: {ready['message'] if ready else 'no condition yet'}"
    taints = [t["key"] for t in node["spec"].get("taints", []) if t.get("effect") in ("NoSchedule", "NoExecute")]
    return f"tainted: {', '.join(taints)}" if taints else None


def await_ready(layout: Layout, since: datetime | None) -> None:
    """Wait for the node and for DNS through its Service."""
    deadline = time.monotonic() + NODE_SECONDS
    while (problem := node_problem(layout, since)) is not None:
        if time.monotonic() > deadline:
            raise _failure(layout, "kubelet", f"the node is not ready after {NODE_SECONDS} s: {problem}")
        time.sleep(0.2)
    deadline = time.monotonic() + DNS_SECONDS
    while (problem := dns_ok(DNS_ADDRESS)()) is not None:
        if time.monotonic() > deadline:
            what = f"kubernetes.default.svc.{CLUSTER_DOMAIN} does not resolve after {DNS_SECONDS} s: {problem}"
            raise _failure(layout, "coredns", what)
        time.sleep(0.2)


def _failure(layout: Layout, component: str, what: str) -> SandboxError:
    log = log_file(layout, component)
    return SandboxError(f"{what}; the last lines of {component}:\n{tail(log)}\n  log: {log}")
