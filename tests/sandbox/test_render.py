"""Configuration files as the components will read them."""

import json
import tomllib
from pathlib import Path

import pytest

from sandbox import render
from sandbox.cluster import objects
from sandbox.components import Binaries, Component, all_components
from sandbox.layout import DNS_ADDRESS, NODE_ADDRESS, PORTS, Layout
from sandbox.pki import CERTIFICATES
from sandbox.up import STAGES

AT = Layout(cache=Path("/c"), data=Path("/d"), run=Path("/r"))
BINARIES = Binaries(Path("/k"), Path("/e"), Path("/n"), Path("/t"))


def component(name: str) -> Component:
    return next(item for item in all_components(AT, BINARIES) if item.name == name)


def test_every_component_is_in_one_stage_and_every_port_has_one_owner() -> None:
    items = all_components(AT, BINARIES)
    assert sorted(name for stage in STAGES for name in stage) == sorted(item.name for item in items)
    owned = [port for item in items for port in item.ports]
    assert sorted(owned) == sorted(PORTS)
    assert len(set(PORTS.values())) == len(PORTS)


def test_containerd_reads_its_toml_and_keeps_off_the_hosts_own_places() -> None:
    config = tomllib.loads(render.containerd(AT, Path("/t")))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["netns_mounts_under_state_dir"] is True
    assert cri["sandbox_image"].startswith("localhost:5050/")
    runtime = cri["containerd"]["runtimes"]["runc"]["options"]
    assert (runtime["BinaryName"], runtime["Root"]) == ("/t/bin/runc", "/r/runc")
    assert config["root"].startswith("/d/") and config["state"].startswith("/r/")


def test_registry_hosts_point_to_the_sandbox_first_and_to_the_origin_after() -> None:
    own, quay = tomllib.loads(render.registry_hosts(None)), tomllib.loads(render.registry_hosts("quay.io"))
    assert own["server"] == "http://localhost:5050"
    assert quay["server"] == "https://quay.io"
    assert list(quay["host"]) == ["http://localhost:5050"]


def test_kubelet_keeps_images_on_a_full_disk_and_evicts_by_absolute_figures() -> None:
    config = json.loads(render.kubelet(AT))
    assert config["imageGCHighThresholdPercent"] == 100
    assert all(not value.endswith("%") for value in config["evictionHard"].values())
    assert config["failCgroupV1"] is False
    assert config["localStorageCapacityIsolation"] is True
    assert config["clusterDNS"] == [DNS_ADDRESS]
    assert config["authentication"]["anonymous"] == {"enabled": False}


def test_pod_addresses_are_forgotten_with_the_boot() -> None:
    plugin = json.loads(render.cni(AT))["plugins"][0]
    assert plugin["ipam"]["dataDir"].startswith("/r/")
    assert plugin["ipMasq"] is False


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("nameserver 192.0.2.1\nsearch lan\noptions ndots:1\n", "nameserver 192.0.2.1\n"),
        (f"nameserver {NODE_ADDRESS}\nnameserver 192.0.2.1\n", "nameserver 192.0.2.1\n"),
        ("", "nameserver 127.0.0.1\n"),
        ("# nameserver 192.0.2.1\n", "nameserver 127.0.0.1\n"),
    ],
)
def test_upstream_resolvers_leave_out_ourselves_and_are_never_none(host: str, expected: str) -> None:
    assert render.upstream_resolvers(host) == expected


def test_a_changed_file_or_word_changes_the_fingerprint() -> None:
    kubelet = component("kubelet")
    other = next(
        item for item in all_components(Layout(AT.cache, Path("/other"), AT.run), BINARIES) if item.name == "kubelet"
    )
    assert kubelet.fingerprint == component("kubelet").fingerprint
    assert kubelet.fingerprint != other.fingerprint


def test_components_get_no_proxy_of_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert not any("proxy" in name.lower() for item in all_components(AT, BINARIES) for name in item.env)


def test_the_api_server_lets_nobody_in_without_a_name() -> None:
    words = component("kube-apiserver").command
    assert "--anonymous-auth=false" in words
    assert "--authorization-mode=Node,RBAC" in words


def test_etcd_is_opened_by_its_own_authority_only() -> None:
    authorities = {certificate.name: certificate.authority for certificate in CERTIFICATES}
    assert {name for name, authority in authorities.items() if authority == "etcd-ca"} == {"etcd", "etcd-client"}
    assert "--client-cert-auth" in component("etcd").command


def test_dns_is_served_by_the_hosts_process_behind_the_service_address() -> None:
    found = objects()
    service = next(item for item in found.values() if item["kind"] == "Service")
    slices = next(item for item in found.values() if item["kind"] == "EndpointSlice")
    assert service["spec"]["clusterIP"] == DNS_ADDRESS
    assert "selector" not in service["spec"]
    assert slices["endpoints"][0]["addresses"] == [NODE_ADDRESS]
    assert {port["protocol"] for port in slices["ports"]} == {"UDP", "TCP"}
