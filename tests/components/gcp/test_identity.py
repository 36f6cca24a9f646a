"""Service accounts: one of each workload, taken by Workload Identity, and one of the nodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pulumi
import pulumi_gcp as gcp
import pytest

from components.gcp.identity import ACCOUNT_ANNOTATION, HasIdentityPool, Identities, NodeAccount, stack_problems
from components.gcp.services import Services
from components.gcp.storage import Storage
from tests.components.built import Once, known
from tests.components.gcp.conftest import NUMBER, PROJECT, GcpRecorder, MakeScope
from tests.gcpiam import Binding, Request, allows

# Kubernetes' accounts, and how Google's begin.
WORKLOADS = {
    "biojobs/runner": "biojobs-dev-runner",
    "biojobs/reader": "biojobs-dev-reader",
    "argo/argo-server": "biojobs-dev-argo-srv",
    "argo/argo-controller": "biojobs-dev-argo-ctl",
}


def email(account: str) -> str:
    return f"{account}@{PROJECT}.iam.gserviceaccount.com"


def bucket(role: str) -> str:
    return f"biojobs-dev-{role}-{NUMBER}-europe-west4"


_ONCE = Once[Identities]()


@pytest.fixture
def built(gcp_mock: GcpRecorder, scope: MakeScope) -> Identities:
    def make() -> Identities:
        given = scope()
        services = Services("dev-services", given)
        cluster = gcp.container.Cluster("dev-cluster", location=given.region)
        storage = Storage("dev-storage", given, services)
        pool = cast(HasIdentityPool, SimpleNamespace(cluster=cluster))
        return Identities("dev-identities", given, pool, storage, services)

    return _ONCE.build(gcp_mock, {}, make)


def bindings(gcp_mock: GcpRecorder) -> list[Binding]:
    """What stands on buckets and their folders."""
    on_buckets = gcp_mock.of("BucketIAMMember").values()
    on_folders = gcp_mock.of("ManagedFolderIamMember").values()
    return [
        Binding(
            made["role"],
            made["member"],
            made["bucket"],
            made.get("managedFolder", ""),
            made.get("condition", {}).get("expression", ""),
        )
        for made in (*on_buckets, *on_folders)
    ]


def test_every_workload_has_an_account_of_its_own(built: Identities, gcp_mock: GcpRecorder) -> None:
    assert {made["accountId"] for made in gcp_mock.of("Account").values()} == set(WORKLOADS.values())


def test_no_account_has_a_key(built: Identities, gcp_mock: GcpRecorder) -> None:
    assert not gcp_mock.of("Key")
    assert not gcp_mock.of("HmacKey")


def test_the_pods_of_a_kubernetes_account_and_no_others_take_its_account(
    built: Identities, gcp_mock: GcpRecorder
) -> None:
    found = gcp_mock.of("IAMMember").values()
    assert {made["role"] for made in found} == {"roles/iam.workloadIdentityUser"}
    assert {made["member"]: made["serviceAccountId"].rsplit("/", 1)[-1] for made in found} == {
        f"serviceAccount:{PROJECT}.svc.id.goog[{account}]": email(google) for account, google in WORKLOADS.items()
    }


def test_kubernetes_accounts_are_annotated_with_theirs(built: Identities) -> None:
    given = built.identity
    each = {"runner": given.runner, "reader": given.reader, "srv": given.argo_server, "ctl": given.argo_controller}
    assert all(list(annotations or {}) == [ACCOUNT_ANNOTATION] for annotations in each.values())
    emails = {who: (annotations or {})[ACCOUNT_ANNOTATION] for who, annotations in each.items()}
    assert known(pulumi.Output.all(**emails)) == {
        "runner": email("biojobs-dev-runner"),
        "reader": email("biojobs-dev-reader"),
        "srv": email("biojobs-dev-argo-srv"),
        "ctl": email("biojobs-dev-argo-ctl"),
    }
    assert given.agent == ("169.254.169.254", 80)


def test_an_account_is_handed_out_only_when_it_may_do_its_work_and_the_cluster_is_there(
    built: Identities, gcp_mock: GcpRecorder
) -> None:
    grants = {name for _, name in gcp_mock.resources if name.startswith("dev-identities-runner-")}
    before = gcp_mock.options["dev-identities-runner-pods"].depends_on
    assert grants - {"dev-identities-runner-pods"} <= before
    assert len(grants) == 7
    assert "dev-cluster" in before


def test_grants_come_after_the_buckets_and_the_folder_of_logs(built: Identities, gcp_mock: GcpRecorder) -> None:
    granted = [name for kind, name in gcp_mock.resources if kind in ("BucketIAMMember", "ManagedFolderIamMember")]
    assert len(granted) == 10
    for name in granted:
        assert {"dev-storage-results", "dev-identities-logs"} <= gcp_mock.options[name].depends_on


def test_pods_wait_for_all_that_their_credentials_need(built: Identities) -> None:
    kinds = [type(resource).__name__ for resource in built.ready]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "Account": 4,
        "BucketIAMMember": 8,
        "ManagedFolderIamMember": 2,
        "IAMMember": 4,
    }


def test_the_folder_of_logs_goes_with_the_stack_and_leaves_the_logs(built: Identities, gcp_mock: GcpRecorder) -> None:
    made = gcp_mock.one("ManagedFolder", "dev-identities-logs")
    assert made == {"bucket": bucket("results"), "name": ".logs/", "forceDestroy": True}
    options = gcp_mock.options["dev-identities-logs"]
    assert (options.protect, options.retain_on_delete) == (False, False)


TABLE = [
    ("runner", "objects.create", "results", "S1/S1.bam", True),
    ("runner", "objects.create", "reads", "a.fastq.gz", False),
    ("runner", "managedFolders.delete", "results", ".logs/", False),
    ("reader", "objects.get", "results", "S1/S1.bam", True),
    ("reader", "objects.create", "results", "S1/S1.bam", False),
    ("argo-srv", "objects.get", "results", ".logs/run/pod/main.log", True),
    ("argo-srv", "objects.get", "results", "S1/S1.bam", False),
    ("argo-ctl", "objects.list", "results", ".logs/run/pod", True),
    ("argo-ctl", "objects.list", "results", "S1/", False),
]


def test_each_account_has_its_own_grants(built: Identities, gcp_mock: GcpRecorder) -> None:
    made = bindings(gcp_mock)
    for who, permission, role, name, allowed in TABLE:
        request = Request(f"serviceAccount:{email(f'biojobs-dev-{who}')}", f"storage.{permission}", bucket(role), name)
        assert allows(made, request) is allowed, request


def test_nodes_may_write_logs_and_metrics_and_nothing_else(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    found: list[str] = []

    def make() -> None:
        given = scope()
        NodeAccount("dev-node-account", given, Services("dev-services", given)).email.apply(found.append)

    gcp_mock.build(make)
    (granted,) = gcp_mock.of("IAMMember").values()
    assert granted == {
        "project": PROJECT,
        "role": "roles/container.defaultNodeServiceAccount",
        "member": f"serviceAccount:{email('biojobs-dev-nodes')}",
    }
    assert found == [email("biojobs-dev-nodes")]
    assert "dev-services-iam" in gcp_mock.options["dev-node-account-account"].depends_on


def test_a_stack_whose_accounts_would_have_too_long_names_is_refused() -> None:
    assert stack_problems("a" * 13) == []
    (problem,) = stack_problems("a-stack-too-long")
    assert problem.startswith("stack: 'a-stack-too-long': the service account biojobs-a-stack-too-long-argo-srv")
    assert "name the stack with at most 13 lower-case letters" in problem
