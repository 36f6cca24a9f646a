"""Which fields of which kinds can change only with a new object, as pulumi-kubernetes has it."""

from __future__ import annotations

from collections.abc import Mapping

from offline.paths import get, within
from offline.resource import Path
from offline.values import Map

_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)

_FIXED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "StatefulSet"): tuple(
        f"spec.{field}"
        for field in (
            "podManagementPolicy",
            "revisionHistoryLimit",
            "selector",
            "serviceName",
            "volumeClaimTemplates",
        )
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("", "PersistentVolume"): tuple(f"spec.{source}" for source in _VOLUME_SOURCES.split()),
    ("", "PersistentVolumeClaim"): tuple(
        f"spec.{field}" for field in ("accessModes", "selector", "storageClassName", "volumeName")
    ),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
}

# Kinds without a namespace, for a preview without a cluster to ask.
CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "ComputeClass",  # of GKE
        "CustomResourceDefinition",
        "IngressClass",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)


def needs_replacement(path: Path, body: Map, mutable: frozenset[str]) -> bool:
    """Whether a change at `path` needs a new object.

    `mutable` holds "Secret" and "ConfigMap" where the provider is told to change their data in place.
    """
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    kind = str(body.get("kind", ""))
    fixed = ("apiVersion", "kind", "metadata.name", "metadata.namespace", *_FIXED.get((group, kind), ()))
    if group == "" and kind in ("Secret", "ConfigMap") and (kind not in mutable or get(body, "immutable") is True):
        fixed = (*fixed, "data", "stringData", "binaryData")
    return within(path, fixed)
