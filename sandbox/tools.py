"""Builds the Go programs of the sandbox from their modules, once, into the cache.

Each folder of sandbox/tools/ holds a go.mod and go.sum that pin one program and all that it is made of.
"""

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sandbox import argosource, layout
from sandbox.cache import obtain, recipe_hash
from sandbox.console import heartbeat, run_logged
from sandbox.errors import SandboxError
from sandbox.gotoolchain import find_go

SOURCES = Path(__file__).resolve().parent / "tools"
_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_KUBERNETES_FLAGS = (
    "-X k8s.io/component-base/version.gitVersion={v} -X k8s.io/client-go/pkg/version.gitVersion={v} "
    "-X k8s.io/component-base/version.gitMajor={major} -X k8s.io/component-base/version.gitMinor={minor}"
)


@dataclass(frozen=True)
class Recipe:
    """How one folder of sandbox/tools becomes programs. `module` is the one whose version names the result."""

    module: str
    # program name -> package
    programs: dict[str, str]
    ldflags: str = ""


def _below(module: str, *names: str) -> dict[str, str]:
    return {name: f"{module}/cmd/{name}" for name in names}


RECIPES = {
    "pulumi": Recipe(
        "github.com/pulumi/pulumi/pkg/v3",
        _below("github.com/pulumi/pulumi/pkg/v3", "pulumi"),
        f"-X {_PULUMI_VERSION}={{v}}",
    ),
    "kubernetes": Recipe(
        "k8s.io/kubernetes",
        _below(
            "k8s.io/kubernetes",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
        _KUBERNETES_FLAGS,
    ),
    "argo": Recipe(
        argosource.MODULE,
        _below(argosource.MODULE, "argo", "argoexec", "workflow-controller"),
        f"-X {argosource.MODULE}.version={{v}}",
    ),
    "helm": Recipe(
        "helm.sh/helm/v3", _below("helm.sh/helm/v3", "helm"), "-X helm.sh/helm/v3/internal/version.version={v}"
    ),
    "etcd": Recipe("go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}),
    "coredns": Recipe("github.com/coredns/coredns", {"coredns": "github.com/coredns/coredns"}),
    # Not part of the sandbox: tests/lint checks the CI's workflows with it.
    "actionlint": Recipe(
        "github.com/rhysd/actionlint",
        _below("github.com/rhysd/actionlint", "actionlint"),
        "-X github.com/rhysd/actionlint.version={v}",
    ),
    # Nor is this: bench/scale.py has its simulated nodes from it.
    "kwok": Recipe("sigs.k8s.io/kwok", _below("sigs.k8s.io/kwok", "kwok")),
    "pause": Recipe("", {"pause": "biojobs.dev/sandbox/pause"}),
}


def module_version(go_mod: str, module: str) -> str:
    """The version, with its v, that a go.mod requires of a module."""
    found = re.search(rf"^(?:require )?\t?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if not found:
        raise SandboxError(f"go.mod does not require {module}")
    return found.group(1)


def version(name: str) -> str:
    """The pinned version of a tool, with its v."""
    recipe = RECIPES[name]
    return module_version((SOURCES / name / "go.mod").read_text(), recipe.module) if recipe.module else "v1"


def entry_name(name: str) -> str:
    """The folder in the cache: name, version and a hash of everything the build reads from here."""
    recipe = RECIPES[name]
    files = sorted(path for path in (SOURCES / name).iterdir() if path.is_file())
    content = [part for path in files for part in (path.name, path.read_bytes())]
    flags = _ldflags(name)
    digest = recipe_hash(flags, repr(sorted(recipe.programs.items())), *content)
    return f"{name}-{version(name).removeprefix('v')}-{digest}"


def folder(name: str) -> Path:
    """Where `ensure` has or will put the programs of a tool; neither built nor verified here."""
    return layout.from_environment().cache / "tools" / entry_name(name) / "bin"


@functools.cache
def ensure(name: str) -> Path:
    """The folder with the programs of a tool (a key of RECIPES), built first when it is not cached."""
    if name not in RECIPES:
        raise SandboxError(f"unknown tool {name!r}: one of {', '.join(sorted(RECIPES))}")
    cache = layout.from_environment().cache
    entry = cache / "tools" / entry_name(name)
    return obtain(entry, lambda target: _build(name, target, cache), f"{name} {version(name)}") / "bin"


def _ldflags(name: str) -> str:
    v = version(name)
    major, minor = [*v.removeprefix("v").split("."), "0"][:2]
    return f"-s -w {RECIPES[name].ldflags.format(v=v, major=major, minor=minor)}".strip()


def build_environment() -> dict[str, str]:
    """The caller's environment (proxies, GOPROXY) with the settings that decide the result fixed."""
    fixed = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # The compiler spends a seventh less of its time when it collects its garbage less often, and writes no debugging
    # information that the linker throws away.
    return {"GOGC": "400"} | dict(os.environ) | fixed | {"GOFLAGS": "-buildvcs=false"}


def _build(name: str, target: Path, cache: Path) -> None:
    source, log = SOURCES / name, cache / "logs" / f"build-{name}.log"
    log.unlink(missing_ok=True)
    go = find_go((source / "go.mod").read_text(), cache)
    env = build_environment()
    with heartbeat(f"building {name} {version(name)} from its Go module (log: {log})"):
        extra: list[str] = []
        if name == "argo":
            extra = argosource.prepare(go, source, target, env, log)
        command = [go, "build", "-mod=readonly", *extra, "-trimpath", "-gcflags=all=-dwarf=false"]
        command += ["-ldflags", _ldflags(name)]
        for output, packages in _outputs(name, target):
            remedy = "is the Go module proxy (GOPROXY) reachable?"
            run_logged([*command, "-o", output, *packages], log, env=env, cwd=source, remedy=remedy)
    argosource.discard(target)


def _outputs(name: str, target: Path) -> list[tuple[str, list[str]]]:
    """`go build` can name a program only when it builds just one."""
    programs = RECIPES[name].programs
    (target / "bin").mkdir()
    if len(programs) == 1:
        (program, package), *_ = programs.items()
        return [(str(target / "bin" / program), [package])]
    return [(f"{target / 'bin'}/", list(programs.values()))]
