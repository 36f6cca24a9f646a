"""Buckets of the store on every cloud: their names, their roles, how long leftovers stay, and small files put into
them. What a bucket is made of is each cloud's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol, get_args

import pulumi

from components.inputs import reject
from settings import SettingsError
from settings_model import Model

Role = Literal["reads", "reference", "results"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

VERSIONED: Final = ("reference", "results")
"""Roles whose buckets keep what was overwritten or deleted: it took days and money to make."""
NONCURRENT_DAYS: Final = 30
"""Days that they keep it."""
ABORT_DAYS: Final = 7
"""Days after which the parts of an upload that was cut off go."""
LOGS_PREFIX: Final = ".logs"
"""Where Argo archives logs in the results; `components.argo.LOG_KEY` begins with it."""
KEPT: Final = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
"""Options of what outlives the stack."""

_LONGEST_NAME = 63
_LARGEST_UPLOAD = 2**30


@dataclass(frozen=True)
class Scheme:
    """How a cloud's object store is called: `s3` or `gs`, and the command that copies files into it."""

    scheme: str
    copy: str

    def uri(self, bucket: str, key: str = "") -> str:
        """URI of an object, or of a bucket with a slash at its end."""
        return f"{self.scheme}://{bucket}/{key}"


class BucketStore(pulumi.ComponentResource):
    """Buckets of reads, reference and results: the stack's own, or those that the settings name.

    The stack's own are protected and never deleted, with all that protects their content: they hold what took days and
    money to make. `pulumi destroy --exclude-protected` leaves them in the state, and the next `up` finds them there.
    Nothing is made or changed for a bucket that the settings name.

    `buckets` are names, known before anything is made; `ready` is what must be there before anything reads or writes.
    Raises `pulumi.RunError` with every bucket that cannot be used.
    """

    buckets: Mapping[Role, str]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        kind: str,
        name: str,
        buckets: Mapping[Role, str],
        given: Mapping[Role, str],
        problems: Sequence[str],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        if problems:
            raise reject(SettingsError("\n".join(problems)))
        super().__init__(kind, name, None, opts)
        self.buckets, self.ready = buckets, []
        for role in ROLES:
            if not given[role]:
                self.ready += self._made(f"{name}-{role}", role, buckets[role])
        self.register_outputs({"buckets": self.buckets})

    def _made(self, prefix: str, role: Role, bucket: str) -> Sequence[pulumi.Resource]:
        """The bucket of a role with all that belongs to it, its resources' names beginning with `prefix`."""
        raise NotImplementedError


class MakesChildren(Protocol):
    """What is asked here of a cloud's scope."""

    def child(self, parent: pulumi.Resource, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a component's resources."""
        ...


class FileUploads(pulumi.ComponentResource):
    """Small files of this machine as objects of the reads' bucket, by key; uploaded again when they change.

    `ready` are the objects. Objects stay when they are no longer wanted: runs may refer to them. Raises
    `pulumi.RunError` with every file that is missing or too big to travel with each `up`.
    """

    KIND: ClassVar[str]
    SCHEME: ClassVar[Scheme]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        scope: MakesChildren,
        storage: BucketStore,
        files: Mapping[str, Path],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        bucket = storage.buckets["reads"]
        if problems := upload_problems(self.SCHEME, bucket, files):
            raise reject(SettingsError("\n".join(problems)))
        super().__init__(self.KIND, name, None, opts)
        kept = pulumi.ResourceOptions(retain_on_delete=True)
        child = pulumi.ResourceOptions.merge(scope.child(self, *storage.ready), kept)
        self.ready = [self._object(f"{name}-{key}", bucket, key, file, child) for key, file in sorted(files.items())]
        self.register_outputs({})

    def _object(
        self, resource: str, bucket: str, key: str, file: Path, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        """The object of a file."""
        raise NotImplementedError


def given_buckets(settings: Model) -> dict[Role, str]:
    """The buckets that `biojobs:buckets` names, by role; "" for each that the stack makes."""
    return {role: getattr(settings, role) for role in ROLES}


def bucket_names(stack: str, given: Mapping[Role, str], account: str, region: str) -> dict[Role, str]:
    """The name of each role's bucket: the settings' own, or one made of stack, account (or project) number and region.

    Raises SettingsError for a stack whose name cannot be part of a bucket's.
    """
    made: dict[Role, str] = {role: given[role] or f"biojobs-{stack}-{role}-{account}-{region}" for role in ROLES}
    too_long = max(len(made[role]) for role in ROLES) - _LONGEST_NAME
    if too_long > 0 or not stack.replace("-", "").isalnum() or stack != stack.lower():
        longest = len(stack) - max(too_long, 0)
        raise SettingsError(
            f"stack: {stack!r}: cannot be part of a bucket's name; name the stack with at most {longest} "
            "lower-case letters, digits and dashes"
        )
    return made


def check_buckets(
    given: Mapping[Role, str],
    look: Callable[[str], str],
    far: Callable[[str, str, str], str],
) -> tuple[str, ...]:
    """Which of the named buckets cannot be used, a line each; warns of those that are far from the stack.

    `look` gives the region of a bucket, or "" where it does not matter or is not known, and raises LookupError with
    the reason and a remedy; `far` makes the warning of key, bucket and region.
    """
    problems: list[str] = []
    for role, bucket in given.items():
        if not bucket:
            continue
        key = f"biojobs:buckets.{role}"
        try:
            region = look(bucket)
        except LookupError as error:
            problems.append(f"{key}: {bucket!r}: {error.args[0]}")
        else:
            if region:
                pulumi.log.warn(far(key, bucket, region))
    return tuple(problems)


def far_bucket(key: str, bucket: str, place: str, region: str, way: str, remedy: str) -> str:
    """A warning of a bucket in `place`, where the stack is in `region`: what the way costs and how to do without."""
    return (
        f"{key}: {bucket!r}: is in {place}, and the stack in {region}: {way}; use a bucket of {region}, or copy it "
        f"once with {remedy}"
    )


def upload_problems(scheme: Scheme, bucket: str, files: Mapping[str, Path]) -> list[str]:
    """Which files cannot be uploaded, a line each."""
    problems: list[str] = []
    for key, file in sorted(files.items()):
        if not file.is_file():
            problems.append(f"{file}: is no file; it was to become {scheme.uri(bucket, key)}")
        elif file.stat().st_size > _LARGEST_UPLOAD:
            problems.append(
                f"{file}: {file.stat().st_size / 2**30:.1f} GiB is over the 1 GiB that `up` uploads; copy it yourself, "
                f"{scheme.copy} {file} {scheme.uri(bucket, key)}, and write that URI instead"
            )
    return problems
