"""The roles for whoever runs the program: enough for all that it makes, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi_gcp as gcp
import pytest

from components.gcp import backend, permissions
from components.gcp.account import Account
from components.gcp.actions import ACTIONS, AUDIT, BILLING, GRANTED, IMAGES, PROGRAM, STATE
from components.gcp.identity import NodeAccount
from components.gcp.key import Key
from components.gcp.permissions import Role, preview_roles, preview_trust, roles
from components.gcp.services import Services
from tests import cel
from tests.components.gcp.conftest import NUMBER, PROJECT, REGION, STACK, GcpRecorder, MakeScope
from tests.components.tokens import made_by

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "components" / "gcp").glob("*.py"))
ALL = roles(STACK)
PREVIEW = preview_roles(STACK)
MOST_BYTES = 64 * 1024
"""Of a role's title, description and permissions."""

BUCKETS = "projects/_/buckets"
RINGS = f"projects/{PROJECT}/locations/europe-west4/keyRings"
KEY = "cryptoKeys/k/cryptoKeyVersions/1"


def granted(made: Mapping[str, Role]) -> set[str]:
    return {permission for role in made.values() for permission in role.permissions}


def allows(made: Mapping[str, Role], permission: str, name: str = "", given: tuple[str, ...] = ()) -> bool:
    """Whether a role has the permission and its condition holds for a resource; `given` are roles that are granted."""
    request = {"resource": {"name": name}, "api": {"iam.googleapis.com/modifiedGrantsByRole": list(given)}}
    fitting = [role for role in made.values() if permission in role.permissions]
    return any(not role.condition or cel.holds(role.condition, request) for role in fitting)


def test_the_file_in_docs_is_what_the_program_writes(capsys: pytest.CaptureFixture[str]) -> None:
    permissions.main([])
    file = ROOT / "docs" / "gcp-permissions.json"
    assert file.read_text() == capsys.readouterr().out, f"run `python -m components.gcp.permissions > docs/{file.name}`"


def test_all_that_the_program_makes_has_its_permissions() -> None:
    made = made_by(SOURCES, "gcp", gcp)
    assert made - set(ACTIONS) == set(), "add them to components/gcp/actions.py"
    assert set(ACTIONS) - made == set(), "nothing makes them any more"


def test_every_permission_is_given_but_what_only_a_billing_account_gives() -> None:
    wanted = {name for names in ACTIONS.values() for name in names} | {*PROGRAM, *AUDIT, *IMAGES, *STATE}
    elsewhere = wanted - granted(ALL)
    assert elsewhere == set(ACTIONS["gcp:billing/budget:Budget"])
    assert granted(ALL) <= wanted
    assert BILLING.startswith("roles/billing.")


def test_permissions_are_spelt_in_full_and_can_be_in_a_role_of_a_project() -> None:
    for permission in granted(ALL) | granted(PREVIEW):
        assert re.fullmatch(r"[a-z]+(\.[A-Za-z]+){2}", permission), permission
    for name, role in {**ALL, **PREVIEW}.items():
        assert len(json.dumps(role.document(name))) < MOST_BYTES
        assert re.fullmatch(r"[a-zA-Z0-9_.]{3,64}", f"biojobs_{name}")


