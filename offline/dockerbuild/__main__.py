"""`python -m offline.dockerbuild`: the plugin's process."""

from __future__ import annotations

from offline.dockerbuild.image import ImageHandler
from offline.provider import Provider, run
from offline.resource import Handler, InvalidInputsError, ResourceError
from offline.values import Map

VERSION = "0.0.22"
IMAGE = "docker-build:index:Image"


class DockerBuildProvider(Provider):
    """Images built by `docker buildx` on the daemon that DOCKER_HOST names."""

    version = VERSION

    def check_config(self, config: Map) -> None:
        """There is nothing to set: DOCKER_HOST says where to build."""
        unknown = [key for key in config if key != "version"]
        if unknown:
            raise InvalidInputsError([(key, "is not understood by the stand-in provider") for key in unknown])

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        if token != IMAGE:
            raise ResourceError(f"{token} is not understood by the stand-in docker-build provider; use {IMAGE}")
        return ImageHandler(self.engine, self.cancelled)


run(DockerBuildProvider)
