"""The platform's components, built with recorded resources."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.argo import Argo, artifact_repository, chart_values
from components.biojobs import Biojobs
from components.clouds import kubernetes_provider
from components.contracts import Cloud, Cluster, Endpoint, Identity, Registry, Store
from components.controller import Controller
from components.images import Images, image_tag
from components.local.folder import Credentials
from components.local.store import LocalStore
from settings_sizes import Quota
from tests.components.conftest import Recorder, drained
from workflows.types import Placement, StoreUris

SECRET_SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How a secret value travels to the engine (pulumi.runtime.rpc)."""

ENDPOINT = Endpoint("store.biojobs-store.svc:9000", 9000, "an-access-key", "a-secret-key")


NOWHERE: Any = None
"""A provider for values that nothing is made of."""
CONTROLLER = Controller(20, 30, 32, 4, "100m", 256, 1024, 2)


def store(endpoint: Endpoint | None = ENDPOINT, scheme: str = "s3") -> Store:
    uris = StoreUris(f"{scheme}://reads", f"{scheme}://reference", f"{scheme}://results")
    return Store(uris, where="results", endpoint=endpoint)


def cloud(provider: k8s.Provider, endpoint: Endpoint | None = ENDPOINT) -> Cloud:
    sizes = {"small": Placement(), "large": Placement(), "huge": Placement()}
    return Cloud(
        Cluster(provider, sizes, (6443,), pulumi.Output.from_input("ctx")),  # pyright: ignore[reportArgumentType]
        Registry("localhost:5050/biojobs"),
        Identity({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}),
        store(endpoint),
    )


@pytest.fixture
def namespace(recorder: Recorder) -> Recorder:
    @drained
    def build() -> pulumi.Output[Any]:
        made = Biojobs("local-biojobs", "local", cloud(k8s.Provider("p", context="ctx")), Quota())  # pyright: ignore
        return pulumi.Output.all(*(resource.urn for resource in made.ready))

    build()
    return recorder


def test_the_namespace_enforces_pod_security_restricted(namespace: Recorder) -> None:
    (made,) = namespace.of("Namespace").values()
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_all_traffic_is_denied_but_names_the_api_and_the_store(namespace: Recorder) -> None:
    deny = namespace.one("NetworkPolicy", "local-biojobs-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    egress = namespace.one("NetworkPolicy", "local-biojobs-egress")["spec"]
    assert egress["policyTypes"] == ["Egress"]
    ports = {(port["protocol"], port["port"]) for port in egress["egress"][0]["ports"]}
    assert ports == {("UDP", 53), ("TCP", 53), ("TCP", 443), ("TCP", 6443), ("TCP", 9000)}


@drained
def test_steps_reach_the_agent_that_hands_out_credentials_and_no_other_address_of_the_node(recorder: Recorder) -> Any:
    local = cloud(k8s.Provider("p", context="ctx"))
    made = Biojobs("b", "local", replace(local, identity=Identity(agent=("169.254.170.23", 80))), Quota())  # pyright: ignore

    def check(_: object) -> None:
        rules = recorder.one("NetworkPolicy", "b-egress")["spec"]["egress"]
        assert rules[1:] == [
            {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]}
        ]

    return pulumi.Output.all(*(resource.urn for resource in made.ready)).apply(check)


@drained
def test_a_cloud_with_readers_gets_their_account(recorder: Recorder) -> Any:
    local = cloud(k8s.Provider("p", context="ctx"))
    made = Biojobs("b", "local", replace(local, identity=Identity(reader={"a": "b"})), Quota())  # pyright: ignore

    def check(_: object) -> None:
        assert recorder.one("ServiceAccount", "b-reader")["metadata"]["annotations"] == {"a": "b"}
        assert set(recorder.of("RoleBinding")) == {"b-executor"}, "who looks at data needs no API"

    return pulumi.Output.all(*(resource.urn for resource in made.ready)).apply(check)


def test_a_step_may_write_its_task_results_list_runs_and_do_nothing_else(namespace: Recorder) -> None:
    (role,) = namespace.of("Role").values()
    assert role["rules"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]},
        {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list"]},
    ]
    (binding,) = namespace.of("RoleBinding").values()
    assert [subject["name"] for subject in binding["subjects"]] == ["runner"]


def test_the_runner_carries_the_clouds_identity(namespace: Recorder) -> None:
    (account,) = namespace.of("ServiceAccount").values()
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}


def test_nothing_in_the_namespace_can_be_published_to_the_outside(namespace: Recorder) -> None:
    (quota,) = namespace.of("ResourceQuota").values()
    assert quota["spec"]["hard"]["services.loadbalancers"] == "0"
    assert quota["spec"]["hard"]["services.nodeports"] == "0"


def test_every_object_says_whose_it_is(namespace: Recorder) -> None:
    kinds = ("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Role", "Secret")
    for kind in kinds:
        for made in namespace.of(kind).values():
            found = made["metadata"]["labels"]
            assert (found["app.kubernetes.io/managed-by"], found["biojobs/stack"]) == ("pulumi", "local"), kind


@drained
def test_argo_is_pinned_and_watches_the_runs_namespace_alone(recorder: Recorder) -> Any:
    provider = k8s.Provider("p", context="ctx")
    made = Argo("local-argo", "local", cloud(provider), CONTROLLER)

    def check(_: object) -> None:
        release = recorder.one("Release", "local-argo-release")
        assert (release["chart"], release["version"]) == ("argo-workflows", "1.0.18")
        assert release["values"]["images"]["tag"] == "v4.0.7"
        assert release["values"]["controller"]["workflowNamespaces"] == ["biojobs"]
        assert release["values"]["server"]["authModes"] == ["client"]
        assert release["values"]["crds"]["full"] is False

    return made.release.urn.apply(check)


