"""`biojobs why`: from a sheet, a store and a cluster to a table."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import stack, why
from cli.errors import CommandError
from cli.shelves import Buckets, Folders
from tests.cli.conftest import Biojobs, Project
from tests.cli.fake_api import FakeApi
from workflows.changes import arguments
from workflows.why import LONGEST

STEPS = ["index", "fastqc L001_R1", "fastqc L001_R2", "gate", "align", "shards", "call", "gather", "record"]
OLD, NEW = (f"registry.example/{{}}@sha256:{64 * digit}" for digit in "12")
NAMES = ("fastqc", "bwa-mem2", "variants", "multiqc")


@dataclass
class Store:
    """A project whose sample has been run with the images of `OLD`."""

    project: Project

    def path(self, uri: str) -> Path:
        """Where a URI lies in the workspace."""
        return self.project.workspace / uri.removeprefix("s3://")

    def put(self, uri: str, content: bytes) -> Path:
        """A file of the store."""
        file = self.path(uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def run(self) -> None:
        """Leaves what all steps leave."""
        settings = stack.read("own", self.project.root)
        sample = why.sample_of("NA12878", settings, self.project.root)
        locate, uris = why.places(settings, self.project.root)
        images = {name: OLD.format(name) for name in NAMES}
        reference, steps = why.steps_of(settings, why.located(sample, settings, locate), uris, images)
        for step in (*reference[1:], *steps):
            for item in () if step.each else step.items:
                words = [word for name, own in arguments(step, item).items() for word in (f"--{name}", *own)]
                self.done(item.record, item.key, images[step.image], words)

    def done(self, record: str, key: str, image: str, words: list[str]) -> None:
        """A record and its result."""
        output = record.replace(".json", ".out")
        content = key.encode()
        self.put(output, content)
        written: dict[str, Any] = {
            "key": key,
            "image": image,
            "arguments": words,
            "inputs": [],
            "facts": {"shards": []},
        }
        written["outputs"] = [{"uri": output, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]
        self.put(record, json.dumps({**written, "ended": "2026-11-21T08:00:00Z"}).encode())


@pytest.fixture
def store(project: Project) -> Store:
    for mate in (1, 2):
        project.put(f"project/samples/na12878-chr22/NA12878_{mate}.fastq.gz")
    project.put("project/samples/na12878-chr22/reference.fa", ">a\nACGT\n")
    return Store(project)


def lines(told: str) -> dict[str, str]:
    """The table by steps."""
    return {line[:14].strip(): line[16:] for line in told.splitlines()}


def templates(images: str) -> dict[str, dict[str, Any]]:
    """The WorkflowTemplates of a stack that has these images."""
    return {
        name: {"spec": {"templates": [{"container": {"image": images.format(image)}}]}}
        for name, image in (("fastqc", "fastqc"), ("align", "bwa-mem2"), ("variants", "variants"))
    }


def test_before_the_first_run_everything_would_run(store: Store, biojobs: Biojobs) -> None:
    done = biojobs("why", "NA12878")
    assert done.exit_code == 0
    assert list(lines(done.stdout)) == STEPS
    assert lines(done.stdout)["align"] == "would run  no record: it was never done to its end"
    assert "9 of 9 would run" in done.stderr


def test_without_a_cluster_images_are_those_of_the_records_and_that_is_told(store: Store, biojobs: Biojobs) -> None:
    store.run()
    done = biojobs("why", "NA12878")
    assert lines(done.stdout)["align"] == "done       2026-11-21 08:00 UTC"
    assert "nothing would run" in done.stderr
    assert "the cluster does not tell which images it has, so they are taken for those of the records" in done.stderr


def test_with_a_cluster_its_images_count(store: Store, api: FakeApi, biojobs: Biojobs) -> None:
    store.run()
    api.templates = templates(OLD)
    done = biojobs("why", "NA12878")
    assert "nothing would run" in done.stderr
    assert "images as they are in the cluster" in done.stderr
    api.templates = templates(NEW) | {"align": templates(OLD)["align"]}
    found = lines(biojobs("why", "NA12878").stdout)
    assert found["fastqc L001_R1"] == "would run  the image fastqc changed: 111111111111 -> 222222222222"
    assert found["align"].startswith("done ")
    assert found["shards"] == "would run  the image variants changed: 111111111111 -> 222222222222"


def test_a_changed_setting_is_told_and_what_does_not_depend_on_it_is_done(store: Store, biojobs: Biojobs) -> None:
    store.run()
    config = store.project.root / "Pulumi.own.yaml"
    config.write_text(f"{config.read_text()}  biojobs:qc:\n    minReads: 5000\n")
    done = lines(biojobs("why", "NA12878").stdout)
    assert done["gate"].startswith("would run  --min-reads changed: ")
    assert done["gate"].endswith(" -> 5000")
    assert done["align"].startswith("done ")


def test_a_result_that_was_overwritten_is_told_and_with_deep_also_one_of_the_same_size(
    store: Store, biojobs: Biojobs
) -> None:
    store.run()
    output = next(store.path("s3://results/NA12878/.steps").glob("gate.out"))
    output.write_bytes(bytes(output.stat().st_size))
    assert lines(biojobs("why", "NA12878").stdout)["gate"].startswith("done ")
    found = lines(biojobs("why", "NA12878", "--deep").stdout)
    assert found["gate"] == "would run  s3://results/NA12878/.steps/gate.out has other bytes than its record tells of"
    output.write_bytes(b"hand")
    found = lines(biojobs("why", "NA12878").stdout)
    assert found["gate"].endswith("gate.out has 4 bytes, its record tells of 16")


def test_json_is_for_machines(store: Store, biojobs: Biojobs) -> None:
    store.run()
    found = json.loads(biojobs("why", "NA12878", "--json").stdout)
    assert (found["sample"], found["stack"]) == ("NA12878", "own")
    assert found["images"]["refs"]["fastqc"] == OLD.format("fastqc")
    assert [step["name"] for step in found["steps"]] == STEPS
    assert found["steps"][4] == {
        "name": "align",
        "runs": False,
        "reasons": ["2026-11-21 08:00 UTC"],
        "record": "s3://results/NA12878/.steps/align.json",
    }


def test_a_hostile_record_does_not_reach_the_terminal(store: Store, biojobs: Biojobs) -> None:
    store.run()
    hostile = "\x1b]0;x\x07\u202e"
    record = {"key": hostile, "image": hostile, "arguments": [f"--{hostile}", hostile], "ended": hostile}
    outputs = [{"uri": f"s3://{hostile}", "size": 1}]
    for name in ("align", "gate"):
        store.put(f"s3://results/NA12878/.steps/{name}.json", json.dumps({**record, "outputs": outputs}).encode())
    done = biojobs("why", "NA12878")
    assert done.exit_code == 0
    assert lines(done.stdout)["align"].startswith("would run")
    assert all(char.isprintable() or char == "\n" for char in done.output)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NA12879", "NA12879: is no sample of samples/na12878.csv; it has NA12878"),
        ("\x1b[2J", "?[2J: is no sample of samples/na12878.csv; it has NA12878"),
    ],
)
def test_a_sample_that_is_not_in_the_sheet_is_told_with_those_that_are(
    store: Store, biojobs: Biojobs, name: str, said: str
) -> None:
    done = biojobs("why", name)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {said}\n")


def test_reads_that_are_gone_are_told_as_up_would(store: Store, biojobs: Biojobs) -> None:
    (store.project.root / "samples" / "na12878-chr22" / "NA12878_2.fastq.gz").unlink()
    done = biojobs("why", "NA12878")
    assert done.exit_code == 1
    assert "error: `up` would refuse to start:\n  na12878-chr22/NA12878_2.fastq.gz: no such file" in done.stderr


def test_nothing_is_copied_or_made(store: Store, biojobs: Biojobs) -> None:
    biojobs("why", "NA12878")
    assert [file for file in store.project.workspace.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("uri", ["s3://../secret", "s3:///etc/passwd", "gs://x/y", "x\0y", "s3://results", ""])
def test_a_record_cannot_lead_out_of_the_workspace(store: Store, uri: str) -> None:
    store.project.put("project/secret")
    shelf = Folders(store.project.workspace)
    assert (shelf.find(uri), shelf.read(uri), shelf.checksum(uri)) == (None, None, "")


@pytest.fixture
def buckets(project: Project, monkeypatch: pytest.MonkeyPatch) -> Generator[Buckets]:
    """A cloud's store, which rclone serves from the workspace."""
    (project.root / "Pulumi.far.yaml").write_text(
        "config:\n  biojobs:cloud: aws\n  biojobs:region: eu-west-1\n  biojobs:adminCidrs: [203.0.113.7/32]\n"
    )
    address = project.root / "address"
    words = ["serve", "s3", str(project.workspace), "--addr=127.0.0.1:0", "--auth-key=biojobs-tests,secret"]
    with address.open("wb") as log:
        server = subprocess.Popen([stack_tool(), *words], stderr=log, env={**os.environ, "RCLONE_CONFIG": "/dev/null"})
        try:
            monkeypatch.setenv("BIOJOBS_S3_ENDPOINT", endpoint(address))
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "biojobs-tests")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            yield Buckets(stack.read("far", project.root))
        finally:
            server.kill()
            server.wait()


