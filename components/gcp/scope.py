"""What every component of the Google Cloud stack knows of where it is."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.names import ownership
from settings_gcp import Gcp


@dataclass(frozen=True)
class Scope:
    """One stack in one region of one project. The provider labels everything with project, stack and managed-by."""

    stack: str
    target: Gcp
    number: str
    """The project's number, by which Google names its own service accounts."""
    provider: gcp.Provider

    @property
    def project(self) -> str:
        """Id of the Google Cloud project."""
        return self.target.project

    @property
    def region(self) -> str:
        """Region of everything that has one."""
        return self.target.region

    @property
    def cluster_name(self) -> str:
        """Name of the GKE cluster, and what names of the stack begin with."""
        return f"biojobs-{self.stack}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels of what the stack makes, for resources that the provider's default labels do not reach."""
        return ownership(self.stack)

    def child(self, parent: pulumi.Resource, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a component's resources."""
        return pulumi.ResourceOptions(parent=parent, provider=self.provider, depends_on=list(after))
