"""Names and labels that every component uses in the same way."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "biojobs"
RUNNER: Final = "runner"
"""Service account of every step."""
READER: Final = "reader"
"""Service account of pods that look at data and never write."""
ARGO_NAMESPACE: Final = "argo"
ARGO_CONTROLLER: Final = "argo-controller"
ARGO_SERVER: Final = "argo-server"
"""Service accounts of Argo's two deployments."""

STORE_SECRET: Final = "store"
STORE_ACCESS_KEY: Final = "access-key"
STORE_SECRET_KEY: Final = "secret-key"
NOTIFY_SECRET: Final = "notify"
NOTIFY_WEBHOOK: Final = "webhook"

RESTRICTED: Final = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
    "pod-security.kubernetes.io/warn": "restricted",
}
"""Labels of a namespace whose pods must meet the Pod Security standard `restricted`."""


def labels(stack: str, component: str) -> dict[str, str]:
    """Labels of an object of this stack."""
    return {
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/part-of": "biojobs",
        "app.kubernetes.io/managed-by": "pulumi",
        "biojobs/stack": stack,
    }


def ownership(stack: str) -> dict[str, str]:
    """Tags or labels of everything that a stack makes in a cloud."""
    return {"project": "biojobs", "stack": stack, "managed-by": "pulumi"}
