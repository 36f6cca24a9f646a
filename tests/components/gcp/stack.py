"""APIs, network, key and cluster, as the real stack makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.gcp.cluster import GkeCluster
from components.gcp.key import Key
from components.gcp.network import Network
from components.gcp.services import Services
from tests.components.built import Once
from tests.components.gcp.conftest import PROJECT, GcpRecorder, MakeScope

NODE_ACCOUNT = f"biojobs-dev-nodes@{PROJECT}.iam.gserviceaccount.com"
DNS_NAME = "gke-0123456789abcdef-123456789012.europe-west4.gke.goog"


@dataclass
class Built:
    services: Services
    network: Network
    key: Key
    cluster: GkeCluster


_ONCE = Once[Built]()


def build(gcp_mock: GcpRecorder, make_scope: MakeScope, **keys: Any) -> Built:
    """The stack `dev` from its APIs to the cluster, in the order of the real one; once for the same settings."""
    gcp_mock.outputs["dev-cluster-cluster"] = {
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": DNS_NAME}}
    }

    def make() -> Built:
        scope = make_scope(**keys)
        services = Services("dev-services", scope)
        network, key = Network("dev-network", scope, services), Key("dev-key", scope, services)
        account = pulumi.Output.from_input(NODE_ACCOUNT)
        cluster = GkeCluster("dev-cluster", scope, network, key, account, services.ready)
        return Built(services, network, key, cluster)

    return _ONCE.build(gcp_mock, keys, make)
