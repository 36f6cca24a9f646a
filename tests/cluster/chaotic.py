"""Samples that run while the sandbox is being killed, and undisturbed ones of the same reads to compare them with."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.chaosplan import HOWS
from tests.cluster.stack import CLASSES, R1, R2, UP, Stack, await_true, docker, halves, interrupt, workflows
from tests.program import ROOT, Result
from workflows import status

CUTS: Mapping[str, int] = {"A": 250, "B": 400}
"""Control -> how many pairs of the real reads it has; samples take turns with them."""
SIZE = {"cpu": "150m", "memory": "1Gi", "scratch": "1Gi"}
"""Of every class: the reads are few, and ten pods at once are more to kill than two."""
KINDS = ("pods", "controller", "kubelet", "api-server", "registry", "store")
DONE = "Succeeded"
MOST_UPS = 10
TO_REPLACE = re.compile(r"pulumi up --replace '([^']+)'")


@dataclass
class Trial:
    """What came of samples that ran under chaos."""

    ups: list[Result] = field(default_factory=list[Result])
    """The same `up`, given again as long as it failed: under chaos, and in peace at the end."""
    hung: bool = False
    """Whether an `up` had to be interrupted because it did not end in its time."""
    seconds: float = 0
    """How long the chaos took, from the first `up` until the sandbox was mended."""
    completing: float = 0
    """How long it took in peace, in seconds, until all was done."""
    kills: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """By kind and how."""
    phases: dict[str, str] = field(default_factory=dict[str, str])
    """Sample -> phase of its run when the killing was over."""
    tries: int = 0
    """Pods that the samples took, those of later tries too."""
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    """Sample -> what is not whole of what was called done."""
    differing: dict[str, str] = field(default_factory=dict[str, str])
    """Sample -> what is not as undisturbed."""


class Chaotic:
    """A stack with controls that ran undisturbed."""

    def __init__(self, **settings: Any) -> None:
        folder = Path(tempfile.mkdtemp(prefix="biojobs-chaos-"))
        folder.chmod(0o755)
        classes = dict.fromkeys(CLASSES, SIZE)
        self.stack = Stack(folder, {"multiqc": False, "classes": classes, **settings})
        self._rows: dict[str, tuple[str, str]] = {}

    def controls(self) -> None:
        """Makes the stack, and the controls in peace."""
        self._rows = {name: self._cut(name, name) for name in CUTS}
        self.stack.sheet(self._rows)
        self.stack.prepare()
        self.stack.succeed()

    def trial(self, samples: Sequence[str], seed: int, seconds: float, *options: str) -> Trial:
        """Runs new samples to their end while chaos kills; then the same command again until all is done."""
        control = {sample: list(CUTS)[number % len(CUTS)] for number, sample in enumerate(samples)}
        self.stack.sheet({**self._rows, **{sample: self._cut(sample, control[sample]) for sample in samples}})
        made = self._disturbed(samples, seed, seconds, *options)
        made.phases, made.tries = _phases(samples), _tries(samples)
        made.wrong = self.wrong([sample for sample, phase in made.phases.items() if phase == DONE], control)
        began = time.monotonic()
        self._complete(made)
        made.completing = time.monotonic() - began
        made.wrong |= self.wrong(samples if made.ups[-1].code == 0 else [], control)
        made.differing = self._differing(control)
        return made

    def _complete(self, made: Trial) -> None:
        """The same command again, in peace, until it succeeds."""
        try:
            while made.ups[-1].code != 0 and len(made.ups) < MOST_UPS:
                made.ups.append(self.stack.run(*_again(made.ups)))
        except subprocess.TimeoutExpired:
            made.hung = True

    def _disturbed(self, samples: Sequence[str], seed: int, seconds: float, *options: str) -> Trial:
        """The killing begins with the first run; it ends when all are done, or when it has killed enough."""
        began, made = time.monotonic(), Trial()
        running = self.stack.begin()
        await_true("the first run is made", lambda: bool(_phases(samples)))
        killing = begin_chaos("--seed", str(seed), "--only", ",".join(KINDS), *options)
        try:
            while True:
                left = seconds - (time.monotonic() - began)
                output = running.communicate(timeout=max(left, 1))[0]
                made.ups.append(Result(running.returncode, output))
                if running.returncode == 0 or killing.poll() is not None or len(made.ups) == MOST_UPS // 2:
                    break
                running = self.stack.begin(*_again(made.ups))
        except subprocess.TimeoutExpired:
            made.hung = True
            made.ups.append(Result(1, interrupt(running)))
        except KeyboardInterrupt:
            interrupt(running)
            raise
        finally:
            said = end_chaos(killing)
        for failed in (up for up in made.ups if up.code != 0):
            print(failed.output[-3000:], file=sys.stderr)
        killed = (re.match(r"\S+  (\S+) +(SIGKILL|forced|deleted) ", line) for line in said.splitlines())
        made.kills = Counter((found[1], found[2]) for found in killed if found)
        made.seconds = time.monotonic() - began
        return made

    def wrong(self, samples: Sequence[str], control: Mapping[str, str]) -> dict[str, str]:
        """Samples called done whose results are not whole: files that are missing or not as their records say."""
        found = {sample: self._problem(sample, control[sample]) for sample in samples}
        return {sample: problem for sample, problem in found.items() if problem}

    def _problem(self, sample: str, control: str) -> str:
        folder = self.stack.results(sample)
        if missing := self._files(control, control) - self._files(sample, control):
            return f"{sorted(missing)[0]} is missing"
        try:
            if self.stack.record(sample)["complete"] is not True:
                return "the run's record is not complete"
            records = [json.loads(file.read_text()) for file in sorted((folder / ".steps").glob("*.json"))]
        except (OSError, ValueError, KeyError) as error:
            return f"a record cannot be read: {error!r}"
        for output in (output for record in records for output in record["outputs"]):
            file = self.stack.workspace / output["uri"].removeprefix("s3://")
            content = file.read_bytes() if file.exists() else b""
            if (len(content), hashlib.sha256(content).hexdigest()) != (output["size"], output["sha256"]):
                return f"{output['uri']} is not as its record says"
        return ""

    def _files(self, sample: str, control: str) -> set[str]:
        """A sample's result files, with the control's name in the place of its own."""
        folder = self.stack.results(sample)
        files = (str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        return {re.sub(rf"(^|/){re.escape(sample)}(?=[._])", rf"\g<1>{control}", name) for name in files}

    def _differing(self, control: Mapping[str, str]) -> dict[str, str]:
        alignments = self._alignments([*control, *CUTS])
        different: dict[str, str] = {}
        for sample, other in control.items():
            if alignments[sample] != alignments[other]:
                different[sample] = "BAM"
            elif self._texts(sample) != self._texts(other):
                different[sample] = "FastQC or VCF"
        return different

    def _alignments(self, samples: Sequence[str]) -> dict[str, str]:
        """A digest of each sample's BAM records."""
        each = f"for s in {' '.join(samples)}; do samtools view /results/$s/$s.bam | sha256sum || true; done"
        image = str(self.stack.record(next(iter(CUTS)))["images"]["align"])
        lines = docker(image, each, mounts=[(self.stack.workspace / "results", "/results")]).splitlines()
        return dict(zip(samples, lines, strict=True))

    def _texts(self, sample: str) -> list[bytes]:
        """FastQC's figures and the VCF's records; their heads name the sample and the day."""
        folder = self.stack.results(sample)
        texts: list[bytes] = []
        for file in sorted(folder.glob("fastqc/*.zip")):
            with zipfile.ZipFile(file) as packed:
                data = packed.read(next(name for name in packed.namelist() if name.endswith("fastqc_data.txt")))
            texts.append(re.sub(rb"(?m)^Filename\t.*$", b"", data))
        for file in folder.glob("*.vcf.gz"):
            texts.append(re.sub(rb"(?m)^#.*$", b"", gzip.decompress(file.read_bytes())))
        return texts

    def _cut(self, name: str, control: str) -> tuple[str, str]:
        first, second = (halves(file, CUTS[control])[0] for file in (R1, R2))
        return self.stack.reads(f"{name}_1.fastq.gz", first), self.stack.reads(f"{name}_2.fastq.gz", second)