@pytest.mark.parametrize(
    ("permission", "name", "allowed"),
    [
        ("container.clusters.create", "", True),
        ("compute.networks.delete", "", True),
        ("compute.instances.delete", "", False),
        ("iam.serviceAccounts.actAs", "", True),
        ("iam.serviceAccountKeys.create", "", False),
        ("iam.roles.update", "", False),
        ("serviceusage.services.enable", "", True),
        ("serviceusage.services.disable", "", False),
        ("storage.buckets.create", "", True),
        ("storage.buckets.delete", f"{BUCKETS}/biojobs-dev-results-1", False),
        ("storage.buckets.setIamPolicy", f"{BUCKETS}/biojobs-dev-results-1", True),
        ("storage.buckets.setIamPolicy", f"{BUCKETS}/biojobs-prod-results-1", False),
        ("storage.buckets.setIamPolicy", f"{BUCKETS}/biojobs-state-1", False),
        ("storage.buckets.update", f"{BUCKETS}/biojobs-dev-2-results-1", False),
        ("storage.managedFolders.setIamPolicy", f"{BUCKETS}/biojobs-dev-results-1/managedFolders/.logs/", True),
        ("storage.objects.get", f"{BUCKETS}/biojobs-dev-reference-1/objects/x.fa", True),
        ("storage.objects.get", f"{BUCKETS}/biojobs-dev-results-1/objects/x.bam", False),
        ("storage.objects.create", f"{BUCKETS}/biojobs-dev-reads-1/objects/x.fq.gz", True),
        ("storage.objects.create", f"{BUCKETS}/biojobs-dev-results-1/objects/x.bam", False),
        ("storage.objects.delete", f"{BUCKETS}/biojobs-state-1/objects/.pulumi/locks/x", True),
        ("storage.objects.delete", f"{BUCKETS}/biojobs-prod-reads-1/objects/x", False),
        ("cloudkms.keyRings.create", "", True),
        ("cloudkms.keyRings.list", "", True),
        ("cloudkms.cryptoKeys.setIamPolicy", f"{RINGS}/dev-key-ring-1a2b3c4/cryptoKeys/k", True),
        ("cloudkms.cryptoKeys.setIamPolicy", f"{RINGS}/prod-key-ring-1a2b3c4/cryptoKeys/k", False),
        ("cloudkms.cryptoKeyVersions.destroy", f"{RINGS}/{backend.NAME}/{KEY}", False),
        ("cloudkms.cryptoKeyVersions.useToDecrypt", f"{RINGS}/{backend.NAME}/{KEY}", True),
        ("cloudkms.cryptoKeyVersions.useToDecrypt", f"{RINGS}/dev-key-ring-1a2b3c4/{KEY}", False),
        ("artifactregistry.repositories.uploadArtifacts", "", True),
        ("logging.buckets.create", "", True),
        ("logging.logEntries.list", "", False),
        ("billing.budgets.create", "", False),
    ],
)
def test_the_program_may_touch_what_is_the_stack_s_own_where_google_can_tell(
    permission: str, name: str, allowed: bool
) -> None:
    assert allows(ALL, permission, name) is allowed


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (GRANTED, True),
        (("roles/owner",), False),
        ((*GRANTED, "roles/editor"), False),
        (("roles/iam.serviceAccountTokenCreator",), False),
    ],
)
def test_only_roles_that_the_program_gives_can_be_given_on_the_project(given: tuple[str, ...], allowed: bool) -> None:
    assert allows(ALL, "resourcemanager.projects.setIamPolicy", given=given) is allowed


def test_the_roles_on_the_project_that_the_program_gives_are_those_that_can_be_given(
    gcp_mock: GcpRecorder, scope: MakeScope
) -> None:
    files = [file.name for file in SOURCES if "gcp.projects.IAMMember(" in file.read_text()]
    assert files == ["identity.py"], "build here what else gives roles on the project"

    def make() -> None:
        made = scope()
        NodeAccount("dev-nodes", made, Services("dev-services", made))

    gcp_mock.build(make)
    assert {grant["role"] for grant in gcp_mock.of("IAMMember").values()} == set(GRANTED)


def test_the_key_s_permissions_are_for_the_ring_that_the_program_makes(gcp_mock: GcpRecorder, scope: MakeScope) -> None:
    def make() -> None:
        made = scope()
        Key(f"{STACK}-key", made, Services("dev-services", made))

    gcp_mock.build(make)
    ((name, ring),) = gcp_mock.of("KeyRing").items()
    assert "name" not in ring, "Pulumi makes up the end"
    assert allows(ALL, "cloudkms.keyRings.get", f"{RINGS}/{name}-1a2b3c4")


def test_a_bucket_that_the_settings_name_is_read_and_granted_and_none_whose_name_begins_alike() -> None:
    with_own = roles(STACK, ["lab-reads"])
    for permission, place in (
        ("storage.objects.get", "lab-reads/objects/x.fq.gz"),
        ("storage.buckets.setIamPolicy", "lab-reads"),
        ("storage.objects.get", "biojobs-dev-reads-1/objects/x.fq.gz"),
    ):
        assert allows(with_own, permission, f"{BUCKETS}/{place}")
    assert not allows(with_own, "storage.objects.get", f"{BUCKETS}/lab-reads-2/objects/x")
    assert not allows(with_own, "storage.objects.create", f"{BUCKETS}/lab-reads/objects/x")
    assert not allows(ALL, "storage.buckets.setIamPolicy", f"{BUCKETS}/lab-reads")


def test_pulumi_s_state_can_be_read_and_written_where_the_backend_keeps_it() -> None:
    account = Account(PROJECT, NUMBER, REGION, "me", cast(Any, None))
    file = f"{BUCKETS}/{backend.bucket_name(account)}/objects/.pulumi/stacks/biojobs/dev.json"
    secret = f"{RINGS}/{backend.NAME}/cryptoKeys/{backend.NAME}/cryptoKeyVersions/1"
    assert allows(ALL, "storage.objects.update", file)
    assert not allows(PREVIEW, "storage.objects.update", file)
    for made in (ALL, PREVIEW):
        assert allows(made, "storage.objects.get", file)
        assert allows(made, "cloudkms.cryptoKeyVersions.useToDecrypt", secret)


