"""`python -m offline.env`: the environment of `pulumi`, for `eval "$(make env)"`.

Prints shell exports on standard output, and says on standard error what it had to do.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from offline.cli import pulumi_folder, say
from offline.plugins import choose
from sandbox import layout, packages, tools
from sandbox.errors import SandboxError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_STACK = "local"
# Names that say where a Pulumi home of ours is, so that a second `make env` does not take it for the user's.
HOME_PREFIX = "pulumi-home-"


def environment(stack: str) -> dict[str, str]:
    """What has to be set; everything that it names is there afterwards."""
    places = layout.from_environment()
    _forget_our_home()
    pulumi = pulumi_folder(places.cache)
    plugins = choose(pulumi, places.cache, ROOT, cloud_of(stack))
    say(plugins.words)
    on_sandbox = uses_sandbox(stack)
    values = {"PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_BACKEND_URL": _backend()}
    if not os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        values["PULUMI_CONFIG_PASSPHRASE"] = os.environ.get("PULUMI_CONFIG_PASSPHRASE", "")
    if plugins.home:
        values |= {"PULUMI_HOME": str(plugins.home), "BIOJOBS_OFFLINE_CHARTS": str(places.charts)}
    front: list[Path] = [pulumi]
    back: list[Path] = []
    if plugins.home and not shutil.which("helm"):
        front.append(tools.ensure("helm"))  # the kubernetes stand-in installs charts with it
    if on_sandbox:
        front += [tools.folder(name) for name in ("helm", "kubernetes", "argo")]
        back.append(packages.runtime_entry(places.cache) / "bin")
        values |= {
            "KUBECONFIG": str(places.kubeconfig),
            "DOCKER_HOST": f"unix://{places.docker_socket}",
            "DOCKER_CONFIG": str(places.config / "docker-cli"),
        }
    return values | {"PATH": _path(front, back)}


def uses_sandbox(stack: str) -> bool:
    """Whether the stack runs on the sandbox: it is `local`, and names no context of its own."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    if stack != DEFAULT_STACK or not file.is_file():
        return False
    return re.search(r"^\s+biojobs:context:", file.read_text(), re.MULTILINE) is None


def cloud_of(stack: str) -> str:
    """The stack's cloud, or nothing: the program says what is wrong with a stack file."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    found = re.search(r"^\s+biojobs:cloud:\s*(\w+)", file.read_text() if file.is_file() else "", re.MULTILINE)
    return found[1] if found else ""


def _forget_our_home() -> None:
    home = os.environ.get("PULUMI_HOME", "")
    if Path(home).name.startswith(HOME_PREFIX):
        del os.environ["PULUMI_HOME"]


def _backend() -> str:
    url = os.environ.get("PULUMI_BACKEND_URL") or f"file://{ROOT / '.state'}"
    if url.startswith("file:///"):
        Path(unquote(urlsplit(url).path)).mkdir(parents=True, exist_ok=True)
    return url


def _path(front: Sequence[Path], back: Sequence[Path]) -> str:
    """PATH with ours added once, however often it is evaluated."""
    ours = {str(folder) for folder in (*front, *back)}
    theirs = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder not in ours]
    unique = list(dict.fromkeys(str(folder) for folder in front))
    return os.pathsep.join([*unique, *theirs, *(str(folder) for folder in back)])


def ensure_stack(stack: str, values: Mapping[str, str]) -> None:
    """Make the stack in a `file://` backend that has none: `pulumi up -s` would refuse."""
    url = values["PULUMI_BACKEND_URL"]
    if not url.startswith("file:///"):
        return
    stacks = Path(unquote(urlsplit(url).path), ".pulumi", "stacks", _project())
    if any((stacks / f"{stack}.json{suffix}").exists() for suffix in ("", ".gz")):
        return
    words = ["pulumi", "stack", "init", stack, "--non-interactive"]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | values, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"the stack {stack} cannot be made: {done.stderr.strip()}")


def _project() -> str:
    match = re.search(r"^name:\s*(\S+)", (ROOT / "Pulumi.yaml").read_text(), re.MULTILINE)
    return match[1] if match else "biojobs"


def main() -> int:
    """Print the exports; a failure says why and prints none."""
    stack = os.environ.get("STACK") or DEFAULT_STACK
    try:
        values = environment(stack)
        ensure_stack(stack, values)
    except (SandboxError, OSError) as error:
        say(f"error: {error}")
        return 1
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
