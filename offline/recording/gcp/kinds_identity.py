"""Resource types of IAM and Cloud KMS."""

from __future__ import annotations

from collections.abc import Mapping

from offline.recording.strict.kind import Kind, Ref

_MEMBER = ("role", "member", "condition")
_ETAG: Mapping[str, str] = {"etag": "BwY{hex}="}


def _member(token: str, called: str, on: str, service: str, target: str = "") -> Kind:
    """One principal's role on one thing, which the property `on` names."""
    return Kind(
        token,
        called,
        "{" + on + "}/{role}/{member}/{condition.title}",
        service=service,
        unique=(on, "role", "member", "condition.expression?"),
        replace=(on, *_MEMBER),
        refs=(Ref(on, target),) if target else (),
        outputs=_ETAG,
    )


KINDS = (
    Kind(
        "gcp:serviceaccount/account:Account",
        "account",
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
        service="iam",
        name_key="accountId",
        longest=30,
        charset=r"[a-z][-a-z0-9]{4,28}[a-z0-9]",
        unique=("accountId",),
        replace=("accountId", "project"),
        outputs={
            "email": "{accountId}@{project}.iam.gserviceaccount.com",
            "name": "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
            "member": "serviceAccount:{accountId}@{project}.iam.gserviceaccount.com",
            "uniqueId": "{digits}",
        },
        offers={"account.email": "email", "account.full": "name"},
    ),
    _member("gcp:serviceaccount/iAMMember:IAMMember", "account-member", "serviceAccountId", "iam", target="account"),
    _member("gcp:projects/iAMMember:IAMMember", "project-member", "project", "cloudresourcemanager"),
    Kind(
        "gcp:projects/iAMCustomRole:IAMCustomRole",
        "role",
        "projects/{project}/roles/{roleId}",
        service="iam",
        name_key="roleId",
        separator="_",
        longest=64,
        charset=r"[A-Za-z0-9_.]{3,}",
        unique=("roleId",),
        lasting=True,
        replace=("roleId", "project"),
        enums={"stage": frozenset({"ALPHA", "BETA", "GA", "DEPRECATED", "DISABLED", "EAP"})},
        outputs={"name": "projects/{project}/roles/{roleId}", "stage": "GA", "deleted": False},
    ),
    Kind(
        "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
        "identity-pool",
        "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}",
        service="iam",
        name_key="workloadIdentityPoolId",
        named_by_pulumi=False,
        longest=32,
        charset=r"(?!gcp-)[a-z0-9-]{4,32}",
        unique=("workloadIdentityPoolId",),
        lasting=True,
        replace=("workloadIdentityPoolId", "project"),
        outputs={
            "name": "projects/{number}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}",
            "state": "ACTIVE",
        },
    ),
    Kind(
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        "identity-provider",
        "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
        "/providers/{workloadIdentityPoolProviderId}",
        service="iam",
        name_key="workloadIdentityPoolProviderId",
        named_by_pulumi=False,
        longest=32,
        charset=r"(?!gcp-)[a-z0-9-]{4,32}",
        unique=("workloadIdentityPoolId", "workloadIdentityPoolProviderId"),
        lasting=True,
        replace=("workloadIdentityPoolId", "workloadIdentityPoolProviderId", "project"),
        refs=(Ref("workloadIdentityPoolId", "identity-pool"),),
        outputs={
            "name": "projects/{number}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
            "/providers/{workloadIdentityPoolProviderId}",
            "state": "ACTIVE",
        },
    ),
    Kind(
        "gcp:kms/keyRing:KeyRing",
        "key-ring",
        "projects/{project}/locations/{location}/keyRings/{name}",
        service="cloudkms",
        name_key="name",
        longest=63,
        charset=r"[A-Za-z0-9_-]+",
        unique=("location", "name"),
        lasting=True,
        replace=("location", "name", "project"),
    ),
    Kind(
        "gcp:kms/cryptoKey:CryptoKey",
        "key",
        "{keyRing}/cryptoKeys/{name}",
        service="cloudkms",
        name_key="name",
        longest=63,
        charset=r"[A-Za-z0-9_-]+",
        unique=("keyRing", "name"),
        lasting=True,
        replace=("keyRing", "name", "purpose", "importOnly", "destroyScheduledDuration", "cryptoKeyBackend"),
        enums={"purpose": frozenset({"ENCRYPT_DECRYPT", "ASYMMETRIC_SIGN", "ASYMMETRIC_DECRYPT", "MAC"})},
        refs=(Ref("keyRing", "key-ring"),),
        outputs={
            "purpose": "ENCRYPT_DECRYPT",
            "primaries": [{"name": "{keyRing}/cryptoKeys/{name}/cryptoKeyVersions/1", "state": "ENABLED"}],
        },
    ),
    _member("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "key-member", "cryptoKeyId", "cloudkms", target="key"),
)
