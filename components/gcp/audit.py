"""`python -m components.gcp.audit STACK`: what of a stack is still in the project, found by labels and by names.

After `pulumi destroy` that is what is kept on purpose, and nothing else. While the stack is up, it is the stack.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from components import audits
from components.accounts import DeniedError
from components.audits import Audit, Fate
from components.checks import ROOT
from components.gcp.account import Account, sign_in
from components.gcp.check import read_settings
from components.names import ownership

_CLUSTER_LABEL: Final = "goog-k8s-cluster-name"
"""GKE's own label of the machines and disks of a cluster."""

# What Google charges for, by service and collection; the rest is free, and in the way of the next `up`.
_PAID: Final = {
    ("artifactregistry", "repositories"),
    ("cloudkms", "cryptoKeys"),
    ("compute", "disks"),
    ("compute", "instances"),
    ("compute", "routers"),
    ("container", "clusters"),
    ("logging", "buckets"),
    ("monitoring", "alertPolicies"),
}
_COMMANDS: Final[Mapping[tuple[str, str], str]] = {
    ("artifactregistry", "repositories"): "gcloud artifacts repositories delete",
    ("compute", "disks"): "gcloud compute disks delete",
    ("compute", "firewalls"): "gcloud compute firewall-rules delete",
    ("compute", "instances"): "gcloud compute instances delete",
    ("compute", "networks"): "gcloud compute networks delete",
    ("compute", "routers"): "gcloud compute routers delete",
    ("compute", "subnetworks"): "gcloud compute networks subnets delete",
    ("container", "clusters"): "gcloud container clusters delete",
    ("iam", "serviceAccounts"): "gcloud iam service-accounts delete",
    ("logging", "buckets"): "gcloud logging buckets delete",
    ("logging", "metrics"): "gcloud logging metrics delete",
    ("logging", "sinks"): "gcloud logging sinks delete",
    ("monitoring", "alertPolicies"): "gcloud monitoring policies delete",
    ("monitoring", "dashboards"): "gcloud monitoring dashboards delete",
    ("monitoring", "notificationChannels"): "gcloud beta monitoring channels delete",
}
_PLACES: Final = {"locations": "--location", "regions": "--region", "zones": "--zone"}
_ENDED: Final = ("DESTROY_SCHEDULED", "PENDING_DELETION")

Found = Iterator[tuple[str, Fate | None]]
"""Full names, and a fate where it does not follow from the kind."""


class Left(audits.Left):
    """Something that is there, by its full name: `//service.googleapis.com/projects/...`."""

    cloud = "Google Cloud"

    @property
    def kind(self) -> tuple[str, str]:
        """Service and collection."""
        parts = self.name.split("/")
        return parts[2].partition(".")[0], parts[-2]

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def command(self) -> str:
        """A gcloud command line."""
        parts = self.name.split("/")
        project, place, where = parts[4], parts[5], parts[6]
        flags = f" {_PLACES[place]} {where}" if place in _PLACES else ""
        if self.kind == ("cloudkms", "cryptoKeys"):
            return f"gcloud kms keys versions destroy 1 --key {self.id} --keyring {parts[8]}{flags} --project {project}"
        command = _COMMANDS.get(self.kind)
        return f"{command} {self.id}{flags} --project {project}" if command else ""


def audit(account: Account, stack: str, *, keep_logs: bool) -> Audit:
    """Looks for everything of a stack in the project. Raises AccountError when Google Cloud cannot be asked."""
    found: dict[str, Left] = {}
    unchecked: list[str] = []
    for look in _LOOKS:
        try:
            for name, fate in look(account, stack):
                usual: Fate = "paid" if Left(name, "free").kind in _PAID else "free"
                if fate is None and keep_logs and "/buckets/" in name:
                    fate = "kept"
                found[name] = Left(name, fate or usual)
        except DeniedError as error:
            unchecked.append(str(error))
    return audits.sorted_audit(found.values(), dict.fromkeys(unchecked))


def _ours(labels: Mapping[str, str], stack: str) -> bool:
    return {key: labels.get(key) for key in ("project", "stack")} == {"project": "biojobs", "stack": stack}


def _others(labels: Mapping[str, str], stack: str) -> bool:
    """Whether something whose name might be of this stack is labelled as another's."""
    return bool(labels.get("stack")) and not _ours(labels, stack)


def _cluster(stack: str) -> str:
    return f"biojobs-{stack}"


def _own(found: Mapping[str, Any]) -> str:
    """The full name of something of Compute Engine, from its address."""
    return "//compute.googleapis.com/" + str(found["selfLink"]).partition("/compute/v1/")[2]


def _clusters(account: Account, stack: str) -> Found:
    answer = account.ask(f"https://container.googleapis.com/v1/projects/{account.project}/locations/-/clusters")
    for cluster in answer.get("clusters", []):
        if cluster["name"] == _cluster(stack) and cluster.get("location") == account.region:
            name = f"//container.googleapis.com/projects/{account.project}/locations/{account.region}/clusters/"
            yield name + cluster["name"], "going" if cluster.get("status") == "STOPPING" else None


def _machines(account: Account, stack: str) -> Found:
    """Nodes and disks, which GKE labels, and volumes, which carry the labels of their storage class."""
    of_cluster = f'labels.{_CLUSTER_LABEL} = "{_cluster(stack)}"'
    ours = " AND ".join(f'(labels.{key} = "{value}")' for key, value in ownership(stack).items())
    for kind, words in (("instances", of_cluster), ("disks", of_cluster), ("disks", ours)):
        for found in account.every(account.compute(f"aggregated/{kind}"), kind, filter=words):
            yield _own(found), "going" if found.get("status") in ("STOPPING", "DELETING") else None


