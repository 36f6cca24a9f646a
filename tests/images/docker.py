"""Runs containers of the built images as Kubernetes would: no rights, read-only root, uid 10001."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox import layout, packages

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = ("fastqc", "bwa-mem2", "store", "multiqc", "variants")
STEPS = {
    "fastqc": ("fastqc", "gate"),
    "multiqc": ("await", "multiqc", "notify"),
    "variants": ("shards", "call", "gather"),
}
IMAGE_OF_STEP = {step: image for image, steps in STEPS.items() for step in steps}
"""The image of a step, where it is not bwa-mem2."""
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001")
QUICK = "--env=GOGC=off"
"""A step starts rclone again and again: without garbage collection a start takes a quarter less. Not for what is short
of memory."""


def tag(name: str) -> str:
    """What the tests call an image: every working tree has its own."""
    return f"biojobs-tests/{name}:{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}"


def environment() -> dict[str, str]:
    """Of the docker command: the sandbox's daemon, unless DOCKER_HOST names another one."""
    places = layout.from_environment()
    full = dict(os.environ)
    if "DOCKER_HOST" not in full:
        full["DOCKER_HOST"] = f"unix://{places.docker_socket}"
        full["DOCKER_CONFIG"] = str(places.config / "docker-cli")
    full["PATH"] += f":{packages.runtime_entry(places.cache) / 'bin'}"
    return full


def docker(*words: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`docker WORDS`."""
    env = environment()
    program = shutil.which("docker", path=env["PATH"]) or "docker"
    done = subprocess.run([program, *words], env=env, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def why_not() -> str | None:
    """Why no container can be run here, or None."""
    env = environment()
    if not shutil.which("docker", path=env["PATH"]):
        return "there is no docker command; run `python -m sandbox up`"
    if docker("version", check=False).returncode != 0:
        return f"no Docker daemon answers at {env['DOCKER_HOST']}; run `python -m sandbox up`"
    return None


def build(name: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Build an image from images/, with the rclone of the Python environment."""
    images = ROOT / "images"
    tools = ROOT / ".venv" / "bin"
    words = ["buildx", "build", "--network=host", f"--file={images / name / 'Dockerfile'}"]
    return docker(*words, f"--build-context=tools={tools}", f"--tag={tag(name)}", *options, str(images), check=check)


@dataclass(frozen=True)
class Outcome:
    """How a step ended. `message` is what Kubernetes would show."""

    code: int
    stdout: str
    stderr: str
    message: str


@dataclass(frozen=True)
class Workspace:
    """A folder that containers see as /data; uid 10001 may write there."""

    path: Path
    environment: tuple[str, ...] = ()

    def put(self, name: str, content: bytes) -> str:
        """Write a file; its path inside of the containers."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o777)
        file.write_bytes(content)
        return f"/data/{name}"

    def read(self, name: str) -> bytes:
        """The content of a file."""
        return (self.path / name).read_bytes()

    def files(self, folder: str) -> list[str]:
        """The names of the files in a folder, sorted; none when it is not there."""
        return sorted(entry.name for entry in (self.path / folder).glob("*") if entry.is_file())

    def mounts(self, scratch: str = "") -> list[str]:
        """Options of `docker run`."""
        options = [f"--volume={self.path}:/data", f"--tmpfs=/scratch:uid=10001,gid=10001,mode=0700{scratch}"]
        return options + [f"--env={pair}" for pair in self.environment]

    def step_words(
        self, step: str, arguments: tuple[str, ...], record: str, key: str, memory: int, threads: int, sample: str
    ) -> list[str]:
        """Image, script and arguments of a step."""
        common = ["--sample", sample, "--run", "na12878-0123456789", "--record", record, "--key", key]
        common += ["--image", "registry.example/x@sha256:0", "--threads", str(threads), "--memory", str(memory)]
        return [tag(IMAGE_OF_STEP.get(step, "bwa-mem2")), f"/biojobs/{step}.sh", *arguments, *common]

    def run(
        self,
        step: str,
        *arguments: str,
        record: str = "",
        key: str = "key-1",
        memory: int = 2048,
        threads: int = 2,
        sample: str = "NA12878",
        options: tuple[str, ...] = (),
        scratch: str = "",
        timeout: float = 300,
    ) -> Outcome:
        """Run a step to its end."""
        log = self.path / "termination-log"
        log.write_text("")
        log.chmod(0o666)
        words = ["run", "--rm", "--network=host", *HARDENED, *self.mounts(scratch), *options]
        words += [] if any(option.startswith("--memory=") for option in options) else [QUICK]
        words += ["--env=BIOJOBS_TERMINATION_LOG=/data/termination-log"]
        record = record or f"/data/steps/{step}.json"
        words += self.step_words(step, arguments, record, key, memory, threads, sample)
        done = docker(*words, check=False, timeout=timeout)
        return Outcome(done.returncode, done.stdout, done.stderr, log.read_text().strip())

    def shell(self, image: str, script: str) -> str:
        """What a bash script prints in an image."""
        words = [
            "run",
            "--rm",
            "--network=none",
            *HARDENED,
            *self.mounts(),
            tag(image),
            "bash",
            "-euo",
            "pipefail",
            "-c",
        ]
        return docker(*words, script).stdout
