"""The Python language host, for machines that cannot download the official one.

It runs the project's program in a process of its own, with the virtual environment that Pulumi.yaml names.
"""

# ruff: noqa: N802 - the methods' names are those of the protocol
from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from offline.program import ALREADY_TOLD
from offline.serve import serve
from offline.values import decode


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """What the engine asks of a language: how to run a program, and what it needs."""

    def __init__(self, engine_address: str) -> None:
        """`engine_address` is the argument the engine starts a language host with."""
        self._engine_address = engine_address
        self._programs: set[subprocess.Popen[bytes]] = set()
        self._cancelled = threading.Event()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Learn where the engine listens."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the SDK this host goes with."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter of the program, for `pulumi about`."""
        python = _python(_directory(request.info), decode(request.info.options))
        return language_pb2.AboutResponse(executable=python, version=sys.version.split()[0])

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """Nothing to download: the engine finds what stands in when a resource asks for it."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Nothing to download, as for `GetRequiredPlugins`."""
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Any:
        """Say who installs them: `make` does, from the lock file."""
        message = "run `uv sync` (or `make up`): this stand-in language host installs nothing\n"
        yield language_pb2.InstallDependenciesResponse(stderr=message.encode())

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The installed packages, for `pulumi about`."""
        names = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=names[name]) for name in sorted(names)]
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program to its end; the program tells its own errors to the engine."""
        python = _python(_directory(request.info), decode(request.info.options))
        if not Path(python).exists():
            remedy = "run `uv sync`, or correct runtime.options.virtualenv in Pulumi.yaml"
            return language_pb2.RunResponse(error=f"no Python at {python}: {remedy}")
        program = subprocess.Popen([python, "-u", "-m", "offline.program"], env=self._environment(request))
        self._programs.add(program)
        context.add_callback(lambda: _end(program))
        code = program.wait()
        self._programs.discard(program)
        if code == 0 or self._cancelled.is_set():
            return language_pb2.RunResponse(bail=code != 0)
        if code == ALREADY_TOLD:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program ended with exit code {code}")

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Stop the program: the user pressed Ctrl-C, or `pulumi cancel` came."""
        self.end_programs()
        return empty_pb2.Empty()

    def end_programs(self) -> None:
        """No program may outlive its host."""
        self._cancelled.set()
        for program in tuple(self._programs):
            _end(program)

    def _environment(self, request: language_pb2.RunRequest) -> Mapping[str, str]:
        run = {
            "engine": self._engine_address,
            "monitor": request.monitor_address,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
            "directory": request.pwd or _directory(request.info),
            "entry_point": request.info.entry_point or request.program or ".",
        }
        return os.environ | {
            "BIOJOBS_OFFLINE_RUN": json.dumps(run),
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }


def _directory(info: language_pb2.ProgramInfo) -> str:
    return info.program_directory or info.root_directory or str(Path.cwd())


def _python(directory: str, options: Mapping[str, Any]) -> str:
    """The interpreter Pulumi.yaml asks for, else the one this host runs with."""
    name = options.get("virtualenv")
    return str(Path(directory, str(name), "bin", "python")) if name else sys.executable


def _end(program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None:
        program.terminate()


def main() -> None:
    """Serve until the engine says goodbye."""
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    host = LanguageHost(addresses[-1] if addresses else "")
    serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), at_end=host.end_programs
    )


if __name__ == "__main__":
    main()
