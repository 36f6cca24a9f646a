"""Where the recorded Google Cloud works: a region of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from offline.recording.strict import schema
from offline.recording.strict.kind import Kind, digits, uuid_of
from offline.values import Map

PROJECT = "biojobs-recorded"
NUMBER = "123456789012"
_AGENTS = {
    "compute": "compute-system",
    "container": "container-engine-robot",
    "monitoring": "gcp-sa-monitoring-notification",
}


@dataclass(frozen=True)
class Place:
    """What templates may name besides inputs, and the labels of everything."""

    region: str
    project: str = PROJECT
    number: str = NUMBER
    default_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    billed: bool = False
    """Whether requests say which project's quota they count for."""
    attributed: bool = True
    """Whether Pulumi adds a label of its own."""

    def words(self, urn: str, number: int) -> dict[str, Any]:
        """Of the `number`th resource of a URN."""
        sha = digits(urn, number)
        return {
            "sha": sha,
            "hex": sha[:16],
            "uuid": uuid_of(sha),
            "digits": str(int(sha[:15], 16)),
            "ip": f"203.0.113.{int(sha[:2], 16)}",
            "inside": f"10.255.{int(sha[:2], 16)}.{int(sha[2:4], 16)}",
            "region": self.region,
            "location": self.region,
            "project": self.project,
            "number": self.number,
        }

    @property
    def pool(self) -> str:
        """The project's workload identity pool, which comes with its first cluster."""
        return f"{self.project}.svc.id.goog"


def agent(place: Place, service: str) -> str:
    """Google's own account by which a service, such as `container`, works in the project."""
    return f"service-{place.number}@{_AGENTS.get(service, f'gcp-sa-{service}')}.iam.gserviceaccount.com"


def storage_agent(place: Place) -> str:
    """That of Cloud Storage, which a look-up makes."""
    return f"service-{place.number}@gs-project-accounts.iam.gserviceaccount.com"


def computed(kind: Kind, place: Place, inputs: Map) -> Map:
    """Project and labels, where a type has them; a service's account."""
    known = schema.properties(kind.token)
    outputs: Map = {"project": place.project} if "project" in known else {}
    if kind.called == "service-agent":
        email = agent(place, str(inputs.get("service")).partition(".")[0])
        outputs |= {"email": email, "member": f"serviceAccount:{email}"}
    key = next((key for key in ("labels", "resourceLabels") if key in known), "")
    if key and schema.has_output(kind.token, "effectiveLabels"):
        labels = {**place.default_labels, **cast(Map, inputs.get(key) or {})}
        added = {"goog-pulumi-provisioned": "true"} if place.attributed else {}
        outputs |= {"pulumiLabels": labels, "effectiveLabels": {**added, **labels}}
    return outputs