def _networks(account: Account, stack: str) -> Found:
    """Networks have no labels: by their names, and firewall rules, which GKE makes, by their network too."""
    name = _cluster(stack)
    for kind in ("routers", "subnetworks"):
        for found in account.every(account.compute(f"aggregated/{kind}"), kind, filter=f'name = "{name}"'):
            yield _own(found), None
    for found in account.every(account.compute("global/networks"), "items", filter=f'name = "{name}"'):
        yield _own(found), None
    for found in account.every(account.compute("global/firewalls"), "items"):
        if str(found.get("network", "")).endswith(f"/networks/{name}") or found["name"].startswith(f"gke-{name}-"):
            yield _own(found), None


def _buckets(account: Account, stack: str) -> Found:
    listed = account.every(
        "https://storage.googleapis.com/storage/v1/b", "items", project=account.project, prefix=f"{_cluster(stack)}-"
    )
    for bucket in listed:
        if not _others(bucket.get("labels", {}), stack):
            yield f"//storage.googleapis.com/projects/{account.project}/buckets/{bucket['name']}", "kept"


def _repositories(account: Account, stack: str) -> Found:
    place = f"projects/{account.project}/locations/{account.region}"
    for found in account.every(f"https://artifactregistry.googleapis.com/v1/{place}/repositories", "repositories"):
        if _ours(found.get("labels", {}), stack):
            yield f"//artifactregistry.googleapis.com/{found['name']}", None


def _keys(account: Account, stack: str) -> Found:
    """Keys that can still be used. Neither they nor their rings ever go, and cost nothing without a version."""
    api = "https://cloudkms.googleapis.com/v1"
    place = f"projects/{account.project}/locations/{account.region}"
    for ring in account.every(f"{api}/{place}/keyRings", "keyRings"):
        if ring["name"].rpartition("/")[2].startswith(f"{stack}-"):
            for found in account.every(f"{api}/{ring['name']}/cryptoKeys", "cryptoKeys"):
                state = found.get("primary", {}).get("state", "DESTROYED")
                if _ours(found.get("labels", {}), stack) and state != "DESTROYED":
                    yield f"//cloudkms.googleapis.com/{found['name']}", "going" if state in _ENDED else None


def _accounts(account: Account, stack: str) -> Found:
    place = f"projects/{account.project}/serviceAccounts"
    for found in account.every(f"https://iam.googleapis.com/v1/{place}", "accounts", pageSize="100"):
        if found["email"].startswith(f"{_cluster(stack)}-"):
            yield f"//iam.googleapis.com/{place}/{found['email']}", None


def _logs(account: Account, stack: str) -> Found:
    """Where logs go and what keeps them out of `_Default`; a log bucket goes a week after it was deleted."""
    api, project = "https://logging.googleapis.com/v2", f"projects/{account.project}"
    name = f"{_cluster(stack)}-logs"
    for bucket in account.every(f"{api}/{project}/locations/{account.region}/buckets", "buckets"):
        if bucket["name"].rpartition("/")[2].startswith(f"{name}-"):
            going = bucket.get("lifecycleState") == "DELETE_REQUESTED"
            yield f"//logging.googleapis.com/{bucket['name']}", "going" if going else None
    for kind in ("sinks", "exclusions"):
        for found in account.every(f"{api}/{project}/{kind}", kind):
            if found["name"] == name:
                yield f"//logging.googleapis.com/{project}/{kind}/{name}", None
    for found in account.every(f"{api}/{project}/metrics", "metrics"):
        if found["name"].startswith(f"{stack}-telemetry-"):
            yield f"//logging.googleapis.com/{project}/metrics/{found['name']}", None


def _alerts(account: Account, stack: str) -> Found:
    api, project = "https://monitoring.googleapis.com", f"projects/{account.project}"
    for version, kind, items in (
        ("v3", "alertPolicies", "alertPolicies"),
        ("v3", "notificationChannels", "notificationChannels"),
        ("v1", "dashboards", "dashboards"),
    ):
        for found in account.every(f"{api}/{version}/{project}/{kind}", items):
            shown = str(found.get("displayName", ""))
            if shown == _cluster(stack) or shown.startswith(f"{_cluster(stack)}-"):
                yield f"//monitoring.googleapis.com/{project}/{kind}/{found['name'].rpartition('/')[2]}", None


_LOOKS: Final[Sequence[Callable[[Account, str], Found]]] = (
    _clusters,
    _machines,
    _networks,
    _buckets,
    _repositories,
    _keys,
    _accounts,
    _logs,
    _alerts,
)


def report(audit: Audit, stack: str, project: str) -> Iterator[str]:
    """The audit as text, a line each."""
    return audits.report(audit, stack, project, "Google Cloud", "data in buckets and logs are paid for by the GB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what is left; 0 when nothing unexpected is, 1 when something is, 2 when that could not be found out."""
    parser = argparse.ArgumentParser(prog="python -m components.gcp.audit", description=__doc__)
    parser.add_argument("--project", help="where to look, for a stack whose Pulumi.STACK.yaml is gone; with --region")
    parser.add_argument("--region", help="the stack's region")
    return audits.command(parser, _look, arguments)


def _look(options: argparse.Namespace) -> tuple[Audit, Iterator[str]]:
    project, region, keep_logs = options.project, options.region, False
    if not (project and region):
        target = read_settings(options.stack, ROOT).gcp
        project, region, keep_logs = target.project, target.region, target.keep_logs
    found = audit(sign_in(project, region), options.stack, keep_logs=keep_logs)
    return found, report(found, options.stack, project)


if __name__ == "__main__":
    sys.exit(main())
