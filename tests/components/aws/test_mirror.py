"""The mirror: what is copied, under which names, and how the copy is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pulumi
import pytest

from components.aws.mirror import Mirror, tag
from components.aws.registry import EcrRegistry
from components.mirror import parse
from tests.components.aws.conftest import ACCOUNT, ECR_PASSWORD, AwsRecorder, MakeScope, some_key
from tests.components.registries import copies
from tests.components.test_platform import SECRET

HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
CONTROLLER = "quay.io/argoproj/workflow-controller:v4.0.7"
PINNED = f"registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.0@sha256:{'b' * 64}"
COPY = f"{HOST}/biojobs-dev/mirror/quay.io/argoproj/workflow-controller"
LOOKUP = "docker:index/getRegistryImage:getRegistryImage"

Copy = Callable[..., dict[str, str]]


@pytest.fixture
def copy(aws_mock: AwsRecorder, scope: MakeScope) -> Copy:
    def refs(images: Mapping[str, str]) -> Mapping[str, pulumi.Output[str]]:
        given = scope(mirror=True)
        return Mirror("dev-mirror", given, images, EcrRegistry("dev-registry", given, [], some_key())).refs

    def make(**images: str) -> dict[str, str]:
        return copies(aws_mock, lambda: refs(images))

    return make


def test_a_copy_is_used_by_the_digest_that_the_registry_reports(copy: Copy, aws_mock: AwsRecorder) -> None:
    aws_mock.outputs["dev-mirror-controller-pushed"] = {"sha256Digest": f"sha256:{'e' * 64}"}
    assert copy(controller=CONTROLLER) == {CONTROLLER: f"{COPY}@sha256:{'e' * 64}"}


def test_a_tag_is_looked_up_and_pulled_by_digest_for_the_nodes_platform(copy: Copy, aws_mock: AwsRecorder) -> None:
    copy(controller=CONTROLLER)
    assert (LOOKUP, {"name": CONTROLLER}) in aws_mock.calls
    pulled = aws_mock.one("RemoteImage", "dev-mirror-controller-pulled")
    assert pulled["name"] == f"quay.io/argoproj/workflow-controller@sha256:{'d' * 64}"
    assert pulled["platform"] == "linux/amd64"
    assert pulled["keepLocally"] is True


def test_a_pinned_reference_is_not_looked_up(copy: Copy, aws_mock: AwsRecorder) -> None:
    copy(autoscaler=PINNED)
    assert LOOKUP not in {token for token, _ in aws_mock.calls}
    pulled = aws_mock.one("RemoteImage", "dev-mirror-autoscaler-pulled")
    assert pulled["name"] == f"registry.k8s.io/autoscaling/cluster-autoscaler@sha256:{'b' * 64}"


def test_what_was_pulled_is_what_is_tagged_and_what_is_tagged_is_pushed(copy: Copy, aws_mock: AwsRecorder) -> None:
    copy(controller=CONTROLLER)
    tagged = aws_mock.one("Tag", "dev-mirror-controller-tagged")
    assert tagged["sourceImage"] == f"quay.io/argoproj/workflow-controller@sha256:{'d' * 64}"
    assert tagged["targetImage"] == f"{COPY}:v4.0.7-{'d' * 12}"
    assert aws_mock.one("RegistryImage", "dev-mirror-controller-pushed")["name"] == tagged["targetImage"]
    pushed = aws_mock.options["dev-mirror-controller-pushed"].depends_on
    assert "dev-mirror-controller-tagged" in pushed
    assert "dev-mirror-controller-pulled" in aws_mock.options["dev-mirror-controller-tagged"].depends_on
    assert "dev-mirror-controller" in aws_mock.options["dev-mirror-controller-tagged"].depends_on


def test_destroying_a_copy_takes_no_password(copy: Copy, aws_mock: AwsRecorder) -> None:
    copy(controller=CONTROLLER)
    assert aws_mock.one("RegistryImage", "dev-mirror-controller-pushed")["keepRemotely"] is True
    assert aws_mock.one("Repository", "dev-mirror-controller")["forceDelete"] is True


def test_a_copys_repository_says_where_it_came_from_and_is_scanned_and_encrypted(
    copy: Copy, aws_mock: AwsRecorder
) -> None:
    copy(controller=CONTROLLER)
    found = aws_mock.one("Repository", "dev-mirror-controller")
    assert found["name"] == "biojobs-dev/mirror/quay.io/argoproj/workflow-controller"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfigurations"][0]["encryptionType"] == "KMS"


def test_the_push_password_reaches_the_provider_as_a_secret(copy: Copy, aws_mock: AwsRecorder) -> None:
    copy(controller=CONTROLLER)
    holders = {name for (_, name), inputs in aws_mock.resources.items() if ECR_PASSWORD in str(inputs)}
    assert holders == {"dev-mirror-docker"}
    assert SECRET in str(aws_mock.resources[("docker", "dev-mirror-docker")])


def test_a_moved_tag_is_copied_under_a_tag_of_its_own() -> None:
    source = parse(CONTROLLER)
    assert tag(source, f"sha256:{'1' * 64}") != tag(source, f"sha256:{'2' * 64}")
    assert tag(parse("quay.io/a/b@sha256:12"), f"sha256:{'1' * 64}") == "1" * 12
