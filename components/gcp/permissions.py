"""What somebody needs in Google Cloud to run this program, as custom roles; and by which a CI may preview it.

    python -m components.gcp.permissions                             all roles: docs/gcp-permissions.json
    python -m components.gcp.permissions deploy                      one of them, as `gcloud iam roles create` takes it
    python -m components.gcp.permissions buckets --stack gcp --condition  what it is limited to, when it is given
    python -m components.gcp.permissions trust --repository OWNER/NAME --repository-id 456789

Conditions confine buckets, objects and keys to names of the stack, and the roles that are given on the project to those
that the program gives. The rest holds for the whole project: whoever has these roles can act as any service account of
it, so give the stack a project of its own. Two of Google's own roles come beside them: `KUBERNETES` on the project, and
for a budget `BILLING` on the billing account.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.gcp.actions import ACTIONS, AUDIT, GRANTED, IMAGES, PROGRAM, STATE
from components.permissions import needed

_READS: Final = re.compile(r"\.(get|getIamPolicy|list)$")
_SECRETS: Final = "cloudkms.cryptoKeyVersions.useToDecrypt"
_QUOTA: Final = "serviceusage.services.use"
"""What every call takes that names the project as the one whose quota it uses."""
_GIVE: Final = "resourcemanager.projects.setIamPolicy"
_ON_BUCKETS: Final = re.compile(r"storage\.(buckets\.(?!create$|list$)|managedFolders\.)")
_ON_OBJECTS: Final = re.compile(r"storage\.objects\.")
_ON_KEYS: Final = re.compile(r"cloudkms\.(?!keyRings\.(create|list)$)")
_ON_BILLING: Final = re.compile(r"billing\.")

_BUCKETS: Final = "projects/_/buckets/"
_STATE_BUCKETS: Final = f"{_BUCKETS}biojobs-state-"
_STATE_RING: Final = "biojobs-state"

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_BRANCHES: Final = (
    "(assertion.ref == 'refs/heads/main' || assertion.ref.startsWith('refs/heads/preview/'))"
    " && assertion.environment == 'preview'"
)


@dataclass(frozen=True)
class Role:
    """A custom role: what it is for, its permissions, and the condition in CEL under which it is given, if any."""

    purpose: str
    permissions: tuple[str, ...]
    condition: str = ""

    def document(self, name: str) -> dict[str, Any]:
        """The role as `gcloud iam roles create --file` takes it."""
        return {
            "title": f"biojobs {name}",
            "description": self.purpose,
            "stage": "GA",
            "includedPermissions": list(self.permissions),
        }

    def given(self, name: str) -> dict[str, str]:
        """The condition as `gcloud projects add-iam-policy-binding --condition-from-file` takes it."""
        return {"title": f"biojobs {name}", "expression": self.condition} if self.condition else {}


def roles(stack: str, given: Sequence[str] = ()) -> dict[str, Role]:
    """The roles for `preview`, `up`, `refresh` and `destroy`, by name; all of them are needed.

    `*` is every stack; `given` are buckets that the settings name.
    """
    everything = needed(ACTIONS, (*PROGRAM, *AUDIT, *IMAGES))
    kinds = (_ON_BUCKETS, _ON_OBJECTS, _ON_KEYS, _ON_BILLING)
    deploy = [each for each in everything if each != _GIVE and not any(kind.match(each) for kind in kinds)]
    of_buckets = [each for each in everything if _ON_BUCKETS.match(each)]
    writes = [each for each in everything if _ON_OBJECTS.match(each) and not is_read(each)]
    of_keys = [each for each in everything if _ON_KEYS.match(each)]
    return {
        "deploy": Role("What is not confined to names of the stack.", tuple(deploy)),
        "buckets": Role(
            "The stack's buckets, and who may use them.", tuple(of_buckets), _named(_buckets(stack), given)
        ),
        "inputs": _inputs(stack, given),
        "uploads": Role("Reads that lie beside the sheet.", tuple(writes), _named([_bucket(stack, "reads")])),
        "keys": Role("The stack's key.", tuple(of_keys), _ring(stack)),
        "grants": Role("The role of the cluster's nodes.", (_GIVE,), _only(GRANTED)),
        "state": Role("Pulumi's state and its secrets.", tuple(sorted(set(STATE))), _state()),
    }


def preview_roles(stack: str, given: Sequence[str] = ()) -> dict[str, Role]:
    """What `pulumi preview` of a stack takes: reading, of data the inputs, the state with its secrets. See `roles`."""
    seen = [each for each in needed(ACTIONS, PROGRAM) if is_read(each) and not _ON_OBJECTS.match(each)]
    seen = [each for each in seen if not _ON_BILLING.match(each)]
    state = [each for each in sorted(set(STATE)) if is_read(each) or each == _SECRETS]
    return {
        "preview": Role("Looks at everything and changes nothing.", tuple(sorted([*seen, _QUOTA]))),
        "inputs": _inputs(stack, given),
        "preview_state": Role("Reads Pulumi's state and its secrets.", tuple(state), _state()),
    }


def preview_trust(repository: str, repository_id: str) -> str:
    """Lets GitHub's tokens for the environment `preview` of one repository in, of the branches that docs/ci.md names.

    It is the attribute condition of a workload identity provider. The number tells the repository from one of the same
    name that comes after it. Raises ValueError for what is no repository.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"repository {repository!r}: write OWNER/NAME in full, without wildcards")
    if not re.fullmatch(r"\d+", repository_id):
        raise ValueError(
            f"repository-id {repository_id!r}: write the number that `gh api repos/{repository} --jq .id` tells"
        )
    whose = f"assertion.repository == '{repository}' && assertion.repository_id == '{repository_id}'"
    return f"{whose} && {_BRANCHES}"


