"""Compressed sizes of our images as the registry holds them, and of their shared layers."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import versions
from bench.shell import REGISTRY

_ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


# The way most Dockerfiles go, and the original demo's: the package with all that it recommends, nothing taken off.
_PLAIN = {
    "fastqc": "RUN apt-get update && apt-get install -y fastqc s3cmd",
    "bwa-mem2": "RUN sed -i s/trixie/forky/ /etc/apt/sources.list* /etc/apt/sources.list.d/* 2>/dev/null; "
    "apt-get update -o Acquire::Check-Valid-Until=false && apt-get install -y bwa-mem2 samtools s3cmd",
}


def measure() -> Iterator[str]:
    """A row an image; each layer that images share is counted once. Then the same tools packed plainly."""
    host, _, path = REGISTRY.partition("/")
    layers = {name: _layers(host, f"{path}/{name}", tag) for name, tag in versions.IMAGES.items()}
    yield "| image | compressed MB | layers |"
    yield "|---|---|---|"
    for name, sizes in layers.items():
        yield f"| {name} | {sum(sizes.values()) / 1e6:.1f} | {len(sizes)} |"
    union = {digest: size for sizes in layers.values() for digest, size in sizes.items()}
    for name, instruction in _PLAIN.items():
        yield f"| {name}, packed plainly | {_plain_size(host, name, instruction) / 1e6:.1f} | |"
    yield f"| all, shared layers once | {sum(union.values()) / 1e6:.1f} | {len(union)} |"


def _plain_size(host: str, name: str, instruction: str) -> int:
    tag = f"{host}/bench/{name}:plain"
    build = ["docker", "buildx", "build", "--quiet", "--network=host", "--tag", tag, "-"]
    subprocess.run(
        build, input=f"FROM {versions.BASE_IMAGE}\n{instruction}\n", text=True, check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run(["docker", "push", "--quiet", tag], check=True, stdout=subprocess.DEVNULL)
    return sum(_layers(host, f"bench/{name}", "plain").values())


def _layers(host: str, repository: str, tag: str) -> dict[str, int]:
    manifest = _get(f"http://{host}/v2/{repository}/manifests/{tag}")
    if "manifests" in manifest:
        real = next(item for item in manifest["manifests"] if item["platform"]["os"] == "linux")
        manifest = _get(f"http://{host}/v2/{repository}/manifests/{real['digest']}")
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def _get(url: str) -> Any:
    accept = f"{_ACCEPT}, application/vnd.oci.image.index.v1+json"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept})) as answer:
        return json.load(answer)
