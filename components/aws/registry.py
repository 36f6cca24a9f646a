"""The container registry: a repository for each image, and credentials to push with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope
from components.contracts import Registry

if TYPE_CHECKING:
    from components.aws.key import Key

_UNTAGGED_DAYS = 14
_MOST_IMAGES = 100


class EcrRegistry(pulumi.ComponentResource):
    """ECR repositories `biojobs-<stack>/<image>`, in which a tag never changes its content.

    `registry` has the address and a password that is valid for twelve hours: it is asked for with each `up`, marked
    secret, and no output of this component. `host` is the address without a path.
    """

    registry: Registry
    host: str
    key_arn: pulumi.Output[str]

    def __init__(
        self, name: str, scope: Scope, images: Sequence[str], key: Key, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("biojobs:aws:Registry", name, None, opts)
        self.host, self.key_arn = registry_host(scope), key.arn
        child = scope.child(self)
        made = [
            repository(f"{name}-{image}", f"{scope.cluster_name}/{image}", self.key_arn, "IMMUTABLE", child)
            for image in images
        ]
        token = aws.ecr.get_authorization_token_output(
            opts=pulumi.InvokeOutputOptions(parent=self, provider=scope.provider)
        )
        # By way of the repositories' names, whoever pushes waits until they are there.
        address = pulumi.Output.all(*(each.name for each in made)).apply(lambda _: f"{self.host}/{scope.cluster_name}")
        self.registry = Registry(address, token.user_name, pulumi.Output.secret(token.password))
        self.register_outputs({"address": address})


def registry_host(scope: Scope) -> str:
    """Host of this account's registry in this region."""
    suffix = "amazonaws.com.cn" if scope.partition == "aws-cn" else "amazonaws.com"
    return f"{scope.account}.dkr.ecr.{scope.region}.{suffix}"


def repository(
    resource: str,
    name: str,
    key_arn: pulumi.Input[str],
    tags: Literal["IMMUTABLE", "MUTABLE"],
    opts: pulumi.ResourceOptions,
) -> aws.ecr.Repository:
    """A repository and the rule that clears it of images without a tag.

    It goes with the stack although it has images: they are made from this project, or copied, and can be again.
    """
    made = aws.ecr.Repository(
        resource,
        name=name,
        image_tag_mutability=tags,
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
        force_delete=True,
        opts=opts,
    )
    aws.ecr.LifecyclePolicy(
        f"{resource}-lifecycle", repository=made.name, policy=json.dumps(lifecycle_policy()), opts=opts
    )
    return made


def lifecycle_policy() -> dict[str, Any]:
    """Images that have lost their tag expire, and the oldest of very many; what a tagged index names stays with it."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    oldest = {"tagStatus": "any", "countType": "imageCountMoreThan"}
    return {
        "rules": [
            _expire(1, f"Untagged for {_UNTAGGED_DAYS} days", {**untagged, "countNumber": _UNTAGGED_DAYS}),
            _expire(2, f"All but the last {_MOST_IMAGES}", {**oldest, "countNumber": _MOST_IMAGES}),
        ]
    }


def _expire(priority: int, description: str, selection: dict[str, Any]) -> dict[str, Any]:
    action = {"type": "expire"}
    return {"rulePriority": priority, "description": description, "selection": selection, "action": action}