def test_for_every_stack_the_names_of_all_stacks_will_do() -> None:
    every = roles("*")
    for stack in ("dev", "prod"):
        assert allows(every, "storage.buckets.update", f"{BUCKETS}/biojobs-{stack}-reads-1")
        assert allows(every, "cloudkms.cryptoKeys.update", f"{RINGS}/{stack}-key-ring-1/cryptoKeys/k")
    assert not allows(every, "storage.buckets.update", f"{BUCKETS}/company")
    assert not allows(every, "cloudkms.cryptoKeys.update", f"{RINGS}/company/cryptoKeys/k")


def test_a_preview_reads_and_changes_nothing() -> None:
    reads = {permission for permission in granted(PREVIEW) if permissions.is_read(permission)}
    assert granted(PREVIEW) - reads == {"cloudkms.cryptoKeyVersions.useToDecrypt", "serviceusage.services.use"}
    looks = {name for names in ACTIONS.values() for name in names if permissions.is_read(name)}
    assert looks - granted(PREVIEW) == {"billing.budgets.get", "billing.budgets.list"}


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("biojobs-dev-reads-1/objects/x.fq.gz", True),
        ("biojobs-state-1/objects/.pulumi/stacks/biojobs/dev.json", True),
        ("biojobs-dev-results-1/objects/S1/S1.bam", False),
        ("biojobs-prod-reads-1/objects/x.fq.gz", False),
    ],
)
def test_a_preview_sees_state_and_inputs_and_no_results(name: str, allowed: bool) -> None:
    assert allows(PREVIEW, "storage.objects.get", f"{BUCKETS}/{name}") is allowed


TRUSTED = {
    "repository": "octo-org/genomes",
    "repository_id": "456789",
    "ref": "refs/heads/main",
    "environment": "preview",
}


@pytest.mark.parametrize(
    ("changed", "trusted"),
    [
        ({}, True),
        ({"ref": "refs/heads/preview/x"}, True),
        ({"ref": "refs/heads/preview-x"}, False),
        ({"ref": "refs/heads/feature"}, False),
        ({"ref": "refs/pull/1/merge"}, False),
        ({"ref": "refs/tags/main"}, False),
        ({"repository": "octo-org/genomes-2"}, False),
        ({"repository_id": "1"}, False),
        ({"environment": "production"}, False),
    ],
)
def test_the_preview_trusts_one_repository_its_branches_and_its_environment(
    changed: dict[str, str], trusted: bool
) -> None:
    condition = preview_trust("octo-org/genomes", "456789")
    assert cel.holds(condition, {"assertion": {**TRUSTED, **changed}}) is trusted


def test_a_token_of_no_environment_is_not_trusted() -> None:
    claims = {name: value for name, value in TRUSTED.items() if name != "environment"}
    assert not cel.holds(preview_trust("octo-org/genomes", "456789"), {"assertion": claims})


@pytest.mark.parametrize(
    ("repository", "number", "said"),
    [
        ("octo-org/*", "456789", "OWNER/NAME"),
        ("octo-org", "456789", "OWNER/NAME"),
        ("octo-org/x' || 'a' == 'a", "456789", "OWNER/NAME"),
        ("octo-org/genomes", "", "gh api repos/octo-org/genomes"),
        ("octo-org/genomes", "12x", "gh api repos/octo-org/genomes"),
    ],
)
def test_what_is_no_repository_is_refused_with_a_remedy(repository: str, number: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        preview_trust(repository, number)


def test_a_role_and_its_condition_can_be_had_for_one_stack(capsys: pytest.CaptureFixture[str]) -> None:
    permissions.main(["keys", "--stack", STACK])
    assert set(json.loads(capsys.readouterr().out)) == {"title", "description", "stage", "includedPermissions"}
    permissions.main(["keys", "--stack", STACK, "--condition"])
    assert json.loads(capsys.readouterr().out)["expression"] == ALL["keys"].condition
    permissions.main(["inputs", "--bucket", "lab-reads", "--condition"])
    assert "buckets/lab-reads/" in json.loads(capsys.readouterr().out)["expression"]
    permissions.main(["preview"])
    assert "container.clusters.get" in json.loads(capsys.readouterr().out)["includedPermissions"]
    permissions.main(["trust", "--repository", "octo-org/genomes", "--repository-id", "456789"])
    assert capsys.readouterr().out.strip() == preview_trust("octo-org/genomes", "456789")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deploy", "--condition"], "has no condition; give it with --condition=None"),
        (["trust", "--repository", "octo-org"], "write OWNER/NAME"),
        (["owner"], "invalid choice"),
    ],
)
def test_what_cannot_be_had_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        permissions.main(arguments)
    assert said in capsys.readouterr().err
