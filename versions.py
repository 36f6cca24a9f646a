"""Every pinned version in one place. Images are pinned by what their Dockerfiles check at build time."""

from typing import Final

ARGO: Final = "v4.0.7"
"""Argo Workflows. Chart 1.0.18 was cut for v4.0.6; the image tag is raised to this version."""

ARGO_CHART: Final = "1.0.18"
ARGO_CHART_NAME: Final = "argo-workflows"
ARGO_CHART_REPOSITORY: Final = "https://argoproj.github.io/argo-helm"

BASE_IMAGE: Final = "debian:trixie-slim"

IMAGES: Final = {
    "fastqc": "0.12.1",
    "bwa-mem2": "2.3",
    "store": "1.75.2",
}
"""Our own images and the version of the tool that each is built around; it becomes the image's tag."""

EKS: Final = "1.35"
EKS_STANDARD: Final = ("1.34", "1.35", "1.36")
"""Versions in standard support; 1.34 leaves it on 2026-12-02. The paid extended support is never used."""
