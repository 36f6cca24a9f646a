"""The recording Google Cloud by itself: who is given what, names that stay taken, data, images and alerts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offline.recording.gcp.place import NUMBER, PROJECT
from offline.recording.registries import push
from offline.resource import Made, ResourceError
from offline.values import Map
from tests.engine import recorded_gcp as gcp
from tests.engine import test_recording_gcp as base
from tests.engine.recorded_gcp import RecordedProject

project = base.project
POOL_USER = "roles/iam.workloadIdentityUser"
READ = "roles/storage.objectViewer"


def refuses(said: str) -> Any:
    return pytest.raises(ResourceError, match=said)


def bucket(project: RecordedProject, **more: Any) -> Made:
    inputs = {"name": "the-bucket", "location": "EUROPE-WEST4", "uniformBucketLevelAccess": True, **more}
    return project.make(gcp.BUCKET, "b", **inputs)


def test_pods_take_an_account_only_once_the_project_has_a_cluster(project: RecordedProject) -> None:
    email = project.account("runner")
    name = f"projects/{PROJECT}/serviceAccounts/{email}"
    member = f"serviceAccount:{PROJECT}.svc.id.goog[biojobs/runner]"
    bound = {"serviceAccountId": name, "role": POOL_USER, "member": member}
    with refuses("Identity Pool does not exist"):
        project.make(gcp.ACCOUNT_ROLE, "bound", **bound)
    project.standing()
    project.make(gcp.ACCOUNT_ROLE, "bound", **bound)
    with refuses("there is such a account-member already"):
        project.make(gcp.ACCOUNT_ROLE, "again", **bound)


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (f"serviceAccount:gone@{PROJECT}.iam.gserviceaccount.com", "Service account does not exist"),
        (f"serviceAccount:service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com", "ServiceIdentity makes it"),
        (
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/attribute.a/b",
            "is of project 1",
        ),
        (
            f"principalSet://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/p/attribute.a/b",
            "Identity Pool does not exist",
        ),
    ],
)
def test_roles_are_given_to_those_who_exist(project: RecordedProject, member: str, said: str) -> None:
    bucket(project)
    with refuses(said):
        project.make(gcp.BUCKET_ROLE, "r", bucket="the-bucket", role=READ, member=member)


def test_roles_of_one_s_own_must_be_there(project: RecordedProject) -> None:
    mine = {"project": PROJECT, "role": f"projects/{PROJECT}/roles/deployer", "member": "user:a@example.org"}
    with refuses("there is no such role"):
        project.make(gcp.PROJECT_ROLE, "r", **mine)
    project.make(gcp.ROLE, "deployer", roleId="deployer", title="t", permissions=["storage.buckets.get"])
    project.make(gcp.PROJECT_ROLE, "r", **mine)


def test_conditions_and_folders_need_uniform_access_and_nobody_is_everybody(project: RecordedProject) -> None:
    bucket(project, uniformBucketLevelAccess=False, publicAccessPrevention="enforced")
    given = {"bucket": "the-bucket", "role": READ, "member": "user:a@example.org"}
    with refuses("which conditions need"):
        project.make(gcp.BUCKET_ROLE, "r", **given, condition={"title": "t", "expression": "true"})
    with refuses("which managed folders need"):
        project.make(gcp.FOLDER, "f", bucket="the-bucket", name="logs/")
    with refuses("public access to the-bucket is prevented"):
        project.make(gcp.BUCKET_ROLE, "r", **{**given, "member": "allUsers"})


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (gcp.RING, {"name": "ring", "location": gcp.REGION}),
        (gcp.ROLE, {"roleId": "deployer", "title": "t", "permissions": ["storage.buckets.get"]}),
        (gcp.POOL_OF_IDENTITIES, {"workloadIdentityPoolId": "github"}),
        (gcp.LOGS, {"project": PROJECT, "location": gcp.REGION, "bucketId": "biojobs-dev"}),
    ],
)
def test_some_names_stay_taken_when_what_had_them_is_gone(
    project: RecordedProject, token: str, inputs: dict[str, Any]
) -> None:
    project.remove(token, project.make(token, "x", **inputs))
    with refuses("ALREADY_EXISTS: there was such a .*, and its name stays taken"):
        project.make(token, "x", **inputs)


def test_other_names_are_free_again_and_taken_once(project: RecordedProject) -> None:
    first = bucket(project)
    with refuses("there is such a bucket already: the-bucket"):
        bucket(project)
    project.remove(gcp.BUCKET, first)
    bucket(project)


def test_what_is_to_be_kept_stays_and_what_is_to_be_abandoned_too(project: RecordedProject) -> None:
    network = project.network(deletionPolicy="ABANDON")
    project.remove(gcp.NETWORK, network)
    assert project.invoke("gcp:compute/getNetwork:getNetwork", name="vpc")["id"] == network.id
    kept = project.make(gcp.METRIC, "m", name="m", filter="f", deletionPolicy="PREVENT")
    with refuses("deletionPolicy is PREVENT"):
        project.remove(gcp.METRIC, kept)


def test_a_bucket_with_objects_stays(project: RecordedProject) -> None:
    made = bucket(project)
    folder = project.make(gcp.FOLDER, "f", bucket="the-bucket", name="logs/")
    inside = project.make(gcp.OBJECT, "o", bucket="the-bucket", name="logs/a.txt", content="a")
    with refuses("it has objects, and no forceDestroy"):
        project.remove(gcp.BUCKET, made)
    with refuses("it has logs/a.txt, and no forceDestroy"):
        project.remove(gcp.FOLDER, folder)
    project.remove(gcp.OBJECT, inside)
    project.remove(gcp.FOLDER, folder)
    project.remove(gcp.BUCKET, made)


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ({"repositoryId": "biojobs", "location": gcp.REGION}, f"europe-west4-docker.pkg.dev/{PROJECT}/biojobs/fastqc"),
        ({"repositoryId": "eu.gcr.io", "location": "europe"}, f"eu.gcr.io/{PROJECT}/fastqc"),
    ],
)
def test_images_need_their_repository_and_keep_their_immutable_tags(
    project: RecordedProject, repository: dict[str, Any], address: str
) -> None:
    with project.store.open() as content, refuses("there is no repository for"):
        push(content, f"{address}:1", "sha256:a")
    tags = {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}
    made = project.make(gcp.REPOSITORY, "r", **repository, **tags)
    with project.store.open() as content:
        push(content, f"{address}:1", "sha256:a")
        push(content, f"{address}:1", "sha256:a")
        with refuses("and immutable"):
            push(content, f"{address}:1", "sha256:b")
    project.remove(gcp.REPOSITORY, made)
    assert project.store.section("contents") == {}


def test_a_remote_repository_takes_no_images(project: RecordedProject) -> None:
    upstream = {"dockerRepository": {"publicRepository": "DOCKER_HUB"}}
    remote = {"mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": upstream, "format": "DOCKER"}
    project.make(gcp.REPOSITORY, "r", repositoryId="hub", location=gcp.REGION, **remote)
    with project.store.open() as content, refuses("takes no images"):
        push(content, f"europe-west4-docker.pkg.dev/{PROJECT}/hub/fastqc:1", "sha256:a")


def test_an_alert_needs_its_metric_and_holds_its_channel(project: RecordedProject) -> None:
    channel = project.make(gcp.CHANNEL, "mail", type="email", labels={"email_address": "a@example.org"})
    query = 'metric.type="logging.googleapis.com/user/failed" AND resource.type="k8s_container"'
    condition = {"displayName": "c", "conditionThreshold": base.threshold(filter=query)}
    inputs = {"displayName": "a", "combiner": "OR", "conditions": [condition], "notificationChannels": [channel.id]}
    with refuses("Cannot find metric.* logging.googleapis.com/user/failed"):
        project.make(gcp.ALERT, "a", **inputs)
    project.make(gcp.METRIC, "m", name="failed", filter="f")
    alert = project.make(gcp.ALERT, "a", **inputs)
    with refuses("alert .* still uses it"):
        project.remove(gcp.CHANNEL, channel)
    project.remove(gcp.ALERT, alert)
    project.remove(gcp.CHANNEL, channel)


def test_a_sink_needs_its_bucket(project: RecordedProject) -> None:
    to = f"logging.googleapis.com/projects/{PROJECT}/locations/{gcp.REGION}/buckets/biojobs-dev"
    with refuses("there is no such log-bucket"):
        project.make(gcp.SINK, "s", name="s", destination=to)
    project.make(gcp.LOGS, "logs", project=PROJECT, location=gcp.REGION, bucketId="biojobs-dev")
    project.make(gcp.SINK, "s", name="s", destination=to)


def test_images_are_encrypted_by_a_key_of_their_region_that_artifact_registry_may_use(project: RecordedProject) -> None:
    key = project.key()
    images = {"format": "DOCKER", "repositoryId": "images", "kmsKeyName": key.id}
    with refuses("is not in europe"):
        project.make(gcp.REPOSITORY, "r", **images, location="europe")
    with refuses("useToEncrypt' denied for service-.*@gcp-sa-artifactregistry"):
        project.make(gcp.REPOSITORY, "r", **images, location=gcp.REGION)
    agent = project.make(gcp.AGENT, "images", service="artifactregistry.googleapis.com").state["member"]
    role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    project.make(gcp.KEY_ROLE, "images", cryptoKeyId=key.id, role=role, member=agent)
    project.make(gcp.REPOSITORY, "r", **images, location=gcp.REGION)


def test_a_budget_needs_a_project_whose_quota_it_counts_for(project: RecordedProject) -> None:
    budget = {"billingAccount": "0A0A0A-0B0B0B-0C0C0C", "amount": {"specifiedAmount": {"units": "1"}}}
    project.enable("billingbudgets")
    with refuses("requires a quota project"):
        project.make(gcp.BUDGET, "b", **budget)
    project.place = replace(project.place, billed=True)
    project.make(gcp.BUDGET, "b", **budget)


def test_only_what_pulumi_names_goes_before_its_successor_of_the_same_name_comes(project: RecordedProject) -> None:
    def first(token: str, inputs: Map, **changed: Any) -> bool:
        request = project.request(token, "x", inputs={**inputs, **changed}, old_inputs=inputs)
        return project.handler(token).diff(request).delete_first

    assert first(gcp.NETWORK, {"name": "n"}, description="d")
    assert not first(gcp.NETWORK, {"name": "n"}, name="m")
    images = {"repositoryId": "r", "format": "DOCKER", "location": gcp.REGION}
    assert not first(gcp.REPOSITORY, images, kmsKeyName="k")
