"""What is left of a stack in the project: found by labels and by names, and told apart from what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from components.accounts import AccountError
from components.audits import Audit
from components.gcp.account import Account
from components.gcp.audit import Left, audit, main, report
from tests.components.gcp.answers import DENIED, OFF, Answers, Asked, Refused, account_of, answering
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION

OURS = {"project": "biojobs", "stack": "dev", "managed-by": "pulumi"}
OTHERS = {**OURS, "stack": "dev-2"}
PLACE = f"projects/{PROJECT}/locations/{REGION}"
RING = f"{PLACE}/keyRings/dev-key-ring-1a2b3c4"
BUCKET = f"biojobs-dev-results-{NUMBER}-{REGION}"
NOTHING: Mapping[str, Any] = {
    f"GET {end}": {}
    for end in (
        "locations/-/clusters",
        "aggregated/instances",
        "aggregated/disks",
        "aggregated/routers",
        "aggregated/subnetworks",
        "global/networks",
        "global/firewalls",
        "storage/v1/b",
        "repositories",
        "keyRings",
        f"v1/projects/{PROJECT}/serviceAccounts",
        f"v2/{PLACE}/buckets",
        "sinks",
        "exclusions",
        "metrics",
        "alertPolicies",
        "notificationChannels",
        "dashboards",
    )
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = answering(monkeypatch)
    made.given |= NOTHING
    return made


def look(*, keep_logs: bool = False) -> Audit:
    return audit(account_of(), "dev", keep_logs=keep_logs)


def fates() -> dict[str, str]:
    return {f"{' '.join(left.kind)} {left.id}": left.fate for left in look().left}


def link(path: str) -> str:
    return f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/{path}"


def items(kind: str, *names: str, zone: str = f"zones/{REGION}-a", **more: Any) -> Mapping[str, Any]:
    made = [{"name": name, "selfLink": link(f"{zone}/{kind}/{name}"), **more} for name in names]
    return {"items": {zone: {kind: made}}}


def test_an_empty_project_has_nothing_left(api: Answers) -> None:
    found = look()
    assert (found.left, found.unchecked) == ((), ())
    assert list(report(found, "dev", PROJECT)) == [f"nothing unexpected of dev is left in {PROJECT}"]


def test_the_cluster_is_found_by_its_name_and_place(api: Answers) -> None:
    api.given["GET locations/-/clusters"] = {
        "clusters": [
            {"name": "biojobs-dev", "location": REGION, "status": "RUNNING"},
            {"name": "biojobs-dev", "location": "us-central1"},
            {"name": "biojobs-dev-2", "location": REGION},
        ]
    }
    (left,) = look().left
    assert (left.kind, left.fate) == (("container", "clusters"), "paid")
    assert left.remedy == f"`gcloud container clusters delete biojobs-dev --location {REGION} --project {PROJECT}`"
    api.given["GET locations/-/clusters"] = {
        "clusters": [{"name": "biojobs-dev", "location": REGION, "status": "STOPPING"}]
    }
    assert fates() == {"container clusters biojobs-dev": "going"}
    assert look().unexpected == ()


def test_machines_and_disks_of_the_cluster_are_found_by_gkes_label_and_volumes_by_ours(api: Answers) -> None:
    def disks(asked: Asked) -> Mapping[str, Any]:
        if asked.query["filter"] == 'labels.goog-k8s-cluster-name = "biojobs-dev"':
            return items("disks", "gke-disk")
        assert asked.query["filter"] == (
            '(labels.project = "biojobs") AND (labels.stack = "dev") AND (labels.managed-by = "pulumi")'
        )
        return items("disks", "pvc-1", "gke-disk")

    api.given["GET aggregated/disks"] = disks
    api.given["GET aggregated/instances"] = items("instances", "gke-node", status="STOPPING")
    assert fates() == {
        "compute disks gke-disk": "paid",
        "compute disks pvc-1": "paid",
        "compute instances gke-node": "going",
    }
    remedies = {left.id: left.remedy for left in look().left}
    assert remedies["pvc-1"] == f"`gcloud compute disks delete pvc-1 --zone {REGION}-a --project {PROJECT}`"


def test_networks_are_found_by_their_names_and_gkes_rules_by_their_network(api: Answers) -> None:
    network = link("global/networks/biojobs-dev")
    api.given["GET aggregated/routers"] = items("routers", "biojobs-dev", zone=f"regions/{REGION}")
    api.given["GET aggregated/subnetworks"] = items("subnetworks", "biojobs-dev", zone=f"regions/{REGION}")
    api.given["GET global/networks"] = {"items": [{"name": "biojobs-dev", "selfLink": network}]}
    api.given["GET global/firewalls"] = {
        "items": [
            {"name": name, "network": at, "selfLink": link(f"global/firewalls/{name}")}
            for name, at in (
                ("gke-biojobs-dev-1a2b-all", link("global/networks/default")),
                ("k8s-something", network),
                ("gke-biojobs-prod-1a2b-all", link("global/networks/biojobs-prod")),
                ("default-allow-ssh", link("global/networks/default")),
            )
        ]
    }
    found = fates()
    assert found == {
        "compute routers biojobs-dev": "paid",
        "compute subnetworks biojobs-dev": "free",
        "compute networks biojobs-dev": "free",
        "compute firewalls gke-biojobs-dev-1a2b-all": "free",
        "compute firewalls k8s-something": "free",
    }
    text = "\n".join(report(look(), "dev", PROJECT))
    assert f"`gcloud compute networks subnets delete biojobs-dev --region {REGION} --project {PROJECT}`" in text
    assert f"`gcloud compute networks delete biojobs-dev --project {PROJECT}`" in text
    assert text.index("paid for:") < text.index("in the way of the next")


def test_buckets_are_kept_on_purpose_and_another_stacks_left_alone(api: Answers) -> None:
    api.given["GET storage/v1/b"] = {
        "items": [
            {"name": BUCKET, "labels": OURS},
            {"name": "biojobs-dev-2-reads", "labels": OTHERS},
            {"name": "biojobs-dev-x"},
        ]
    }
    found = look()
    assert {left.id: left.fate for left in found.left} == {BUCKET: "kept", "biojobs-dev-x": "kept"}
    assert found.unexpected == ()
    assert next(report(found, "dev", PROJECT)).startswith("kept on purpose (data in buckets")
    assert api.of("storage/v1/b")[0].query == {"project": PROJECT, "prefix": "biojobs-dev-"}


def test_repositories_are_found_by_their_labels(api: Answers) -> None:
    name = f"{PLACE}/repositories"
    api.given["GET repositories"] = {
        "repositories": [
            {"name": f"{name}/biojobs-dev", "labels": OURS},
            {"name": f"{name}/biojobs-dev-2", "labels": OTHERS},
            {"name": f"{name}/mine"},
        ]
    }
    assert fates() == {"artifactregistry repositories biojobs-dev": "paid"}


def keys(state: str | None) -> Mapping[str, Any]:
    primary = {"primary": {"state": state}} if state else {}
    return {"cryptoKeys": [{"name": f"{RING}/cryptoKeys/dev-key-1", "labels": OURS, **primary}]}


def test_a_key_is_left_while_it_can_be_used_and_its_name_stays_for_ever(api: Answers) -> None:
    api.given["GET keyRings"] = {"keyRings": [{"name": RING}, {"name": f"{PLACE}/keyRings/biojobs-state"}]}
    for state, fate in (("ENABLED", "paid"), ("DISABLED", "paid"), ("DESTROY_SCHEDULED", "going")):
        api.given["GET cryptoKeys"] = keys(state)
        assert fates() == {"cloudkms cryptoKeys dev-key-1": fate}
    for state in ("DESTROYED", None):
        api.given["GET cryptoKeys"] = keys(state)
        assert fates() == {}
    api.given["GET cryptoKeys"] = keys("ENABLED")
    (left,) = look().left
    assert left.remedy == (
        "`gcloud kms keys versions destroy 1 --key dev-key-1 --keyring dev-key-ring-1a2b3c4 "
        f"--location {REGION} --project {PROJECT}`"
    )


def test_service_accounts_are_found_by_their_names(api: Answers) -> None:
    mail = f"@{PROJECT}.iam.gserviceaccount.com"
    api.given[f"GET v1/projects/{PROJECT}/serviceAccounts"] = {
        "accounts": [{"email": f"{name}{mail}"} for name in ("biojobs-dev-nodes", "biojobs-prod-nodes", "somebody")]
    }
    assert fates() == {f"iam serviceAccounts biojobs-dev-nodes{mail}": "free"}


def test_log_buckets_are_kept_when_the_settings_say_so_and_go_a_week_after_their_deletion(api: Answers) -> None:
    def bucket(state: str) -> Mapping[str, Any]:
        names = ("_Default", "biojobs-dev-logs-1a2b", "biojobs-dev-2-logs-1a2b")
        return {"buckets": [{"name": f"{PLACE}/buckets/{name}", "lifecycleState": state} for name in names]}

    api.given[f"GET v2/{PLACE}/buckets"] = bucket("ACTIVE")
    assert fates() == {"logging buckets biojobs-dev-logs-1a2b": "paid"}
    assert [left.fate for left in look(keep_logs=True).left] == ["kept"]
    api.given[f"GET v2/{PLACE}/buckets"] = bucket("DELETE_REQUESTED")
    assert fates() == {"logging buckets biojobs-dev-logs-1a2b": "going"}


def test_what_routes_logs_and_watches_them_is_found_by_its_name(api: Answers) -> None:
    named = [{"name": "biojobs-dev-logs"}, {"name": "_Default"}, {"name": "biojobs-dev-2-logs"}]
    api.given["GET sinks"] = {"sinks": named}
    api.given["GET exclusions"] = {"exclusions": named}
    api.given["GET metrics"] = {"metrics": [{"name": "dev-telemetry-failed-runs-1a"}, {"name": "other"}]}
    api.given["GET alertPolicies"] = {
        "alertPolicies": [
            {"name": f"projects/{PROJECT}/alertPolicies/1", "displayName": "biojobs-dev-failed-runs"},
            {"name": f"projects/{PROJECT}/alertPolicies/2", "displayName": "biojobs-prod-failed-runs"},
        ]
    }
    api.given["GET dashboards"] = {"dashboards": [{"name": "projects/1/dashboards/3", "displayName": "biojobs-dev"}]}
    assert fates() == {
        "logging sinks biojobs-dev-logs": "free",
        "logging exclusions biojobs-dev-logs": "free",
        "logging metrics dev-telemetry-failed-runs-1a": "free",
        "monitoring alertPolicies 1": "paid",
        "monitoring dashboards 3": "free",
    }


# What cannot be seen.


@pytest.mark.parametrize("refused", [DENIED, OFF])
def test_what_may_not_be_looked_for_is_told_once_and_the_rest_is_found(api: Answers, refused: Refused) -> None:
    for end in ("aggregated/instances", "aggregated/routers"):
        api.given[f"GET {end}"] = refused
    api.given["GET storage/v1/b"] = {"items": [{"name": BUCKET, "labels": OURS}]}
    found = look()
    assert [left.id for left in found.left] == [BUCKET]
    assert len(found.unchecked) == (2 if refused is DENIED else 1)


def test_an_error_of_google_is_not_taken_for_nothing_left(api: Answers) -> None:
    api.given["GET keyRings"] = Refused(500, "", "Internal error")
    with pytest.raises(AccountError, match="Internal error"):
        look()


def test_every_page_is_read(api: Answers) -> None:
    def pages(asked: Asked) -> Mapping[str, Any]:
        number = int(asked.query.get("pageToken", 0))
        name = f"{PLACE}/repositories/biojobs-dev-{number}"
        more = {"nextPageToken": str(number + 1)} if number < 2 else {}
        return {"repositories": [{"name": name, "labels": OURS}], **more}

    api.given["GET repositories"] = pages
    assert [left.id for left in look().left] == ["biojobs-dev-0", "biojobs-dev-1", "biojobs-dev-2"]


# The command.


def test_the_command_fails_when_something_unexpected_is_left(api: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--project", PROJECT, "--region", REGION]
    assert main(["dev", *where]) == 0
    assert capsys.readouterr().out == f"nothing unexpected of dev is left in {PROJECT}\n"
    api.given["GET sinks"] = {"sinks": [{"name": "biojobs-dev-logs"}]}
    assert main(["dev", *where]) == 1
    assert "logging sinks" in capsys.readouterr().out
    api.given["GET sinks"] = DENIED
    assert main(["dev", *where]) == 2
    assert "as far as could be seen" in capsys.readouterr().out


def test_the_command_reads_project_region_and_kept_logs_from_the_stack(
    monkeypatch: pytest.MonkeyPatch, api: Answers
) -> None:
    asked: list[tuple[str, str, bool]] = []

    def remember(account: Account, stack: str, *, keep_logs: bool) -> Audit:
        asked.append((account.project, account.region, keep_logs))
        return Audit((), ())

    api.given["GET v3/projects/your-project-id"] = {"name": "projects/1"}
    monkeypatch.setattr("components.gcp.audit.audit", remember)
    assert main(["gcp"]) == 0
    assert asked == [("your-project-id", REGION, False)]


def test_a_name_says_what_it_is_of() -> None:
    left = Left(f"//logging.googleapis.com/{PLACE}/buckets/b", "paid")
    assert (left.kind, left.id) == (("logging", "buckets"), "b")
    assert left.command == f"gcloud logging buckets delete b --location {REGION} --project {PROJECT}"
