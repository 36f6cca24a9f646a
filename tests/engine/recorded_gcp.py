"""A recorded Google Cloud project, asked as the engine would ask it."""

from __future__ import annotations

from typing import Any, Final

from offline.recording.gcp.cloud import GCP
from offline.recording.gcp.place import NUMBER, PROJECT, Place
from offline.recording.store import Store
from offline.resource import Made
from tests.engine.recorded import Recorded

REGION: Final = "europe-west4"
SERVICE, AGENT = "gcp:projects/service:Service", "gcp:projects/serviceIdentity:ServiceIdentity"
NETWORK, SUBNET = "gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork"
ROUTER, NAT, ADDRESS = "gcp:compute/router:Router", "gcp:compute/routerNat:RouterNat", "gcp:compute/address:Address"
CLUSTER, POOL = "gcp:container/cluster:Cluster", "gcp:container/nodePool:NodePool"
ACCOUNT, ACCOUNT_ROLE = "gcp:serviceaccount/account:Account", "gcp:serviceaccount/iAMMember:IAMMember"
PROJECT_ROLE, ROLE = "gcp:projects/iAMMember:IAMMember", "gcp:projects/iAMCustomRole:IAMCustomRole"
RING, KEY = "gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey"
KEY_ROLE = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
BUCKET, BUCKET_ROLE = "gcp:storage/bucket:Bucket", "gcp:storage/bucketIAMMember:BucketIAMMember"
FOLDER, OBJECT = "gcp:storage/managedFolder:ManagedFolder", "gcp:storage/bucketObject:BucketObject"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
REPOSITORY_ROLE = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
LOGS, SINK = "gcp:logging/projectBucketConfig:ProjectBucketConfig", "gcp:logging/projectSink:ProjectSink"
METRIC, ALERT = "gcp:logging/metric:Metric", "gcp:monitoring/alertPolicy:AlertPolicy"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
DASHBOARD, BUDGET = "gcp:monitoring/dashboard:Dashboard", "gcp:billing/budget:Budget"
POOL_OF_IDENTITIES = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
GKE_AGENT: Final = f"service-{NUMBER}@container-engine-robot.iam.gserviceaccount.com"
APIS: Final = ("artifactregistry", "cloudkms", "compute", "container", "iam", "logging", "monitoring", "storage")


class RecordedProject(Recorded[Place]):
    """A project with every API on, but for what a test turns off."""

    def __init__(self, store: Store, *, ready: bool = True) -> None:
        super().__init__(GCP, Place(REGION, default_labels={"project": "biojobs"}), store)
        if ready:
            for api in APIS:
                self.enable(api)

    def enable(self, api: str, **more: Any) -> Made:
        return self.make(SERVICE, f"api-{api}", service=f"{api}.googleapis.com", **more)

    def network(self, **more: Any) -> Made:
        return self.make(NETWORK, "vpc", name="vpc", autoCreateSubnetworks=False, **more)

    def subnet(self, vpc: Made, **more: Any) -> Made:
        """With ranges of pods and services."""
        ranges = [("pods", "10.2.0.0/16"), ("services", "10.3.0.0/20")]
        inputs = {
            "name": "subnet",
            "network": vpc.id,
            "region": REGION,
            "ipCidrRange": "10.1.0.0/20",
            "privateIpGoogleAccess": True,
            "secondaryIpRanges": [{"rangeName": name, "ipCidrRange": cidr} for name, cidr in ranges],
        }
        return self.make(SUBNET, "subnet", **{**inputs, **more})

    def cluster(self, subnet: Made, **more: Any) -> Made:
        """A private one that may be deleted."""
        inputs = {
            "name": "c",
            "location": REGION,
            "network": subnet.state["network"],
            "subnetwork": subnet.id,
            "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"},
            "initialNodeCount": 1,
            "removeDefaultNodePool": True,
            "privateClusterConfig": {"enablePrivateNodes": True},
            "workloadIdentityConfig": {"workloadPool": f"{PROJECT}.svc.id.goog"},
            "releaseChannel": {"channel": "REGULAR"},
            "deletionProtection": False,
        }
        return self.make(
            CLUSTER, "cluster", **{key: value for key, value in {**inputs, **more}.items() if value is not None}
        )

    def standing(self, **more: Any) -> Made:
        """A cluster with all that it needs."""
        return self.cluster(self.subnet(self.network()), **more)

    def account(self, name: str) -> str:
        """A service account's e-mail address."""
        return str(self.make(ACCOUNT, name, accountId=name).state["email"])

    def pool(self, cluster: Made, **config: Any) -> Made:
        config = {"machineType": "n2-standard-4", "diskType": "pd-balanced", **config}
        scaling = {"totalMinNodeCount": 0, "totalMaxNodeCount": 3, "locationPolicy": "ANY"}
        return self.make(POOL, "pool", name="pool", cluster=cluster.id, autoscaling=scaling, nodeConfig=config)

    def key(self, *, for_gke: bool = True) -> Made:
        ring = self.make(RING, "ring", location=REGION)
        key = self.make(KEY, "key", keyRing=ring.id, rotationPeriod="7776000s")
        if for_gke:
            self.make(AGENT, "agent", service="container.googleapis.com")
            role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
            self.make(KEY_ROLE, "grant", cryptoKeyId=key.id, role=role, member=f"serviceAccount:{GKE_AGENT}")
        return key
