"""A pod with an aligner of the user's own: three containers, one after the other, that share a scratch folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.images import docker
from tests.images.docker import Outcome, Workspace

NAME = "NA12878"
COMMAND = (
    'bwa-mem2 mem -t "$BIOJOBS_THREADS" -K 1000000 "$BIOJOBS_IN/reference/reference.fa" '
    '"$BIOJOBS_IN"/R1.fastq* "$BIOJOBS_IN"/R2.fastq*'
)
TO_SAM = f'{COMMAND} > "$BIOJOBS_OUT/aligned.sam"'
TO_BAM = f'{COMMAND} | samtools view -b -o "$BIOJOBS_OUT/aligned.bam" -'


@dataclass
class Lane:
    """A lane's words, as fetch and deliver take them."""

    name: str = "L001"
    library: str = "lib1"
    files: tuple[str, str] = ("/data/reads/R1.fastq.gz", "/data/reads/R2.fastq.gz")
    sums: tuple[str, str] = ("none", "none")

    def words(self) -> tuple[str, ...]:
        """Their options."""
        named = {"lane": self.name, "library": self.library, "platform": "ILLUMINA"}
        named |= {f"reads-{mate}": file for mate, file in enumerate(self.files, 1)}
        named |= {f"checksum-{mate}": value for mate, value in enumerate(self.sums, 1)}
        return tuple(word for name, value in named.items() for word in (f"--{name}", value))

    def for_align(self) -> tuple[str, ...]:
        """The same lane for the pipeline's own aligner."""
        return ("--lane", self.name, self.library, "ILLUMINA", *self.files, *self.sums)


@dataclass
class Pod:
    """Containers with one scratch volume, one after the other."""

    space: Workspace
    scratch: Path
    lane: Lane = field(default_factory=Lane)

    def step(self, step: str, *options: str) -> Outcome:
        """fetch or deliver."""
        words = (*self.lane.words(), "--reference", "/data/reference/", "--out", "/data/lanes/")
        record = f"/data/steps/{self.lane.name}.json"
        log = self.space.path / "termination-log"
        log.write_text("")
        log.chmod(0o666)
        image = self.space.step_words(step, words, record, "key-1", 1024, 2, NAME)
        options += ("--env=BIOJOBS_TERMINATION_LOG=/data/termination-log",)
        done = docker.docker("run", "--rm", *self._options(), *options, *image, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr, log.read_text().strip())

    def aligner(self, command: str = TO_SAM) -> None:
        """The user's image and command, in the environment that the documentation promises."""
        given = {"BIOJOBS_IN": "/scratch/in", "BIOJOBS_OUT": "/scratch/out", "BIOJOBS_THREADS": "2"}
        given |= {"BIOJOBS_SAMPLE": NAME, "BIOJOBS_LANE": self.lane.name}
        options = [f"--env={name}={value}" for name, value in given.items()]
        docker.docker("run", "--rm", *self._options(), *options, docker.tag("bwa-mem2"), "bash", "-c", command)

    def leaves(self, content: bytes, name: str = "aligned.sam") -> Outcome:
        """What deliver says to such a file."""
        for old in (self.scratch / "out").iterdir():
            old.unlink()
        if name:
            (self.scratch / "out" / name).write_bytes(content)
        return self.step("deliver")

    def _options(self) -> list[str]:
        mounts = [f"--volume={self.space.path}:/data", f"--volume={self.scratch}:/scratch"]
        return ["--network=none", *docker.HARDENED, *mounts, docker.QUICK]


def pod(space: Workspace, lane: Lane | None = None) -> Pod:
    """With an empty scratch folder of its own."""
    lane = lane or Lane()
    scratch = space.path / f"scratch-{lane.name}"
    scratch.mkdir()
    scratch.chmod(0o777)
    return Pod(space, scratch, lane)