def stack_tool() -> str:
    return str(Path(__file__).parents[2] / ".venv" / "bin" / "rclone")


def endpoint(log: Path) -> str:
    """The address that the server says it listens on."""
    for _ in range(300):
        text = log.read_text()
        if "http://" in text:
            return f"http://{text.partition('http://')[2].split('/')[0].strip()}"
        time.sleep(0.1)
    raise AssertionError(f"no server: {log.read_text()}")


def test_the_store_of_a_cloud_is_listed_by_folders_and_read_whole(store: Store, buckets: Buckets) -> None:
    file = store.put("s3://results/NA12878/.steps/gate.json", b'{"key": "x"}')
    store.put("s3://results/NA12878/.steps/long.json", b" " * (LONGEST + 1))
    folder = "s3://results/NA12878/.steps"
    found = buckets.find(f"{folder}/gate.json")
    assert found is not None
    assert (found.size, found.written) == (12, int(file.stat().st_mtime))
    assert buckets.read(f"{folder}/gate.json") == b'{"key": "x"}'
    assert buckets.checksum(f"{folder}/gate.json") == hashlib.sha256(b'{"key": "x"}').hexdigest()
    assert len(buckets.read(f"{folder}/long.json") or b"") > LONGEST
    for missing in (f"{folder}/nowhere.json", "s3://results/nobody/.steps/x.json", "s3://nowhere/x/y.json"):
        assert (buckets.find(missing), buckets.read(missing), buckets.checksum(missing)) == (None, None, "")


def test_a_store_of_a_cloud_that_lets_nobody_in_is_told(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(CommandError, match=r"^s3://results/a: the store does not answer \(.*\); sign in"):
        buckets.find("s3://results/a/x.json")
