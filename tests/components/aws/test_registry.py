"""ECR: repositories that can be trusted and go with the stack, and a password that nobody sees."""

from __future__ import annotations

import json

import pytest

from components.aws.registry import EcrRegistry, registry_host
from tests.components.aws.conftest import ACCOUNT, ECR_PASSWORD, AwsRecorder, MakeScope, some_key
from tests.components.registries import access, awaited

HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def made(aws_mock: AwsRecorder, scope: MakeScope) -> AwsRecorder:
    aws_mock.build(lambda: EcrRegistry("dev-registry", scope(), ["fastqc", "bwa-mem2"], some_key()))
    return aws_mock


def test_every_image_has_a_repository_of_the_stack(made: AwsRecorder) -> None:
    assert {found["name"] for found in made.of("Repository").values()} == {
        "biojobs-dev/fastqc",
        "biojobs-dev/bwa-mem2",
    }


def test_a_tag_never_changes_its_content_and_every_push_is_scanned(made: AwsRecorder) -> None:
    for found in made.of("Repository").values():
        assert found["imageTagMutability"] == "IMMUTABLE"
        assert found["imageScanningConfiguration"] == {"scanOnPush": True}


def test_images_are_encrypted_with_the_stacks_key(made: AwsRecorder) -> None:
    for found in made.of("Repository").values():
        assert found["encryptionConfigurations"] == [
            {"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/some-key"}
        ]


def test_a_repository_with_images_does_not_block_destroy(made: AwsRecorder) -> None:
    assert {found["forceDelete"] for found in made.of("Repository").values()} == {True}


def test_untagged_images_expire_and_tagged_ones_only_by_number(made: AwsRecorder) -> None:
    policies = made.of("LifecyclePolicy").values()
    assert {policy["repository"] for policy in policies} == {"biojobs-dev/fastqc", "biojobs-dev/bwa-mem2"}
    for policy in policies:
        first, second = (rule["selection"] for rule in json.loads(policy["policy"])["rules"])
        assert (first["tagStatus"], first["countType"], first["countNumber"]) == ("untagged", "sinceImagePushed", 14)
        assert (second["tagStatus"], second["countType"]) == ("any", "imageCountMoreThan")


def test_the_push_password_is_short_lived_and_secret(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    found = access(aws_mock, lambda: EcrRegistry("dev-registry", scope(), ["fastqc"], some_key()).registry)
    assert found == [f"{HOST}/biojobs-dev", "AWS", ECR_PASSWORD, True]


def test_the_password_is_no_input_of_any_resource_of_the_registry(made: AwsRecorder) -> None:
    assert ECR_PASSWORD not in str(made.resources)


def test_who_pushes_waits_for_the_repositories(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    images = ["fastqc", "bwa-mem2"]
    found = awaited(aws_mock, lambda: EcrRegistry("dev-registry", scope(), images, some_key()).registry)
    assert found == {"dev-registry-fastqc", "dev-registry-bwa-mem2"}


def test_china_has_a_domain_of_its_own(aws_mock: AwsRecorder, scope: MakeScope) -> None:
    given = scope()
    assert registry_host(given) == HOST
    object.__setattr__(given, "partition", "aws-cn")
    assert registry_host(given).endswith(".amazonaws.com.cn")
