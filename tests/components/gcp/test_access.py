"""What each identity may do and may not, asked of its bindings with requests as Google gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from components.argo import LOG_KEY
from components.gcp import access
from components.gcp.access import Grant
from components.storage import Role
from tests.gcpiam import Binding, Request, allows

BUCKETS: dict[Role, str] = {"reads": "b-reads", "reference": "b-reference", "results": "b-results"}
GRANTS: Mapping[str, Sequence[Grant]] = {
    "runner": access.runner(BUCKETS),
    "reader": access.reader(),
    "argo": access.argo_logs(),
}
BINDINGS = [
    Binding(grant.role, who, BUCKETS[grant.bucket], grant.folder, grant.expression)
    for who, grants in GRANTS.items()
    for grant in grants
]
LOG = ".logs/run/pod/main.log"

TABLE = [
    # who, permission of storage., bucket, object or prefix, allowed
    ("runner", "objects.get", "b-reads", "a_1.fastq.gz", True),
    ("runner", "objects.get", "b-reference", "hg38-1/reference.fa", True),
    ("runner", "objects.get", "b-results", "S1/S1.bam", True),
    ("runner", "objects.get", "b-reads-of-others", "a.fastq.gz", False),
    ("runner", "objects.get", "somebody-elses", "a.fastq.gz", False),
    ("runner", "objects.list", "b-reads", "", True),
    ("runner", "objects.list", "b-results", "S1/", True),
    ("runner", "objects.list", "somebody-elses", "", False),
    ("runner", "objects.create", "b-results", "S1/S1.bam", True),
    ("runner", "objects.create", "b-results", LOG, True),
    ("runner", "objects.create", "b-reference", "hg38-1/reference.fa.0123", True),
    ("runner", "objects.create", "b-reads", "a_1.fastq.gz", False),
    # An object is written again by whoever may delete it, which a step does that was interrupted.
    ("runner", "objects.delete", "b-results", "S1/S1.bam", True),
    ("runner", "objects.delete", "b-results", "S1/.steps/align.json", True),
    ("runner", "objects.delete", "b-reference", "hg38-1/index.json", True),
    ("runner", "objects.delete", "b-reads", "a_1.fastq.gz", False),
    ("runner", "managedFolders.create", "b-results", "S1/", False),
    ("runner", "managedFolders.delete", "b-results", ".logs/", False),
    ("runner", "managedFolders.setIamPolicy", "b-results", ".logs/", False),
    ("runner", "buckets.update", "b-results", "", False),
    ("runner", "buckets.setIamPolicy", "b-results", "", False),
    ("runner", "objects.setIamPolicy", "b-results", "S1/S1.bam", False),
    ("reader", "objects.get", "b-reads", "a_1.fastq.gz", True),
    ("reader", "objects.get", "b-results", "S1/S1.bam", True),
    ("reader", "objects.list", "b-reference", "", True),
    ("reader", "objects.create", "b-results", "S1/S1.bam", False),
    ("reader", "objects.delete", "b-results", "S1/.steps/align.json", False),
    ("reader", "objects.get", "somebody-elses", "a", False),
    ("argo", "objects.get", "b-results", LOG, True),
    ("argo", "objects.list", "b-results", ".logs/run/pod", True),
    ("argo", "objects.list", "b-results", "S1/", False),
    ("argo", "objects.list", "b-results", "", False),
    ("argo", "objects.get", "b-results", "S1/S1.bam", False),
    ("argo", "objects.get", "b-results", ".logs-of-others/a", False),
    ("argo", "objects.create", "b-results", LOG, False),
    ("argo", "objects.delete", "b-results", LOG, False),
    ("argo", "objects.get", "b-reads", ".logs/x", False),
    ("nobody", "objects.get", "b-reads", "a_1.fastq.gz", False),
]


@pytest.mark.parametrize(("who", "permission", "bucket", "name", "allowed"), TABLE)
def test_an_identity_may_do_its_own_work_and_no_more(
    who: str, permission: str, bucket: str, name: str, allowed: bool
) -> None:
    assert allows(BINDINGS, Request(who, f"storage.{permission}", bucket, name)) is allowed


def test_argo_may_list_and_read_what_it_archives() -> None:
    key = LOG_KEY.replace("{{workflow.name}}", "run").replace("{{pod.name}}", "pod")
    for permission in ("storage.objects.list", "storage.objects.get"):
        assert allows(BINDINGS, Request("argo", permission, BUCKETS["results"], f"{key}/main.log"))


def test_the_names_of_an_identitys_grants_tell_them_apart() -> None:
    for who, grants in GRANTS.items():
        assert len({grant.name for grant in grants}) == len(grants), who


def test_one_bucket_for_everything_is_granted_once() -> None:
    one: dict[Role, str] = {"reads": "b", "reference": "b", "results": "b"}
    grants = access.distinct(access.runner(one), one)
    assert [grant.role for grant in grants] == [access.READ, access.WRITE]
    assert access.distinct(access.runner(BUCKETS), BUCKETS) == list(access.runner(BUCKETS))
