"""`docker buildx build` and `docker push`, with progress, and all that they said when they fail."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from offline.dockerbuild.inputs import Spec
from offline.resource import ResourceError

Tell = Callable[[str], None]

_STEP = re.compile(r"#\d+ (\[.*|exporting.*|CACHED.*)")
_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_TELL_SECONDS = 1.0
STEP_WIDTH = 80


def build_and_push(spec: Spec, tell: Tell, cancelled: threading.Event) -> str:
    """The digest of the pushed image. Raises `ResourceError` with the whole output of what failed."""
    docker = _docker()
    with _login(spec.registries) as environment, tempfile.TemporaryDirectory() as folder:
        secrets = {f"BIOJOBS_BUILD_SECRET_{i}": value for i, value in enumerate(spec.secrets.values())}
        words = _build_words(spec, Path(folder), docker)
        _run(words, environment | secrets, tell, cancelled, f"building {spec.tags[0]}")
        digests = [_push([*docker, "push", tag], environment, tell, cancelled, tag) for tag in spec.tags]
    return digests[0]


def _docker() -> list[str]:
    if shutil.which("docker") is None:
        raise ResourceError('no docker on PATH: run `eval "$(make env)"` first, or install the docker client')
    return ["docker"]


def _buildx(docker: Sequence[str]) -> list[str]:
    """The plugin of the docker client, or its binary where the client has it not."""
    probe = subprocess.run([*docker, "buildx", "version"], capture_output=True, check=False)
    if probe.returncode == 0:
        return [*docker, "buildx"]
    if shutil.which("docker-buildx"):
        return ["docker-buildx"]
    raise ResourceError('no docker buildx: install the package docker-buildx, or run `eval "$(make env)"` first')


def _build_words(spec: Spec, folder: Path, docker: Sequence[str]) -> list[str]:
    dockerfile = spec.dockerfile_path()
    if spec.inline:
        dockerfile = folder / "Dockerfile"
        dockerfile.write_text(spec.inline)
    # A daemon without a bridge (the sandbox's) gives a build no other network; RUN --network=none still works.
    network = "host" if spec.network == "default" else spec.network
    words = [*_buildx(docker), "build", "--progress=plain", f"--network={network}", f"--file={dockerfile}"]
    words += ["--provenance=false", "--load"]
    words += [f"--tag={tag}" for tag in spec.tags]
    words += [f"--build-arg={name}={value}" for name, value in spec.build_args.items()]
    words += [f"--build-context={name}={path}" for name, path in spec.named.items()]
    words += [f"--label={name}={value}" for name, value in spec.labels.items()]
    words += [f"--secret=id={name},env=BIOJOBS_BUILD_SECRET_{i}" for i, name in enumerate(spec.secrets)]
    words += [f"--add-host={host}" for host in spec.add_hosts]
    words += [f"--platform={','.join(spec.platforms)}"] if spec.platforms else []
    words += [f"--target={spec.target}"] if spec.target else []
    words += ["--no-cache"] if spec.no_cache else []
    words += ["--pull"] if spec.pull else []
    return [*words, spec.context]


def _push(
    words: Sequence[str], environment: Mapping[str, str], tell: Tell, cancelled: threading.Event, tag: str
) -> str:
    output = _run(words, environment, tell, cancelled, f"pushing {tag}")
    digest = _DIGEST.search(output)
    if digest is None:
        raise ResourceError(f"pushing {tag}: docker told no digest:\n{output}")
    return digest[1]


def _run(
    words: Sequence[str], environment: Mapping[str, str], tell: Tell, cancelled: threading.Event, doing: str
) -> str:
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=dict(environment),
        start_new_session=True,  # our own interrupt must not reach it before Cancel does
    )
    stop = threading.Thread(target=_stop_when, args=(process, cancelled), daemon=True)
    stop.start()
    tell(doing)
    lines: list[str] = []
    told = time.monotonic()
    for line in process.stdout or ():
        lines.append(line)
        step = _STEP.match(line)
        if step and time.monotonic() - told > _TELL_SECONDS:
            tell(f"{doing}: {textwrap.shorten(step[1], STEP_WIDTH, placeholder='...')}")
            told = time.monotonic()
    code = process.wait()
    if cancelled.is_set():
        raise ResourceError(f"{doing}: cancelled")
    if code != 0:
        raise ResourceError(f"{doing} failed with exit code {code}:\n{''.join(lines).rstrip()}")
    return "".join(lines)


def _stop_when(process: subprocess.Popen[str], cancelled: threading.Event) -> None:
    while process.poll() is None:
        if cancelled.wait(0.5):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            return


@contextlib.contextmanager
def _login(registries: Sequence[Mapping[str, str]]) -> Generator[dict[str, str]]:
    """An environment in which docker knows the registries' passwords; nothing is left behind."""
    if not registries:
        yield dict(os.environ)
        return
    auths = {
        item["address"].split("/")[0]: {
            "auth": base64.b64encode(f"{item.get('username', '')}:{item.get('password', '')}".encode()).decode()
        }
        for item in registries
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps({"auths": auths}))
        plugins = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
        if plugins.is_dir():
            Path(folder, "cli-plugins").symlink_to(plugins)
        yield dict(os.environ) | {"DOCKER_CONFIG": folder}
