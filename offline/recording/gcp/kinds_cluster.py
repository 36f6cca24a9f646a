"""Resource types of GKE."""

from __future__ import annotations

import base64

from offline.recording.strict.kind import Kind, Ref

_CERTIFICATE = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nrecorded\n-----END CERTIFICATE-----\n").decode()
_NAME = r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?"
_VERSION = "1.35.3-gke.1993000"
_CLUSTER = "projects/{project}/locations/{location}/clusters"
METRICS = frozenset(
    {
        *("SYSTEM_COMPONENTS", "APISERVER", "SCHEDULER", "CONTROLLER_MANAGER", "STORAGE", "HPA", "POD", "DAEMONSET"),
        *("DEPLOYMENT", "STATEFULSET", "KUBELET", "CADVISOR", "DCGM", "JOBSET"),
    }
)
LOGS = frozenset(
    {
        *("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER", "WORKLOADS"),
        *("KCP_CONNECTION", "KCP_SSHD", "KCP_HPA", "KCP_VPA"),
    }
)
_FIXED_OF_NODES = (
    *("guestAccelerators", "localSsdCount", "ephemeralStorageLocalSsdConfig", "localNvmeSsdBlockConfig", "metadata"),
    *("secondaryBootDisks", "minCpuPlatform", "oauthScopes", "preemptible", "spot", "serviceAccount"),
    *("shieldedInstanceConfig", "sandboxConfig", "bootDiskKmsKey", "nodeGroup", "advancedMachineFeatures"),
    *("reservationAffinity", "enableConfidentialStorage", "localSsdEncryptionMode", "maxRunDuration", "flexStart"),
)

KINDS = (
    Kind(
        "gcp:container/cluster:Cluster",
        "cluster",
        _CLUSTER + "/{name}",
        service="container",
        name_key="name",
        longest=40,
        charset=_NAME,
        unique=("name", "location"),
        replace=(
            *("name", "location", "network", "subnetwork", "description", "enableAutopilot", "initialNodeCount"),
            *("clusterIpv4Cidr", "enableKubernetesAlpha", "confidentialNodes", "ipAllocationPolicy", "networkingMode"),
            *("defaultMaxPodsPerNode", "datapathProvider", "masterAuth.clientCertificateConfig", "project"),
            *("privateClusterConfig.masterIpv4CidrBlock", "privateClusterConfig.privateEndpointSubnetwork"),
        ),
        enums={
            "releaseChannel.channel": frozenset({"UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"}),
            "datapathProvider": frozenset({"DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH", "ADVANCED_DATAPATH"}),
            "networkingMode": frozenset({"VPC_NATIVE", "ROUTES"}),
            "databaseEncryption.state": frozenset({"ENCRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED", "DECRYPTED"}),
            "loggingConfig.enableComponents[]": LOGS,
            "monitoringConfig.enableComponents[]": METRICS,
            "monitoringConfig.managedPrometheus.autoMonitoringConfig.scope": frozenset({"ALL", "NONE"}),
            "clusterAutoscaling.autoscalingProfile": frozenset({"BALANCED", "OPTIMIZE_UTILIZATION"}),
            "securityPostureConfig.mode": frozenset({"DISABLED", "BASIC", "ENTERPRISE"}),
            "securityPostureConfig.vulnerabilityMode": frozenset(
                f"VULNERABILITY_{mode}" for mode in ("DISABLED", "BASIC", "ENTERPRISE")
            ),
            "binaryAuthorization.evaluationMode": frozenset({"DISABLED", "PROJECT_SINGLETON_POLICY_ENFORCE"}),
            "dnsConfig.clusterDns": frozenset({"PLATFORM_DEFAULT", "CLOUD_DNS", "KUBE_DNS"}),
            "dnsConfig.clusterDnsScope": frozenset({"CLUSTER_SCOPE", "VPC_SCOPE"}),
            "gatewayApiConfig.channel": frozenset({"CHANNEL_DISABLED", "CHANNEL_EXPERIMENTAL", "CHANNEL_STANDARD"}),
        },
        cidrs=(
            "masterAuthorizedNetworksConfig.cidrBlocks[].cidrBlock",
            "privateClusterConfig.masterIpv4CidrBlock",
        ),
        refs=(
            Ref("network", "network", holds=True),
            Ref("subnetwork", "subnet", holds=True),
            Ref("databaseEncryption.keyName", "key", holds=True),
            Ref("clusterAutoscaling.autoProvisioningDefaults.serviceAccount", "account.email", holds=True),
            Ref("nodeConfig.serviceAccount", "account.email", holds=True),
        ),
        outputs={
            "location": "{location}",
            "endpoint": "{ip}",
            "selfLink": "https://container.googleapis.com/v1/" + _CLUSTER + "/{name}",
            "masterAuth": {"clusterCaCertificate": _CERTIFICATE},
            "masterVersion": _VERSION,
            "deletionProtection": True,
            "labelFingerprint": "{hex}",
            "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": "gke-{hex}-{number}.{region}.gke.goog"}},
            "privateClusterConfig": {"privateEndpoint": "{inside}", "publicEndpoint": "{ip}"},
            "servicesIpv4Cidr": "",
        },
        offers={"cluster.endpoint": "endpoint"},
    ),
    Kind(
        "gcp:container/nodePool:NodePool",
        "node-pool",
        "{cluster.id}/nodePools/{name}",
        service="container",
        name_key="name",
        longest=40,
        charset=_NAME,
        unique=("cluster", "name"),
        replace=(
            *("cluster", "location", "name", "namePrefix", "initialNodeCount", "maxPodsPerNode", "placementPolicy"),
            *("queuedProvisioning", "networkConfig.podRange", "networkConfig.createPodRange", "project"),
            *(f"nodeConfig.{fixed}" for fixed in _FIXED_OF_NODES),
        ),
        enums={
            "autoscaling.locationPolicy": frozenset({"BALANCED", "ANY"}),
            "upgradeSettings.strategy": frozenset({"SURGE", "BLUE_GREEN"}),
            "nodeConfig.imageType": frozenset({"COS_CONTAINERD", "UBUNTU_CONTAINERD"}),
            "nodeConfig.diskType": frozenset(
                {"pd-standard", "pd-balanced", "pd-ssd", "pd-extreme", "hyperdisk-balanced", "hyperdisk-extreme"}
            ),
            "nodeConfig.taints[].effect": frozenset({"NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"}),
            "nodeConfig.workloadMetadataConfig.mode": frozenset({"GKE_METADATA", "GCE_METADATA"}),
            "nodeConfig.loggingVariant": frozenset({"DEFAULT", "MAX_THROUGHPUT"}),
        },
        ranges={
            "nodeConfig.diskSizeGb": (10, 65_536),
            "maxPodsPerNode": (8, 256),
            "autoscaling.minNodeCount": (0, 1000),
            "autoscaling.maxNodeCount": (1, 1000),
            "autoscaling.totalMinNodeCount": (0, 15_000),
            "autoscaling.totalMaxNodeCount": (1, 15_000),
        },
        refs=(
            Ref("cluster", "cluster", holds=True),
            Ref("nodeConfig.serviceAccount", "account.email", holds=True),
            Ref("nodeConfig.bootDiskKmsKey", "key", holds=True),
        ),
        outputs={
            "location": "{cluster.location}",
            "version": "{cluster.masterVersion}",
            "operation": "",
            "managedInstanceGroupUrls": ["https://www.googleapis.com/compute/v1/projects/{project}/zones/{name}"],
        },
    ),
)
