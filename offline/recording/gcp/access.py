"""Who may be given a role, and who has one on a key."""

from __future__ import annotations

import re

from offline.recording.gcp.place import Place, agent, storage_agent
from offline.recording.strict.cloud import Problems
from offline.recording.strict.kind import Kind
from offline.recording.strict.world import World
from offline.values import Map

ENCRYPTS = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_POOL = re.compile(
    r"principal(?:Set)?://iam\.googleapis\.com/projects/([^/]+)/locations/global/workloadIdentityPools/([^/]+)/"
)


def check_member(kind: Kind, state: Map, world: World, place: Place) -> Problems:
    """A principal that does not exist, and a custom role that does not."""
    if "member" not in kind.replace:
        return
    role, member = str(state["role"]), str(state["member"])
    if role.startswith("projects/") and world.offering("role.id", role) is None:
        yield "role", f"{role}: there is no such role"
    if reason := _missing(member, world, place):
        yield "member", f"{member}: {reason}"


def _missing(member: str, world: World, place: Place) -> str:
    name = member.partition(":")[2]
    if found := _POOL.match(member):
        owner, pool = found.groups()
        if owner != place.number:
            return f"is of project {owner}, by number, and this is {place.number}"
        ours = pool == place.pool and _has_pool(world)
        return "" if ours or world.offering("identity-pool", pool) else "Identity Pool does not exist"
    if not member.startswith("serviceAccount:"):
        return ""
    if ".svc.id.goog[" in name:
        ours = name.partition("[")[0] == place.pool and _has_pool(world)
        return "" if ours else "Identity Pool does not exist: it comes with the project's first cluster that has one"
    if name.startswith(f"service-{place.number}@"):
        return "" if _has_agent(name, world, place) else "Service account does not exist: ServiceIdentity makes it"
    if name.endswith(f"@{place.project}.iam.gserviceaccount.com"):
        return "" if world.offering("account.email", name) else "Service account does not exist"
    return ""


def _has_pool(world: World) -> bool:
    return any(
        thing.state.get("enableAutopilot") or thing.state.get("workloadIdentityConfig")
        for thing in world.things("cluster")
    )


def _has_agent(email: str, world: World, place: Place) -> bool:
    made = {str(thing.state.get("email")) for thing in world.things("service-agent")}
    asked = world.content.get("asked", [])
    return email in made or (email == storage_agent(place) and email in asked)


def check_encrypts(key: str, path: str, service: str, world: World, place: Place) -> Problems:
    """A key that the service's own account may not use."""
    email = storage_agent(place) if service == "storage" else agent(place, service)
    if not may_encrypt(key, email, world):
        yield path, f"Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied for {email} on {key}"


def may_encrypt(key: str, email: str, world: World) -> bool:
    """Whether an account may encrypt with a key."""
    return any(
        thing.state["cryptoKeyId"] == key
        and thing.state["role"] == ENCRYPTS
        and thing.state["member"] == f"serviceAccount:{email}"
        for thing in world.things("key-member")
    )
