"""Third-party images, copied by digest into the stack's own registry."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker

from components.aws.registry import EcrRegistry, repository
from components.aws.scope import Scope
from components.mirror import Reference, parse

PLATFORM = "linux/amd64"


class Mirror(pulumi.ComponentResource):
    """Copies images with the Docker of this machine: pulled for the nodes' platform, tagged, pushed.

    `images` maps short names to references. `refs` maps each reference to the copy's, which names the digest that ECR
    reports: that of the one platform, so it is not the source's. A reference without a digest is looked up at each
    `up`; when its tag has moved, the new content is copied under a tag of its own.
    """

    refs: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        scope: Scope,
        images: Mapping[str, str],
        registry: EcrRegistry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:aws:Mirror", name, None, opts)
        self._name, self._scope, self._registry = name, scope, registry
        # The provider ignores a changed password where it compares: a second `up` changes nothing.
        self._docker = docker.Provider(
            f"{name}-docker",
            registry_auth=[
                {
                    "address": registry.host,
                    "username": registry.registry.username,
                    "password": registry.registry.password,
                }
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._opts = pulumi.ResourceOptions(parent=self, provider=self._docker)
        self.refs = {source: self._copy(short, parse(source)) for short, source in images.items()}
        self.register_outputs({"refs": self.refs})

    def _copy(self, short: str, source: Reference) -> pulumi.Output[str]:
        digest = self._digest(source)
        pulled = docker.RemoteImage(
            f"{self._name}-{short}-pulled",
            name=digest.apply(lambda found: f"{source.repository}@{found}"),
            platform=PLATFORM,
            # Other stacks and people may use the same image of this machine.
            keep_locally=True,
            opts=self._opts,
        )
        target = self._repository(short, source)
        address = target.name.apply(lambda path: f"{self._registry.host}/{path}")
        tagged = docker.Tag(
            f"{self._name}-{short}-tagged",
            source_image=pulled.name,
            target_image=pulumi.Output.all(address, digest).apply(lambda both: f"{both[0]}:{tag(source, both[1])}"),
            opts=self._opts,
        )
        pushed = docker.RegistryImage(
            f"{self._name}-{short}-pushed",
            name=tagged.target_image,
            # The copy goes with its repository. Deleting it by itself would take a password, and the state's has
            # expired by then.
            keep_remotely=True,
            opts=self._opts,
        )
        return pulumi.Output.concat(address, "@", pushed.sha256_digest)

    def _digest(self, source: Reference) -> pulumi.Output[str]:
        if source.digest:
            return pulumi.Output.from_input(source.digest)
        found = docker.get_registry_image_output(
            name=f"{source.repository}:{source.tag}",
            opts=pulumi.InvokeOutputOptions(parent=self, provider=self._docker),
        )
        return found.sha256_digest

    def _repository(self, short: str, source: Reference) -> aws.ecr.Repository:
        """The copy's repository. Its tags say where a copy came from and decide nothing: all use is by digest. With
        immutable ones a push that was cut off after its last step could never be made good."""
        return repository(
            f"{self._name}-{short}",
            f"{self._scope.cluster_name}/mirror/{source.repository}",
            self._registry.key_arn,
            "MUTABLE",
            self._scope.child(self),
        )


def tag(source: Reference, digest: str) -> str:
    """The copy's tag: the source's, and so much of the digest as makes moved tags differ."""
    short = digest.removeprefix("sha256:")[:12]
    return f"{source.tag}-{short}" if source.tag else short
