"""The state's backend in Google Cloud: made once, safe to make again, and never in somebody else's bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.accounts import AccountError
from components.gcp import backend
from components.gcp.backend import bucket_settings, main, make, mending
from tests.components.gcp.answers import DENIED, WHO, Answers, Asked, Refused, account_of, answering
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION

BUCKET = f"biojobs-state-{NUMBER}-{REGION}"
PLACE = f"projects/{PROJECT}/locations/{REGION}"
RING = f"{PLACE}/keyRings/biojobs-state"
KEY = f"{RING}/cryptoKeys/biojobs-state"
STORAGE, KMS = "storage.googleapis.com", "cloudkms.googleapis.com"


@dataclass
class Project:
    """A project that remembers what it is told."""

    apis: set[str] = field(default_factory=set[str])
    rings: set[str] = field(default_factory=set[str])
    keys: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    writes: list[str] = field(default_factory=list[str])
    interrupted: str = ""
    """The write at which the command is interrupted."""

    def answer(self, asked: Asked) -> Mapping[str, Any] | Refused:
        """What the APIs answer."""
        if asked.method != "GET":
            write = f"{asked.method} {asked.url.partition('googleapis.com/')[2]}"
            if self.interrupted and self.interrupted in write:
                raise KeyboardInterrupt
            self.writes.append(write)
        for part, answers in (("/services/", self._service), ("/keyRings", self._kms), ("/storage/v1/b", self._bucket)):
            if part in asked.url:
                return answers(asked)
        return Refused(400, "", f"unexpected {asked}")

    def _service(self, asked: Asked) -> Mapping[str, Any]:
        name = asked.url.rpartition("/")[2].partition(":")[0]
        if asked.method == "POST":
            self.apis.add(name)
            return {"name": "operations/1", "done": True}
        return {"state": "ENABLED" if name in self.apis else "DISABLED"}

    def _kms(self, asked: Asked) -> Mapping[str, Any] | Refused:
        if KMS not in self.apis:
            return Refused(403, "SERVICE_DISABLED")
        path = asked.url.partition("/v1/")[2]
        if asked.method == "GET":
            known = self.keys.get(path) if "/cryptoKeys/" in path else {"name": path} if path in self.rings else None
            return known or Refused(404)
        if path == f"{PLACE}/keyRings":
            self.rings.add(f"{path}/{asked.query['keyRingId']}")
            return {}
        if path == f"{RING}/cryptoKeys":
            primary = {"name": f"{KEY}/cryptoKeyVersions/1", "state": "ENABLED"}
            self.keys[KEY] = {"name": KEY, "primary": primary, **asked.body}
            return self.keys[KEY]
        if path == f"{KEY}/cryptoKeyVersions":
            return {"name": f"{KEY}/cryptoKeyVersions/2"}
        if path == f"{KEY}:updatePrimaryVersion":
            number = asked.body["cryptoKeyVersionId"]
            self.keys[KEY]["primary"] = {"name": f"{KEY}/cryptoKeyVersions/{number}", "state": "ENABLED"}
            return {}
        self.keys[KEY].update(asked.body)
        return self.keys[KEY]

    def _bucket(self, asked: Asked) -> Mapping[str, Any] | Refused:
        if asked.method == "POST":
            assert asked.query == {"project": PROJECT}
            made = {**asked.body, "projectNumber": NUMBER, "location": asked.body["location"].upper()}
            return self.buckets.setdefault(asked.body["name"], made)
        name = asked.url.rpartition("/")[2]
        if name not in self.buckets:
            return Refused(404, "notFound", old=True)
        if asked.method == "PATCH":
            self.buckets[name].update(asked.body)
        return self.buckets[name]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return answering(monkeypatch)


@pytest.fixture
def project(api: Answers) -> Project:
    made = Project()
    api.others = made.answer
    return made


def test_a_bucket_and_a_key_are_made_in_an_empty_project(project: Project) -> None:
    made = make(account_of())
    assert made.bucket == BUCKET
    assert made.url == f"gs://{BUCKET}"
    assert made.secrets_provider == f"gcpkms://{KEY}"
    assert project.apis == {KMS, STORAGE}
    assert list(project.keys) == [KEY]
    assert list(project.buckets) == [BUCKET]


def test_the_bucket_is_versioned_private_and_keeps_what_is_deleted(project: Project) -> None:
    make(account_of())
    told = project.buckets[BUCKET]
    assert told["location"] == REGION.upper()
    assert told["versioning"] == {"enabled": True}
    assert told["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    assert told["softDeletePolicy"] == {"retentionDurationSeconds": str(7 * 24 * 3600)}


def test_a_state_that_was_written_over_can_be_brought_back_for_a_while(project: Project) -> None:
    make(account_of())
    deletes = [rule for rule in project.buckets[BUCKET]["lifecycle"]["rule"] if rule["action"]["type"] == "Delete"]
    assert [rule["condition"] for rule in deletes] == [{"daysSinceNoncurrentTime": 90, "isLive": False}]


def test_the_key_is_rotated_and_encrypts(project: Project) -> None:
    make(account_of())
    key = project.keys[KEY]
    assert (key["purpose"], key["rotationPeriod"]) == ("ENCRYPT_DECRYPT", f"{90 * 86_400}s")
    assert key["nextRotationTime"].endswith("Z")


def test_made_again_nothing_changes(project: Project) -> None:
    assert make(account_of()).done
    project.writes.clear()
    assert make(account_of()).done == ()
    assert project.writes == []


STEPS = ["cloudkms.googleapis.com:enable", "storage.googleapis.com:enable", "/keyRings", "/cryptoKeys", "storage/v1/b"]


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_anywhere_the_next_try_completes_it(project: Project, step: str) -> None:
    project.interrupted = step
    with pytest.raises(KeyboardInterrupt):
        make(account_of())
    project.interrupted = ""
    make(account_of())
    assert (len(project.rings), len(project.keys), len(project.buckets)) == (1, 1, 1)
    assert make(account_of()).done == ()


def test_a_key_ring_of_an_earlier_backend_is_found_again(project: Project) -> None:
    project.apis |= {KMS, STORAGE}
    project.rings.add(RING)
    done = make(account_of()).done
    assert not [words for words in done if "key ring" in words]
    assert list(project.keys) == [KEY]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            "DESTROY_SCHEDULED",
            "is about to be destroyed, and all secrets of all stacks with it; stop that with",
        ),
        ("DISABLED", "is disabled, and no stack's secrets can be read; `gcloud kms keys versions enable 1 --key"),
    ],
)
def test_a_key_that_nobody_can_use_is_refused_with_the_way_back(project: Project, state: str, said: str) -> None:
    make(account_of())
    project.keys[KEY]["primary"]["state"] = state
    project.writes.clear()
    with pytest.raises(AccountError, match=said):
        make(account_of())
    assert project.writes == []


def test_a_key_that_was_destroyed_gets_a_new_version_since_its_name_cannot_be_had_again(project: Project) -> None:
    make(account_of())
    project.keys[KEY]["primary"]["state"] = "DESTROYED"
    assert make(account_of()).done == ("made version 2 of the key, whose earlier ones are destroyed",)
    assert project.keys[KEY]["primary"]["state"] == "ENABLED"
    del project.keys[KEY]["primary"]
    assert make(account_of()).done


def test_a_key_that_is_not_rotated_any_more_is_mended(project: Project) -> None:
    make(account_of())
    del project.keys[KEY]["rotationPeriod"]
    assert make(account_of()).done == ("turned its rotation on, every 90 days",)
    assert make(account_of()).done == ()


def test_what_was_opened_by_hand_is_closed_again_and_what_was_made_stricter_stays(project: Project) -> None:
    make(account_of())
    told = project.buckets[BUCKET]
    told["versioning"] = {"enabled": False}
    told["iamConfiguration"]["publicAccessPrevention"] = "inherited"
    told["softDeletePolicy"] = {"retentionDurationSeconds": "0"}
    del told["lifecycle"]
    done = make(account_of()).done
    assert len(done) == 4
    told["softDeletePolicy"] = {"retentionDurationSeconds": "7776000"}
    told["lifecycle"] = {"rule": [{"action": {"type": "Delete"}, "condition": {"numNewerVersions": 500}}]}
    assert make(account_of()).done == ()


@pytest.mark.parametrize("lock", ["uniformBucketLevelAccess", "publicAccessPrevention"])
def test_both_locks_of_a_bucket_are_needed(lock: str) -> None:
    wanted = bucket_settings(REGION)
    assert mending(wanted, wanted) == {}
    access = {key: value for key, value in wanted["iamConfiguration"].items() if key != lock}
    assert list(mending({**wanted, "iamConfiguration": access}, wanted)) == ["iamConfiguration"]


# Somebody else's.


@pytest.mark.parametrize(
    ("number", "place", "said"),
    [
        ("999", REGION.upper(), f"exists, and is not {PROJECT}'s or not yours to use"),
        (NUMBER, "US-EAST1", "is in us-east1; delete it there, or make the backend in us-east1"),
    ],
)
def test_a_bucket_of_somebody_else_or_elsewhere_is_refused_and_nothing_is_written(
    project: Project, number: str, place: str, said: str
) -> None:
    project.buckets[BUCKET] = {"projectNumber": number, "location": place}
    with pytest.raises(AccountError, match=said):
        make(account_of())
    assert not [write for write in project.writes if "storage/" in write]


def test_a_bucket_that_may_not_be_seen_or_is_taken_meanwhile_is_refused(api: Answers, project: Project) -> None:
    api.given[f"GET storage/v1/b/{BUCKET}"] = DENIED
    with pytest.raises(AccountError, match="nothing was written there"):
        make(account_of())
    api.given[f"GET storage/v1/b/{BUCKET}"] = Refused(404)
    api.given["POST storage/v1/b"] = Refused(409, "conflict", old=True)
    with pytest.raises(AccountError, match="nothing was written there"):
        make(account_of())


def test_whoever_may_not_make_it_is_told(api: Answers, project: Project) -> None:
    api.given[f"POST v1/projects/{NUMBER}/services/{KMS}:enable"] = DENIED
    with pytest.raises(AccountError, match=r"is denied \(Permission denied\); docs/gcp-permissions\.json"):
        make(account_of())


def test_an_api_that_takes_its_time_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, api: Answers, project: Project
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(backend.time, "sleep", waited.append)
    api.given[f"POST v1/projects/{NUMBER}/services/{KMS}:enable"] = {"name": "operations/7"}
    api.given["GET v1/operations/7"] = lambda _: {"name": "operations/7", "done": len(waited) > 1}
    with pytest.raises(AccountError, match="is not turned on"):
        make(account_of())  # the operation is done, and the project that answers does not know of it
    assert len(waited) == 2
    api.given["GET v1/operations/7"] = {"done": True, "error": {"message": "policy"}}
    with pytest.raises(AccountError, match="turning on an API: policy"):
        make(account_of())


# The command.


def test_the_command_prints_what_to_type_next(
    api: Answers, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    api.given["GET v3/projects/your-project-id"] = WHO
    ring = RING.replace(PROJECT, "your-project-id")
    own_key = f"{ring}/cryptoKeys/biojobs-state"
    project.rings.add(ring)
    project.keys[own_key] = {"primary": {"state": "ENABLED"}, "rotationPeriod": "1s"}
    project.buckets[BUCKET] = {"projectNumber": NUMBER, **bucket_settings(REGION)}
    assert main(["gcp"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"export PULUMI_BACKEND_URL='gs://{BUCKET}'",
        f"pulumi stack init gcp --secrets-provider='gcpkms://{own_key}'",
    ]
    assert "turned on cloudkms.googleapis.com" in err
    assert main(["gcp"]) == 0
    assert "everything is there already" in capsys.readouterr().err


def test_the_backend_belongs_to_no_stack(project: Project) -> None:
    make(account_of())
    assert project.buckets[BUCKET]["labels"] == project.keys[KEY]["labels"] == backend.LABELS
    assert "stack" not in backend.LABELS
