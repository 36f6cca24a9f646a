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
    "variants": "1.3.9",
    "multiqc": "1.28",
    "store": "1.75.2",
}
"""Our own images and the version of the tool that each is built around; it becomes the image's tag."""

EKS: Final = "1.35"
EKS_STANDARD: Final = ("1.34", "1.35", "1.36")
"""Versions in standard support; 1.34 leaves it on 2026-12-02. The paid extended support is never used."""

_EKS_ADDONS: Final = {
    "vpc-cni": "v1.22.4-eksbuild.3",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
}
EKS_ADDONS: Final = {
    "1.34": {**_EKS_ADDONS, "kube-proxy": "v1.34.6-eksbuild.17", "coredns": "v1.13.2-eksbuild.11"},
    "1.35": {**_EKS_ADDONS, "kube-proxy": "v1.35.3-eksbuild.17", "coredns": "v1.13.2-eksbuild.11"},
    "1.36": {**_EKS_ADDONS, "kube-proxy": "v1.36.0-eksbuild.17", "coredns": "v1.14.3-eksbuild.14"},
}
"""Managed add-ons by Kubernetes version: EKS refuses one that it does not offer for the cluster's version.
`aws eks describe-addon-versions --kubernetes-version <version>` lists them."""

CLUSTER_AUTOSCALER_CHART: Final = "9.59.0"
CLUSTER_AUTOSCALER_REPOSITORY: Final = "https://kubernetes.github.io/autoscaler"
CLUSTER_AUTOSCALER: Final = {"1.34": "v1.34.5", "1.35": "v1.35.2", "1.36": "v1.36.1"}
"""The autoscaler's image by Kubernetes version: it simulates the scheduler of its own minor version."""

EKS_OBSERVABILITY: Final = "v6.4.0-eksbuild.1"
"""The add-on `amazon-cloudwatch-observability`."""
