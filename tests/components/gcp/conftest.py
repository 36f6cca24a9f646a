"""A recording mock of Google Cloud; see `tests/components/cloud.py`.

A component is built by `gcp_mock.build(lambda: Component("dev-x", scope(), ...))`, which runs every output to its end.
`gcp_mock.of("Network")` then gives the inputs of all networks by resource name.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi_gcp as gcp
import pytest

from components.gcp.scope import Scope
from settings_gcp import Gcp
from tests.components.cloud import Answer, CloudRecorder, install

PROJECT = "a-project"
NUMBER = "123456789012"
REGION = "europe-west4"
ZONES = ("europe-west4-a", "europe-west4-b", "europe-west4-c")
STACK = "dev"
TOKEN = "a-short-lived-token"


def _default_outputs(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs of a kind that Google Cloud makes up."""
    account = inputs.get("accountId", name)
    made: dict[str, dict[str, Any]] = {
        "Account": {
            "email": f"{account}@{PROJECT}.iam.gserviceaccount.com",
            "member": f"serviceAccount:{account}@{PROJECT}.iam.gserviceaccount.com",
            "name": f"projects/{PROJECT}/serviceAccounts/{account}@{PROJECT}.iam.gserviceaccount.com",
        },
        "Bucket": {"url": f"gs://{inputs.get('name', name)}", "selfLink": f"https://storage/{name}"},
        "Cluster": {
            "endpoint": "203.0.113.10",
            "masterAuth": {"clusterCaCertificate": base64.b64encode(b"a certificate").decode()},
            "masterVersion": "1.35.1-gke.100",
        },
        "ServiceIdentity": {"email": f"service-{NUMBER}@{inputs.get('service', '').replace('.googleapis', '-robot')}"},
    }
    return made.get(kind, {})


def _default_answers() -> dict[str, Answer]:
    return {
        "gcp:organizations/getClientConfig:getClientConfig": {
            "accessToken": TOKEN,
            "project": PROJECT,
            "region": REGION,
            "id": PROJECT,
        },
        "gcp:organizations/getProject:getProject": {
            "number": NUMBER,
            "projectId": PROJECT,
            "name": "A project",
            "id": f"projects/{PROJECT}",
        },
        "gcp:compute/getZones:getZones": {"names": list(ZONES), "project": PROJECT, "region": REGION, "id": PROJECT},
    }


@dataclass
class GcpRecorder(CloudRecorder):
    """The recorder of Google Cloud."""

    packages = ("gcp",)
    answers: dict[str, Answer] = field(default_factory=_default_answers)

    def made(self, token: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind = token.rsplit(":", 1)[-1]
        own = str(inputs.get("name", name))
        return f"{own}-id", {"name": own, "project": PROJECT, **inputs, **_default_outputs(kind, name, inputs)}


@pytest.fixture
def gcp_mock() -> GcpRecorder:
    made = GcpRecorder()
    install(made, STACK)
    return made


def settings(**keys: Any) -> Gcp:
    """Settings of the stack: what must be set, and `keys` over it, as a stack file has them or by field name."""
    usual = {"project": PROJECT, "region": REGION, "adminCidrs": ["192.0.2.7/32"]}
    return Gcp.model_validate({**usual, **keys})


class MakeScope(Protocol):
    def __call__(self, **keys: Any) -> Scope:
        """A scope of the stack `dev`; `keys` as of `settings`."""
        ...


@pytest.fixture
def scope(gcp_mock: GcpRecorder) -> MakeScope:  # pyright: ignore[reportUnusedParameter]
    """Makes scopes; called inside `gcp_mock.build`, since it makes a provider."""

    def make(**keys: Any) -> Scope:
        provider = gcp.Provider("dev-gcp", project=PROJECT, region=REGION)
        return Scope(STACK, settings(**keys), NUMBER, provider)

    return make