def kills_table(kills: Mapping[tuple[str, str], int]) -> list[str]:
    """Kills by kind and how, as Markdown."""
    rows = ["| killed | " + " | ".join(HOWS) + " | all |", "|---|" + "---|" * (len(HOWS) + 1)]
    for kind in (*KINDS, "all"):
        each = [
            sum(count for (what, by), count in kills.items() if kind in (what, "all") and by == how) for how in HOWS
        ]
        rows.append(f"| {kind} | {' | '.join(map(str, each))} | {sum(each)} |")
    return rows


def _again(ups: Sequence[Result]) -> list[str]:
    """The same command, with what the last one said that takes to try again."""
    return [*UP, *(word for urn in TO_REPLACE.findall(ups[-1].output) for word in ("--replace", urn))]


def begin_chaos(*words: str) -> subprocess.Popen[str]:
    """Starts the killing, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "chaos", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job, which the tests may be, is born deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end_chaos(killing: subprocess.Popen[str]) -> str:
    """Ends it, unless it has ended, and waits until all is mended; what it said."""
    if killing.poll() is None:
        os.killpg(killing.pid, signal.SIGINT)
    said = killing.communicate(timeout=300)[0]
    print(said, file=sys.stderr)
    assert killing.returncode in (0, 130), said
    return said


def _of(samples: Sequence[str], what: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Something of the run of each sample; none while the API server is away."""
    try:
        found = workflows()
    except subprocess.SubprocessError:
        return {}
    by_sample = {run["metadata"]["labels"]["biojobs/sample"]: run for run in found}
    return {sample: what(by_sample[sample]) for sample in samples if sample in by_sample}


def _phases(samples: Sequence[str]) -> dict[str, str]:
    return _of(samples, lambda run: str(run.get("status", {}).get("phase", "Pending")))


def _tries(samples: Sequence[str]) -> int:
    def pods(run: dict[str, Any]) -> int:
        return sum(node["type"] == "Pod" for node in status.nodes(run))

    return sum(_of(samples, pods).values())