@drained
def test_argos_controller_comes_before_the_steps_it_starts(recorder: Recorder) -> Any:
    made = Argo("local-argo", "local", cloud(k8s.Provider("p", context="ctx")), CONTROLLER)

    def check(_: object) -> None:
        priority = recorder.one("PriorityClass", "local-argo-priority")
        release = recorder.one("Release", "local-argo-release")
        assert release["values"]["controller"]["priorityClassName"] == priority["metadata"]["name"]
        assert priority["value"] > 0

    return made.release.urn.apply(check)


@drained
def test_in_a_cluster_of_the_stacks_own_an_up_takes_over_what_one_that_was_cut_off_has_left(recorder: Recorder) -> Any:
    made = kubernetes_provider("dev", "a-kubeconfig", [])

    def check(_: object) -> None:
        assert str(recorder.one("kubernetes", "dev-kubernetes")["upsertExistingObjects"]).lower() == "true"

    return made.urn.apply(check)


@drained
def test_argo_uses_the_copies_that_the_registry_has(recorder: Recorder) -> Any:
    copy = f"r.example/mirror/argoproj/argoexec@sha256:{'b' * 64}"
    registry = Registry("r.example/b", copies={"quay.io/argoproj/argoexec:v4.0.7": copy})
    values = chart_values(replace(cloud(NOWHERE), registry=registry), CONTROLLER)
    assert "image" not in values["controller"]

    def check(image: dict[str, str]) -> None:
        assert f"{image['registry']}/{image['repository']}:{image['tag']}" == copy

    return values["executor"]["image"].apply(check)


def test_no_ttl_and_no_retention_deletes_a_run_that_pulumi_manages() -> None:
    values = chart_values(cloud(NOWHERE), CONTROLLER)
    assert "ttlStrategy" not in str(values)
    assert "retentionPolicy" not in str(values)
    assert values["controller"]["workflowDefaults"]["spec"]["podGC"] == {"strategy": "OnPodSuccess"}


def test_logs_are_archived_by_secret_by_own_identity_or_in_gcs() -> None:
    assert artifact_repository(store())["s3"]["accessKeySecret"] == {"name": "store", "key": "access-key"}
    assert artifact_repository(store(None))["s3"]["useSDKCreds"] is True
    assert artifact_repository(store(None, "gs"))["gcs"]["bucket"] == "results"
    assert "an-access-key" not in str(chart_values(cloud(NOWHERE), CONTROLLER))


@drained
def test_images_are_used_by_digest_and_not_built_in_a_preview(recorder: Recorder) -> Any:
    made = Images("local-images", ["fastqc"], Registry("localhost:5050/biojobs"), "debian:trixie-slim")

    def check(ref: str) -> None:
        image = recorder.one("Image", "local-images-fastqc")
        assert "@sha256:" in ref
        assert image["buildOnPreview"] is False
        assert image["buildArgs"] == {"BASE": "debian:trixie-slim"}
        assert image["dockerfile"]["location"] == "images/fastqc/Dockerfile"
        assert Path(image["context"]["named"]["tools"]["location"], "rclone").is_file()

    return made.refs["fastqc"].apply(check)


def test_an_images_tag_moves_with_all_that_it_is_built_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree("images", tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    before = {name: image_tag(name, "debian:trixie-slim") for name in ("fastqc", "bwa-mem2")}
    assert before["fastqc"].startswith("0.12.1-")
    Path("images/fastqc/gate.sh").write_text("another gate\n")
    assert image_tag("fastqc", "debian:trixie-slim") != before["fastqc"]
    assert image_tag("bwa-mem2", "debian:trixie-slim") == before["bwa-mem2"]
    assert image_tag("bwa-mem2", "debian:bookworm-slim") != before["bwa-mem2"]


@drained
def test_a_push_password_is_secret(recorder: Recorder) -> Any:
    made = Images("i", ["fastqc"], Registry("r.example/b", "user", "hunter2"), "debian:trixie-slim")

    def check(_: object) -> None:
        registries = recorder.one("Image", "i-fastqc")["registries"]
        assert registries[SECRET_SIGNATURE] == SECRET
        assert registries["value"][0]["password"] == "hunter2"

    return made.refs["fastqc"].apply(check)


@drained
def test_the_local_store_serves_a_plain_folder_with_keys_from_a_secret(recorder: Recorder) -> Any:
    made = LocalStore(
        "s", "local", Path("/data/w"), 10001, "store@sha256:1", Credentials("an-access-key", "a-very-private-key")
    )

    def check(_: object) -> None:
        volume = recorder.one("PersistentVolume", "s-volume")["spec"]
        assert volume["hostPath"] == {"path": "/data/w", "type": "Directory"}
        assert volume["persistentVolumeReclaimPolicy"] == "Retain"
        deployment = recorder.one("Deployment", "s-deployment")["spec"]
        assert deployment["strategy"] == {"type": "Recreate"}
        pod = deployment["template"]["spec"]
        priority = recorder.one("PriorityClass", "s-priority")
        assert pod["priorityClassName"] == priority["metadata"]["name"]
        assert priority["value"] > 0
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["key"] == "access-key"
        assert "a-very-private-key" not in str(deployment)
        assert "type" not in recorder.one("Service", "s-service")["spec"]

    return made.url.apply(check)
