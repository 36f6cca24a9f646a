"""The workspace as an S3 store in the cluster: a volume that is a plain folder, and rclone serving it."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from components.contracts import Endpoint
from components.local.folder import Credentials
from components.names import RESTRICTED, STORE_ACCESS_KEY, STORE_SECRET, STORE_SECRET_KEY, labels

STORE_NAMESPACE = "biojobs-store"
PORT = 9000


class LocalStore(pulumi.ComponentResource):
    """An S3 interface over a folder of the node, in a namespace of its own; steps see it as `endpoint`."""

    endpoint: Endpoint
    url: pulumi.Output[str]
    deployment: k8s.apps.v1.Deployment

    def __init__(
        self,
        name: str,
        stack: str,
        folder: Path,
        user: int,
        image: pulumi.Input[str],
        credentials: Credentials,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:local:Store", name, None, opts)
        self._name, self._stack = name, stack
        self._labels = labels(stack, "store")
        self._opts = pulumi.ResourceOptions(parent=self)
        access_key, secret_key = (pulumi.Output.secret(key) for key in credentials.__dict__.values())
        self._namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": STORE_NAMESPACE, "labels": {**self._labels, **RESTRICTED}},
            opts=self._opts,
        ).metadata.name
        secret = self._secret(access_key, secret_key)
        claim = self._volume(folder)
        self.deployment = self._serve(image, user, secret, claim)
        service = self._service()
        self.endpoint = Endpoint(f"store.{STORE_NAMESPACE}.svc:{PORT}", PORT, access_key, secret_key)
        self.url = service.spec.apply(lambda spec: _url(spec.cluster_ip))
        self.register_outputs({"url": self.url})

    def _meta(self, name: str) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(name=name, namespace=self._namespace, labels=self._labels)

    def _secret(self, access_key: pulumi.Output[str], secret_key: pulumi.Output[str]) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            f"{self._name}-keys",
            metadata=self._meta(STORE_SECRET),
            string_data={STORE_ACCESS_KEY: access_key, STORE_SECRET_KEY: secret_key},
            opts=self._opts,
        )

    def _volume(self, folder: Path) -> k8s.core.v1.PersistentVolumeClaim:
        """The folder as a volume that many may write. Its capacity is the disk's; the figure is a formality."""
        name = f"biojobs-{self._stack}-workspace"
        volume = k8s.core.v1.PersistentVolume(
            f"{self._name}-volume",
            metadata={"name": name, "labels": self._labels},
            spec={
                "capacity": {"storage": "1Ti"},
                "access_modes": ["ReadWriteMany"],
                "persistent_volume_reclaim_policy": "Retain",
                "storage_class_name": "",
                "host_path": {"path": str(folder), "type": "Directory"},
                "claim_ref": {"namespace": STORE_NAMESPACE, "name": "workspace"},
            },
            opts=self._opts,
        )
        return k8s.core.v1.PersistentVolumeClaim(
            f"{self._name}-claim",
            metadata=self._meta("workspace"),
            spec={
                "access_modes": ["ReadWriteMany"],
                "storage_class_name": "",
                "volume_name": volume.metadata.name,
                "resources": {"requests": {"storage": "1Ti"}},
            },
            opts=self._opts,
        )

    def _serve(
        self,
        image: pulumi.Input[str],
        user: int,
        secret: k8s.core.v1.Secret,
        claim: k8s.core.v1.PersistentVolumeClaim,
    ) -> k8s.apps.v1.Deployment:
        selector = {"app.kubernetes.io/name": "store", "biojobs/stack": self._stack}
        # Steps that wait for a place would be given that of a store whose pod has gone, and none could read or write.
        priority = k8s.scheduling.v1.PriorityClass(
            f"{self._name}-priority",
            metadata={"name": STORE_NAMESPACE, "labels": self._labels},
            value=1_000_000,
            description="The store comes before the steps that read it and write to it.",
            opts=self._opts,
        )
        return k8s.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._meta("store"),
            spec={
                "replicas": 1,
                # Two servers over one folder would each trust their own cache.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": selector},
                "template": {
                    "metadata": {"labels": self._labels},
                    "spec": {
                        "priority_class_name": priority.metadata.name,
                        "automount_service_account_token": False,
                        "enable_service_links": False,
                        "security_context": {
                            "run_as_non_root": True,
                            "run_as_user": user,
                            "run_as_group": user,
                            "seccomp_profile": {"type": "RuntimeDefault"},
                        },
                        "containers": [_container(image, secret)],
                        "volumes": [
                            {"name": "data", "persistent_volume_claim": {"claim_name": claim.metadata.name}},
                            {"name": "tmp", "empty_dir": {}},
                        ],
                    },
                },
            },
            opts=self._opts,
        )

    def _service(self) -> k8s.core.v1.Service:
        return k8s.core.v1.Service(
            f"{self._name}-service",
            metadata=self._meta("store"),
            spec={
                "selector": {"app.kubernetes.io/name": "store", "biojobs/stack": self._stack},
                "ports": [{"name": "s3", "port": PORT, "target_port": "s3"}],
            },
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[self.deployment])),
        )


def _url(address: str | None) -> str:
    """The store as this machine reaches it; a preview knows no address yet, and names the service."""
    return f"http://{address or f'store.{STORE_NAMESPACE}.svc'}:{PORT}"


def _container(image: pulumi.Input[str], secret: k8s.core.v1.Secret) -> k8s.core.v1.ContainerArgsDict:
    def key(name: str) -> k8s.core.v1.EnvVarSourceArgsDict:
        return {"secret_key_ref": {"name": secret.metadata.name, "key": name}}

    return {
        "name": "store",
        "image": image,
        "ports": [{"name": "s3", "container_port": PORT}],
        "env": [
            {"name": "AWS_ACCESS_KEY_ID", "value_from": key(STORE_ACCESS_KEY)},
            {"name": "AWS_SECRET_ACCESS_KEY", "value_from": key(STORE_SECRET_KEY)},
        ],
        "readiness_probe": {"tcp_socket": {"port": "s3"}, "period_seconds": 2},
        "liveness_probe": {"tcp_socket": {"port": "s3"}, "period_seconds": 20, "failure_threshold": 6},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volume_mounts": [{"name": "data", "mount_path": "/data"}, {"name": "tmp", "mount_path": "/tmp"}],
    }