def is_read(permission: str) -> bool:
    """Whether a permission changes nothing and shows no data but an object's, by its name."""
    return bool(_READS.search(permission))


def _inputs(stack: str, given: Sequence[str]) -> Role:
    names = [_bucket(stack, "reads"), _bucket(stack, "reference")]
    return Role("Finds reads and references.", ("storage.objects.get", "storage.objects.list"), _named(names, given))


def _bucket(stack: str, role: str) -> str:
    """What names of a role's bucket begin with, or for every stack, what those of all begin with."""
    return f"{_BUCKETS}biojobs-{stack}-{role}-" if stack != "*" else f"{_BUCKETS}biojobs-"


def _buckets(stack: str) -> list[str]:
    return [_bucket(stack, role) for role in ("reads", "reference", "results")]


def _named(prefixes: Sequence[str], given: Sequence[str] = ()) -> str:
    """Any prefix or whole name will do. Names of other stacks may begin alike: that of a bucket's role must follow."""
    begins = [f"resource.name.startsWith('{prefix}')" for prefix in dict.fromkeys(prefixes)]
    whole = [f"resource.name == '{_BUCKETS}{name}' || resource.name.startsWith('{_BUCKETS}{name}/')" for name in given]
    return " || ".join([*begins, *whole])


def _ring(stack: str) -> str:
    """Pulumi makes up the end of a ring's name (`components/gcp/key.py`)."""
    found = "resource.name.extract('/keyRings/{stack}-key-ring-')"
    return f"{found} != ''" if stack == "*" else f"{found} == '{stack}'"


def _state() -> str:
    ring = "resource.name.extract('/keyRings/{ring}/')"
    return f"{_named([_STATE_BUCKETS])} || {ring} == '{_STATE_RING}'"


def _only(granted: Sequence[str]) -> str:
    names = ", ".join(f"'{role}'" for role in granted)
    return f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{names}])"


def documents(made: Mapping[str, Role]) -> dict[str, Any]:
    """Roles with their conditions, as docs/gcp-permissions.json has them."""
    return {
        name: {**role.document(name), **({"condition": role.given(name)} if role.condition else {})}
        for name, role in made.items()
    }


def _parser() -> argparse.ArgumentParser:
    names = dict.fromkeys([*roles("*"), *preview_roles("*")])
    parser = argparse.ArgumentParser(
        prog="python -m components.gcp.permissions", description="Custom roles for Google Cloud, as JSON."
    )
    parser.add_argument("role", nargs="?", default="all", choices=["all", *names, "trust"])
    parser.add_argument("--stack", default="*", help="stack that conditions are limited to")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket that the settings name; repeatable")
    parser.add_argument("--condition", action="store_true", help="print the condition of the role instead")
    parser.add_argument("--repository", default="", help="for `trust`: OWNER/NAME on GitHub")
    parser.add_argument("--repository-id", default="", help="for `trust`: the repository's number on GitHub")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Prints what is asked for: JSON, or for `trust` a condition in CEL."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    made = {**preview_roles(asked.stack, asked.bucket), **roles(asked.stack, asked.bucket)}
    if asked.role == "trust":
        try:
            print(preview_trust(asked.repository, asked.repository_id))
        except ValueError as error:
            parser.error(str(error))
    elif asked.role == "all":
        print(json.dumps(documents(roles(asked.stack, asked.bucket)), indent=2))
    elif asked.condition:
        if not made[asked.role].condition:
            parser.error(f"{asked.role} has no condition; give it with --condition=None")
        print(json.dumps(made[asked.role].given(asked.role), indent=2))
    else:
        print(json.dumps(made[asked.role].document(asked.role), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
