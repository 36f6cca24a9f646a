"""Compressed sizes of our images as a registry holds them, each beside the same tools packed as most do."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import versions
from bench.shell import REGISTRY

LIMIT_MB: Final = 150
"""All images together, what they share counted once."""

_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.v2")
)
_ROOT = Path(__file__).resolve().parent.parent

# The way most Dockerfiles go, and the original demo's: the package with all that it recommends, nothing taken off.
_FORKY = (
    "sed -i s/trixie/forky/ /etc/apt/sources.list* /etc/apt/sources.list.d/* 2>/dev/null; "
    "apt-get update -o Acquire::Check-Valid-Until=false"
)
_PLAIN: Final = {
    "fastqc": "mkdir -p /usr/share/man/man1 && apt-get update && apt-get install -y fastqc s3cmd",
    "bwa-mem2": f"{_FORKY} && apt-get install -y bwa-mem2 samtools s3cmd",
    "variants": "apt-get update && apt-get install -y freebayes bcftools samtools s3cmd",
    "multiqc": "apt-get update && apt-get install -y multiqc s3cmd",
}


def measure() -> Iterator[str]:
    """A row an image, built from this tree, with what is its own; all together; then the same tools packed plainly."""
    layers = {name: _built(name, _ours(name)) for name in versions.IMAGES}
    shared = set[str].intersection(*(set(sizes) for sizes in layers.values()))
    yield "| image | compressed MB | its own |"
    yield "|---|---|---|"
    for name, sizes in layers.items():
        own = {digest: size for digest, size in sizes.items() if digest not in shared}
        yield f"| {name} | {_mb(sizes):.1f} | {_mb(own):.1f} |"
    union = _mb(_union(layers))
    verdict = "ok" if union <= LIMIT_MB else "TOO LARGE"
    yield f"| all, shared layers once | {union:.1f} | {verdict}: at most {LIMIT_MB} |"
    yield from _alternatives()


def _alternatives() -> Iterator[str]:
    plain = {name: _built(f"{name}-plain", _plain(instruction)) for name, instruction in _PLAIN.items()}
    for name, sizes in plain.items():
        yield f"| {name}, packed plainly | {_mb(sizes):.1f} | |"
    yield f"| these, shared layers once | {_mb(_union(plain)):.1f} | |"


def _union(images: dict[str, dict[str, int]]) -> dict[str, int]:
    return {digest: size for sizes in images.values() for digest, size in sizes.items()}


def _mb(sizes: dict[str, int]) -> float:
    return sum(sizes.values()) / 1e6


def _ours(name: str) -> list[str]:
    images = _ROOT / "images"
    tools = _ROOT / ".venv" / "bin"
    return [f"--build-context=tools={tools}", f"--file={images / name / 'Dockerfile'}", str(images)]


def _plain(instruction: str) -> list[str]:
    return [f"--build-arg=INSTRUCTION={instruction}", "-"]


def _built(name: str, words: list[str]) -> dict[str, int]:
    """Build and push an image; the sizes of its layers by digest."""
    host = REGISTRY.partition("/")[0]
    tag = f"{host}/bench/{name}:now"
    subprocess.run(
        ["docker", "buildx", "build", "--quiet", "--network=host", "--tag", tag, *words],
        input=f'FROM {versions.BASE_IMAGE}\nARG INSTRUCTION\nRUN sh -c "$INSTRUCTION"\n',
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(["docker", "push", "--quiet", tag], check=True, stdout=subprocess.DEVNULL)
    return _layers(host, f"bench/{name}", "now")


def _layers(host: str, repository: str, tag: str) -> dict[str, int]:
    manifest = _get(f"http://{host}/v2/{repository}/manifests/{tag}")
    if "manifests" in manifest:
        real = next(item for item in manifest["manifests"] if item["platform"]["os"] == "linux")
        manifest = _get(f"http://{host}/v2/{repository}/manifests/{real['digest']}")
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def _get(url: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": _ACCEPT})) as answer:
        return json.load(answer)
