"""Messages to the user, by way of the engine."""

from __future__ import annotations

from typing import Any, cast

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

Severity = engine_pb2.LogSeverity


class Engine:
    """The engine that started this plugin."""

    def __init__(self, address: str) -> None:
        """Connect to the engine at `address` (host:port)."""
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def status(self, urn: str, message: str) -> None:
        """Show a passing word beside the resource; it is replaced by the next one."""
        self._log(engine_pb2.INFO, urn, message, ephemeral=True)

    def info(self, urn: str, message: str) -> None:
        """Show a lasting word."""
        self._log(engine_pb2.INFO, urn, message)

    def warning(self, urn: str, message: str) -> None:
        """Show a lasting warning."""
        self._log(engine_pb2.WARNING, urn, message)

    def error(self, urn: str, message: str) -> None:
        """Show an error; the engine then fails the command."""
        self._log(engine_pb2.ERROR, urn, message)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        try:
            cast(Any, self._stub).Log(request)  # the generated stub has no full types
        except grpc.RpcError:
            return  # the engine is on its way out; a lost message must not fail the resource
