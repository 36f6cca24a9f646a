"""Resource types of a project's APIs and its network."""

from __future__ import annotations

from typing import Any

from offline.recording.strict.kind import Kind, Ref

NAME = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
_GLOBAL = "projects/{project}/global"
_REGIONAL = "projects/{project}/regions/{region}"
_LINK = "https://www.googleapis.com/compute/v1/"
_NETWORK = Ref("network", "network", holds=True)
_ON_OFF = ("EXCLUDE_ALL_METADATA", "INCLUDE_ALL_METADATA", "CUSTOM_METADATA")


def _compute(token: str, called: str, id: str, **more: Any) -> Kind:
    """A type of Compute Engine: named alike, and referred to by id, name or link."""
    outputs = {"selfLink": _LINK + id, "creationTimestamp": "2026-01-01T00:00:00.000-08:00", **more.pop("outputs", {})}
    return Kind(
        f"gcp:compute/{token}",
        called,
        id,
        service="compute",
        name_key="name",
        longest=63,
        charset=NAME,
        unique=more.pop("unique", ("name",)),
        outputs=outputs,
        offers={f"{called}.link": "selfLink"},
        **more,
    )


KINDS = (
    Kind(
        "gcp:projects/service:Service",
        "service",
        "{project}/{service}",
        unique=("service",),
        replace=("service", "project"),
        outputs={"disableOnDestroy": False},
    ),
    Kind(
        "gcp:projects/serviceIdentity:ServiceIdentity",
        "service-agent",
        "projects/{project}/services/{service}",
        service="serviceusage",
        replace=("service", "project"),
    ),
    _compute(
        "network:Network",
        "network",
        _GLOBAL + "/networks/{name}",
        replace=("name", "description", "autoCreateSubnetworks", "project"),
        enums={"routingMode": frozenset({"REGIONAL", "GLOBAL"})},
        ranges={"mtu": (1300, 8896)},
        outputs={"gatewayIpv4": "", "networkId": "{digits}", "autoCreateSubnetworks": True, "mtu": 1460},
    ),
    _compute(
        "subnetwork:Subnetwork",
        "subnet",
        _REGIONAL + "/subnetworks/{name}",
        # In place a range can only grow; a settings' other range is another one.
        replace=("name", "network", "region", "description", "ipCidrRange", "purpose", "project"),
        unique=("name", "region"),
        enums={
            "stackType": frozenset({"IPV4_ONLY", "IPV4_IPV6", "IPV6_ONLY"}),
            "purpose": frozenset({"PRIVATE", "REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY"}),
            "logConfig.metadata": frozenset(_ON_OFF),
            "logConfig.aggregationInterval": frozenset(
                f"INTERVAL_{time}" for time in ("5_SEC", "30_SEC", "1_MIN", "5_MIN", "10_MIN", "15_MIN")
            ),
        },
        ranges={"logConfig.flowSampling": (0, 1)},
        cidrs=("ipCidrRange", "secondaryIpRanges[].ipCidrRange"),
        refs=(_NETWORK,),
        outputs={"gatewayAddress": "{ip}", "fingerprint": "{hex}", "region": "{region}", "subnetworkId": "{digits}"},
    ),
    _compute(
        "router:Router",
        "router",
        _REGIONAL + "/routers/{name}",
        replace=("name", "network", "region", "project"),
        unique=("name", "region"),
        refs=(_NETWORK,),
        outputs={"region": "{region}"},
    ),
    Kind(
        "gcp:compute/routerNat:RouterNat",
        "nat",
        "{project}/{region}/{router|last}/{name}",
        service="compute",
        name_key="name",
        longest=63,
        charset=NAME,
        unique=("router", "name"),
        replace=("name", "router", "region", "type", "endpointTypes", "project"),
        enums={
            "natIpAllocateOption": frozenset({"MANUAL_ONLY", "AUTO_ONLY"}),
            "sourceSubnetworkIpRangesToNat": frozenset(
                {
                    "ALL_SUBNETWORKS_ALL_IP_RANGES",
                    "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
                    "LIST_OF_SUBNETWORKS",
                }
            ),
            "subnetworks[].sourceIpRangesToNats[]": frozenset(
                {"ALL_IP_RANGES", "PRIMARY_IP_RANGE", "LIST_OF_SECONDARY_IP_RANGES"}
            ),
            "logConfig.filter": frozenset({"ERRORS_ONLY", "TRANSLATIONS_ONLY", "ALL"}),
        },
        refs=(
            Ref("router", "router"),
            Ref("natIps[]", "address", holds=True),
            Ref("subnetworks[].name", "subnet", holds=True),
        ),
        outputs={"region": "{region}"},
    ),
    _compute(
        "address:Address",
        "address",
        _REGIONAL + "/addresses/{name}",
        replace=("name", "address", "addressType", "description", "networkTier", "purpose", "region", "subnetwork"),
        unique=("name", "region"),
        enums={
            "addressType": frozenset({"INTERNAL", "EXTERNAL"}),
            "networkTier": frozenset({"PREMIUM", "STANDARD"}),
        },
        refs=(Ref("network", "network"), Ref("subnetwork", "subnet", holds=True)),
        outputs={"address": "{ip}", "region": "{region}"},
    ),
    _compute(
        "firewall:Firewall",
        "firewall",
        _GLOBAL + "/firewalls/{name}",
        replace=("name", "direction", "project"),
        enums={
            "direction": frozenset({"INGRESS", "EGRESS"}),
            "logConfig.metadata": frozenset(_ON_OFF[:2]),
        },
        ranges={"priority": (0, 65_535)},
        cidrs=("sourceRanges[]", "destinationRanges[]"),
        refs=(_NETWORK,),
        outputs={"direction": "INGRESS", "priority": 1000},
    ),
)
