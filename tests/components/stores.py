"""What buckets and uploads do on every cloud. A cloud's tests inherit these and say in a fixture `world` what its
object store is like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.storage import ROLES, BucketStore, FileUploads, Role, Scheme
from tests.components.cloud import Answer, CloudRecorder, RefusedError

STORAGE, UPLOADS = "dev-storage", "dev-uploads"


@dataclass(frozen=True)
class LookUp:
    """The call that asks for a bucket, its argument with the bucket's name, and its answers for a bucket of the stack's
    region and for one of `far_region`."""

    call: str
    argument: str
    near: Answer
    far: Answer
    far_region: str


@dataclass(frozen=True)
class Inputs:
    """The input of a bucket that is its name; the kind of an object, and the input of it that is its name."""

    bucket: str
    object_kind: str
    object: str


@dataclass(frozen=True)
class World:
    """A cloud's object store. `scope` takes settings of buckets."""

    recorder: CloudRecorder
    scheme: Scheme
    account: str
    region: str
    scope: Callable[..., Any]
    storage: Callable[[Any], BucketStore]
    uploads: type[FileUploads]
    names: Callable[[Any], Mapping[Role, str]]
    look_up: LookUp
    inputs: Inputs

    def build(self, **buckets: Any) -> CloudRecorder:
        """Makes the buckets of a stack with these settings."""
        self.recorder.build(lambda: self.storage(self.scope(buckets=buckets)))
        return self.recorder

    def upload(self, files: Mapping[str, Path]) -> CloudRecorder:
        """Uploads files to a stack's buckets."""

        def make() -> None:
            scope = self.scope()
            self.uploads(UPLOADS, scope, self.storage(scope), files)

        self.recorder.build(make)
        return self.recorder

    def name(self, role: str) -> str:
        """The name of a bucket of the stack's own."""
        return f"biojobs-dev-{role}-{self.account}-{self.region}"


class BucketTests:
    """Inherit this to test a cloud's `Storage`."""

    def test_each_role_has_a_bucket_named_after_stack_account_and_region(self, world: World) -> None:
        made = world.build().of("Bucket").values()
        assert {bucket[world.inputs.bucket] for bucket in made} == {world.name(role) for role in ROLES}

    def test_buckets_and_their_protection_survive_the_stack(self, world: World) -> None:
        options = world.build().options
        own = {name: made for name, made in options.items() if name.startswith(f"{STORAGE}-")}
        assert {f"{STORAGE}-{role}" for role in ROLES} <= set(own)
        assert {(made.protect, made.retain_on_delete) for made in own.values()} == {(True, True)}

    def test_nothing_is_made_or_changed_for_an_existing_bucket(self, world: World) -> None:
        world.recorder.answers[world.look_up.call] = world.look_up.near
        made = world.build(reads="our-reads")
        assert made.calls == [(world.look_up.call, {world.look_up.argument: "our-reads"})]
        own = {world.name("reference"), world.name("results")}
        assert {bucket[world.inputs.bucket] for bucket in made.of("Bucket").values()} == own
        assert not any("our-reads" in str(inputs) for inputs in made.resources.values())

    def test_existing_buckets_are_what_the_rest_of_the_stack_uses(self, world: World) -> None:
        names = world.names(world.scope(buckets={"results": "our-results"}))
        own = {role: world.name(role) for role in ("reads", "reference")}
        assert names == {**own, "results": "our-results"}

    def test_a_bucket_that_cannot_be_reached_is_refused_before_anything_is_made(self, world: World) -> None:
        def forbidden(args: dict[str, Any]) -> Mapping[str, Any]:
            raise RefusedError(f"reading bucket ({args[world.look_up.argument]}): Forbidden")

        world.recorder.answers[world.look_up.call] = forbidden
        with pytest.raises(pulumi.RunError, match=r"nothing was changed") as caught:
            world.build(reads="theirs", results="nobodys")
        lines = str(caught.value).splitlines()[1:]
        assert [line.split(": cannot be reached")[0] for line in lines] == [
            "biojobs:buckets.reads: 'theirs'",
            "biojobs:buckets.results: 'nobodys'",
        ]
        assert all("Forbidden" in line and "leave it empty" in line for line in lines)
        assert not any(kind == "Bucket" for kind, _ in world.recorder.resources)

    def test_a_bucket_of_another_region_is_warned_about_with_its_price(self, world: World, warned: list[str]) -> None:
        world.recorder.answers[world.look_up.call] = world.look_up.far
        world.build(reads="our-reads")
        (warning,) = warned
        where = f"is in {world.look_up.far_region}, and the stack in {world.region}"
        assert warning.startswith(f"biojobs:buckets.reads: 'our-reads': {where}")
        assert "0.02 USD a GB" in warning

    def test_a_bucket_of_the_stacks_region_is_no_cause_for_a_warning(self, world: World, warned: list[str]) -> None:
        world.recorder.answers[world.look_up.call] = world.look_up.near
        world.build(reads="our-reads")
        assert not warned


class UploadTests:
    """Inherit this to test a cloud's `Uploads`."""

    def test_small_files_become_objects_of_the_reads_and_stay_there(self, world: World, tmp_path: Path) -> None:
        file = tmp_path / "a.fq.gz"
        file.write_bytes(b"reads")
        resource = f"{UPLOADS}-samples/a.fq.gz"
        made = world.upload({"samples/a.fq.gz": file}).one(world.inputs.object_kind, resource)
        assert (made["bucket"], made[world.inputs.object]) == (world.name("reads"), "samples/a.fq.gz")
        assert made["source"].path == str(file)
        options = world.recorder.options[resource]
        assert (options.protect, options.retain_on_delete) == (False, True)

    def test_files_are_uploaded_after_all_that_makes_the_bucket_safe(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"reads")
        made = world.upload({"a": tmp_path / "a"})
        safe = {name for _, name in made.resources if name.startswith(f"{STORAGE}-reads")}
        assert safe <= made.options[f"{UPLOADS}-a"].depends_on
        assert f"{STORAGE}-reads" in safe

    def test_files_that_are_missing_or_too_big_are_refused_with_the_remedy(self, world: World, tmp_path: Path) -> None:
        big = tmp_path / "big.fq.gz"
        with big.open("wb") as file:
            file.truncate(2**30 + 1)
        with pytest.raises(pulumi.RunError) as caught:
            world.upload({"big.fq.gz": big, "none.fq.gz": tmp_path / "none.fq.gz"})
        first, second = str(caught.value).splitlines()[1:]
        assert f"{world.scheme.copy} {big} {world.scheme.scheme}://{world.name('reads')}/big.fq.gz" in first
        assert "none.fq.gz: is no file" in second
        assert not world.recorder.of(world.inputs.object_kind)

    def test_a_changed_file_is_uploaded_again(self, world: World, tmp_path: Path) -> None:
        contents = {"one": b"a", "other": b"b", "same": b"a"}
        for key, content in contents.items():
            (tmp_path / key).write_bytes(content)
        made = world.upload({key: tmp_path / key for key in contents}).of(world.inputs.object_kind)
        marks = {key: made[f"{UPLOADS}-{key}"][hash_input(made[f"{UPLOADS}-{key}"])] for key in contents}
        assert marks["one"] == marks["same"] != marks["other"]


def hash_input(made: Mapping[str, Any]) -> str:
    """The input of an object that changes with its content."""
    (found,) = [key for key in made if key.lower().endswith("hash")]
    return found
