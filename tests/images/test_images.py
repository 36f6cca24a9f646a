"""What is in the images, and what is not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.images import docker

LABELS = ("title", "description", "version", "source", "licenses")
NOT_INSIDE = ("Dockerfile", "Dockerfile.dockerignore", "requirements.txt")


def inspect(name: str) -> dict[str, Any]:
    return json.loads(docker.docker("image", "inspect", docker.tag(name)).stdout)[0]


def inside(name: str, script: str) -> str:
    words = ["run", "--rm", "--network=none", *docker.HARDENED, "--entrypoint=bash", docker.tag(name), "-euc", script]
    return docker.docker(*words).stdout


@pytest.mark.parametrize("name", docker.NAMES)
def test_an_image_is_not_root_and_says_what_it_is(name: str) -> None:
    config = inspect(name)["Config"]
    assert config["User"] == "10001:10001"
    assert all(config["Labels"].get(f"org.opencontainers.image.{label}") for label in LABELS)


def test_the_versions_are_the_pinned_ones() -> None:
    assert inside("bwa-mem2", "dpkg-query -W -f '${Version}' bwa-mem2").startswith("2.3")
    assert inside("bwa-mem2", "samtools --version | head -n 1") == "samtools 1.21\n"
    assert inside("fastqc", "cat /biojobs/versions").startswith("fastqc=0.12.1")
    assert "multiqc=1.28\n" in inside("multiqc", "cat /biojobs/versions")
    assert inside("multiqc", "PYTHONPATH=/opt/multiqc python3 -m multiqc --version").endswith("version 1.28\n")
    assert inside("store", "rclone version").startswith("rclone v1.75.2\n")


@pytest.mark.parametrize("name", docker.NAMES)
def test_only_its_own_scripts_are_in_an_image(name: str) -> None:
    folders = [name] if name == "store" else [name, "common"]
    files = {file.name for folder in folders for file in (docker.ROOT / "images" / folder).iterdir() if file.is_file()}
    assert set(inside(name, "ls /biojobs").split()) - {"versions"} == files.difference(NOT_INSIDE)


@pytest.mark.parametrize("name", docker.NAMES)
def test_apt_leaves_nothing_behind(name: str) -> None:
    assert inside(name, "find /var/lib/apt/lists /var/cache/apt /tmp -type f 2>/dev/null || true") == ""
    assert inside(name, "grep -rl forky /etc/apt 2>/dev/null || true") == ""


def test_the_copy_tool_is_one_layer_for_all_images() -> None:
    layers = [inspect(name)["RootFS"]["Layers"][:2] for name in docker.NAMES]
    assert all(one == layers[0] for one in layers)


def test_a_version_that_is_not_the_pinned_one_is_no_image() -> None:
    failed = docker.build("store", "--build-arg=COPY_TOOL_VERSION=0.1", "--tag=biojobs-tests/none:test", check=False)
    assert failed.returncode != 0
    assert "rclone v1.75.2 is not 0.1" in failed.stderr


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_the_store_serves_nobody_without_a_key_pair(missing: str) -> None:
    pairs = {"AWS_ACCESS_KEY_ID": "biojobs-tests", "AWS_SECRET_ACCESS_KEY": "secret"} | {missing: ""}
    options = [f"--env={name}={value}" for name, value in pairs.items()]
    done = docker.docker("run", "--rm", "--network=none", *docker.HARDENED, *options, docker.tag("store"), check=False)
    assert (done.returncode, done.stderr) == (64, f"store: {missing} is empty: give the key pair by environment\n")


def test_the_scripts_are_clean() -> None:
    program = str(Path(sys.executable).parent / "shellcheck")
    scripts = sorted(str(path) for path in (docker.ROOT / "images").glob("*/*.sh"))
    # Functions that run in the background or in pipes are called by name only, which it does not see (SC2329).
    words = [program, "-x", "-P", str(docker.ROOT), "--exclude=SC2317,SC2329", *scripts]
    done = subprocess.run(words, capture_output=True, text=True, cwd=docker.ROOT)
    assert done.returncode == 0, done.stdout
