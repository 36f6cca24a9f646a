"""The gRPC side that all stand-in providers share."""

# ruff: noqa: N802, D102 - the methods are those of the protocol, which names and describes them

from __future__ import annotations

import functools
import hashlib
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, ParamSpec, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from offline.engine import Engine
from offline.paths import format_path, within
from offline.resource import Change, Diff, Handler, InvalidInputsError, Made, NotReadyError, Request, ResourceError
from offline.serve import serve
from offline.values import Asset, Map, UnsupportedValueError, contains, decode, encode

P = ParamSpec("P")
R = TypeVar("R")

_KINDS: Mapping[tuple[str, bool], provider_pb2.PropertyDiff.Kind.ValueType] = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def _answering(method: Callable[P, R]) -> Callable[P, R]:
    """Turn a `ResourceError` into the gRPC error that shows its text, and a defect of ours into its traceback."""

    @functools.wraps(method)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        context: Any = args[-1]
        try:
            return method(*args, **kwargs)
        except NotReadyError as error:
            _abort_not_ready(context, error)
        except (ResourceError, UnsupportedValueError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            if context.code() is not None:
                raise
            context.abort(grpc.StatusCode.INTERNAL, f"{error!r}: a defect of offline/\n{traceback.format_exc()}")
        raise AssertionError("abort always raises")

    return answer


def _abort_not_ready(context: grpc.ServicerContext, error: NotReadyError) -> NoReturn:
    """The one error that carries state: the engine keeps the resource, and tells why it is not ready."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id, properties=encode(error.state), reasons=list(error.reasons)
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, str(error))


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """A provider whose resource kinds are `Handler`s. Subclasses say how to configure it and which handler is whose."""

    version = "0.0.0"
    takes_assets = False

    def __init__(self, engine_address: str = "") -> None:
        """`engine_address` is the argument the engine starts a plugin with."""
        self.engine = Engine(engine_address) if engine_address else None
        self.cancelled = threading.Event()

    # What a stand-in has to say.

    def check_config(self, config: Map) -> None:
        """Refuse settings that are not understood with `InvalidInputsError`."""

    def config_differs(self, old: Map, new: Map) -> bool:
        """Whether the settings of the provider resource have changed in what matters."""
        return old != new

    def configure(self, config: Map) -> None:
        """Take the settings of the provider resource."""

    def handler(self, token: str) -> Handler:
        """The handler of a resource type, or a `ResourceError`."""
        raise ResourceError(f"the stand-in provider has no resource {token}")

    def invoke(self, token: str, arguments: Map) -> Map:
        """The answer of a function, or a `ResourceError`."""
        raise ResourceError(f"the stand-in provider has no function {token}")

    # The protocol.

    @_answering
    def Handshake(self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext):
        self.engine = Engine(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext):
        return plugin_pb2.PluginInfo(version=self.version)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext):
        self.cancelled.set()
        return empty_pb2.Empty()

    @_answering
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext):
        try:
            self.check_config(decode(request.news))
        except InvalidInputsError as error:
            return provider_pb2.CheckResponse(failures=_failures(error))
        return provider_pb2.CheckResponse(inputs=request.news)

    @_answering
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext):
        # Where the cluster is reached may change without a new cluster: the resources' own diffs tell.
        differs = self.config_differs(decode(request.old_inputs or request.olds), decode(request.news))
        changes = provider_pb2.DiffResponse.DIFF_SOME if differs else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes)

    @_answering
    def Configure(self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext):
        self.configure(decode(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_answering
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext):
        answer = encode(self.invoke(request.tok, decode(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(answer)  # a word of Python's
        return response

    @_answering
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext):
        seed = bytes(request.randomSeed)
        wanted = _request(
            request,
            inputs=decode(request.news),
            old_inputs=decode(request.olds),
            suffix=lambda: hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4),
        )
        if not self.takes_assets and contains(wanted.inputs, Asset):
            raise UnsupportedValueError("assets are not understood by the stand-in provider")
        try:
            inputs = self.handler(wanted.type).check(wanted)
        except InvalidInputsError as error:
            return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(error))
        return provider_pb2.CheckResponse(inputs=encode(inputs))

    @_answering
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext):
        wanted = _request(
            request,
            id=request.id,
            inputs=decode(request.news),
            old_inputs=decode(request.old_inputs),
            state=decode(request.olds),
            ignore_changes=tuple(request.ignoreChanges),
        )
        return _diff_response(self.handler(wanted.type).diff(wanted), wanted.ignore_changes)

    @_answering
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext):
        wanted = _request(request, inputs=decode(request.properties), preview=request.preview, timeout=request.timeout)
        made = self.handler(wanted.type).create(wanted)
        return provider_pb2.CreateResponse(id=made.id, properties=encode(made.state))

    @_answering
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext):
        wanted = _request(request, id=request.id, old_inputs=decode(request.inputs), state=decode(request.properties))
        made: Made = self.handler(wanted.type).read(wanted)
        inputs = wanted.old_inputs if made.inputs is None else made.inputs
        return provider_pb2.ReadResponse(id=made.id, properties=encode(made.state), inputs=encode(inputs))

    @_answering
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext):
        wanted = _request(
            request,
            id=request.id,
            inputs=decode(request.news),
            old_inputs=decode(request.old_inputs),
            state=decode(request.olds),
            preview=request.preview,
            timeout=request.timeout,
            ignore_changes=tuple(request.ignoreChanges),
        )
        made = self.handler(wanted.type).update(wanted)
        return provider_pb2.UpdateResponse(properties=encode(made.state))

    @_answering
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext):
        wanted = _request(
            request,
            id=request.id,
            old_inputs=decode(request.old_inputs),
            state=decode(request.properties),
            timeout=request.timeout,
        )
        self.handler(wanted.type).delete(wanted)
        return empty_pb2.Empty()


def _request(message: Any, **values: Any) -> Request:
    """The parts that every message has; the type and the name are in the URN where an engine leaves them out."""
    parts = message.urn.split("::")
    kind = message.type or parts[2].split("$")[-1]
    return Request(urn=message.urn, type=kind, name=message.name or parts[-1], **values)


def _failures(error: InvalidInputsError) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in error.problems]


def _diff_response(diff: Diff, ignored: tuple[str, ...]) -> provider_pb2.DiffResponse:
    changes = [change for change in diff.changes if not within(change.path, ignored)]
    detailed = {format_path(change.path): _property_diff(change) for change in changes}
    replaces = [format_path(change.path) for change in changes if change.replace]
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        deleteBeforeReplace=diff.delete_first and bool(replaces),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replace], inputDiff=change.of_inputs)


def run(make: Callable[[str], Provider]) -> None:
    """Serve the provider that `make` returns for the engine's address."""
    addresses = [word for word in sys.argv[1:] if re.fullmatch(r"\S+:\d+", word)]
    provider = make(addresses[0] if addresses else "")
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        at_end=provider.cancelled.set,
    )
