"""How the stack's cluster is reached: as the stack's program reaches it, and as the documentation tells people to."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Final

import yaml

from cli.errors import CommandError, first_line
from cli.stack import ROOT, remedy
from components.runs import ClusterAccess
from settings import Settings

_OUTPUT_SECONDS: Final = 60
_SIGN_IN: Final = {
    "aws": "sign in (`aws sts get-caller-identity` must answer), as somebody of biojobs:admins",
    "gcp": "sign in (`gcloud auth application-default login`), with gke-gcloud-auth-plugin installed",
}


def access(settings: Settings) -> ClusterAccess:
    """The sandbox by its own kubeconfig, another local cluster by the stack's context, and a cloud's by the context of
    its name or else by the stack's output. Raises `CommandError` where there is none of these."""
    if settings.cloud != "local":
        return _of_cloud(settings)
    from offline.env import uses_sandbox
    from sandbox import layout

    if not uses_sandbox(settings.stack):
        return ClusterAccess(settings.local.context)
    kubeconfig = layout.from_environment().kubeconfig
    try:
        return ClusterAccess(settings.local.context, kubeconfig.read_text())
    except FileNotFoundError:
        raise CommandError(
            f"stack {settings.stack} is not up: there is no sandbox; run `{remedy(settings)}` first"
        ) from None
    except PermissionError:
        raise CommandError(f"{kubeconfig}: is not yours to read; run as the user who ran `make up`, or root") from None


def sign_in(settings: Settings) -> str:
    """What to do where the cluster does not let somebody in."""
    if settings.cloud == "local":
        return f"`kubectl --context {settings.local.context} -n biojobs get workflows` must answer (KUBECONFIG)"
    return _SIGN_IN[settings.cloud]


def _of_cloud(settings: Settings) -> ClusterAccess:
    name = f"biojobs-{settings.stack}"
    return ClusterAccess(name) if name in _contexts() else ClusterAccess(name, _output(settings))


def _contexts() -> set[str]:
    """The contexts that $KUBECONFIG, or ~/.kube/config, knows."""
    from kubernetes import config

    listed: Any = config.list_kube_config_contexts  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    try:
        return {str(found["name"]) for found in listed()[0]}
    except (config.ConfigException, yaml.YAMLError, OSError):
        return set()


def _output(settings: Settings) -> str:
    """The stack's output `kubeconfig`, from Pulumi's state."""
    from offline.cli import pulumi_folder
    from sandbox import layout
    from sandbox.errors import SandboxError

    # The environment of `make env`, without the plugins, which an output does not take.
    values = {"PULUMI_BACKEND_URL": f"file://{ROOT / '.state'}", "PULUMI_SKIP_UPDATE_CHECK": "1"}
    if not os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        values["PULUMI_CONFIG_PASSPHRASE"] = ""
    given = {name: value for name, value in os.environ.items() if value or name not in values}
    try:
        pulumi = pulumi_folder(layout.from_environment().cache) / "pulumi"
        words = [str(pulumi), "stack", "output", "kubeconfig", "--stack", settings.stack, "--non-interactive"]
        done = subprocess.run(
            words, cwd=ROOT, env=values | given, capture_output=True, text=True, check=False, timeout=_OUTPUT_SECONDS
        )
        said = "" if done.returncode == 0 else first_line(done.stderr)
    except (OSError, SandboxError, subprocess.TimeoutExpired) as error:
        raise _unknown(settings, first_line(str(error))) from None
    if said:
        raise _unknown(settings, said.removeprefix("error: "))
    return done.stdout


def _unknown(settings: Settings, why: str) -> CommandError:
    return CommandError(
        f"stack {settings.stack} is not up, or its state is not within reach ({why}); run `{remedy(settings)}` first, "
        f"or point KUBECONFIG to a kubeconfig with the context biojobs-{settings.stack}"
    )
