"""What every component of the AWS stack knows of where it is."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from settings_aws import Aws


@dataclass(frozen=True)
class Scope:
    """One stack in one region of one account. The provider tags everything with project, stack and managed-by."""

    stack: str
    target: Aws
    account: str
    """Twelve digits."""
    region: str
    partition: str
    """`aws`, `aws-cn` or `aws-us-gov`: the second part of every ARN."""
    zones: tuple[str, ...]
    provider: aws.Provider

    @property
    def cluster_name(self) -> str:
        """Name of the EKS cluster; node groups, log groups and tags are named after it."""
        return f"biojobs-{self.stack}"

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def child(self, parent: pulumi.Resource, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a component's resources."""
        return pulumi.ResourceOptions(parent=parent, provider=self.provider, depends_on=list(after))
