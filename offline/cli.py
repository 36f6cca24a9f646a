"""Where the Pulumi CLI comes from: PATH, else Pulumi's own download, else built from its Go module."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from sandbox import tools

VERSION = "3.255.0"
ORIGIN = "https://get.pulumi.com"
CHECKSUMS = f"https://github.com/pulumi/pulumi/releases/download/v{VERSION}/pulumi-{VERSION}-checksums.txt"
PROBE_SECONDS = 4
_MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def say(message: str) -> None:
    """One line for the user; standard output is for the shell."""
    print(message, file=sys.stderr, flush=True)


def reachable(url: str) -> bool:
    """Whether the address answers at all within a few seconds."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500 and error.code not in (403, 407)  # a proxy's refusal is no answer
    except (OSError, ValueError):
        return False


def pulumi_folder(cache: Path) -> Path:
    """The folder of the `pulumi` to use; downloaded or built where there is none."""
    found = shutil.which("pulumi")
    if found:
        return Path(found).parent
    downloaded = cache / "tools" / f"pulumi-official-{VERSION}" / "bin"
    built = tools.folder("pulumi")
    for folder in (downloaded, built):
        if (folder / "pulumi").is_file():
            return folder
    if reachable(ORIGIN):
        try:
            return _download(downloaded)
        except (OSError, ValueError, tarfile.TarError) as error:
            say(f"pulumi {VERSION} cannot be downloaded ({error}): building it from its Go module")
    return tools.ensure("pulumi")


def _download(folder: Path) -> Path:
    """Pulumi's release, checked against the published checksums, put in place whole."""
    system = platform.system().lower()
    name = f"pulumi-v{VERSION}-{system}-{_MACHINES[platform.machine()]}.tar.gz"
    say(f"downloading {name} from {ORIGIN}")
    with urllib.request.urlopen(CHECKSUMS, timeout=60) as response:
        lines = [line.split() for line in response.read().decode().splitlines()]
    expected = next((line[0] for line in lines if len(line) == 2 and line[1].lstrip("*") == name), None)
    if expected is None:
        raise ValueError(f"{CHECKSUMS} does not list {name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        archive = Path(work, name)
        release = f"{ORIGIN}/releases/sdk/{name}"
        with urllib.request.urlopen(release, timeout=60) as response, archive.open("wb") as file:
            shutil.copyfileobj(response, file)
        with archive.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != expected:
            raise ValueError(f"{name} has sha256 {actual}, and should have {expected}")
        with tarfile.open(archive) as tar:
            tar.extractall(work, filter="data")
        Path(work, "pulumi").rename(folder)
    return folder
