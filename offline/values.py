"""Property values as the engine sends them, turned into plain Python and back.

A property is a dict, list, str, int, float, bool or None, plus two things of Pulumi's own: `Secret` and `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from google.protobuf import struct_pb2

# The engine's wire protocol (pulumi sdk/go/common/resource/sig): a map with SIGNATURE_KEY is a special value.
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string; the others are bool, number, array, asset, archive, object
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)

Map = dict[str, Any]


class Unknown:
    """A value that is known only after the resource it comes from has been made."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must never be shown, nor stored unencrypted."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class Asset:
    """A file's content; the same where the hash is."""

    hash: str
    rest: Mapping[str, str] = field(compare=False)


class UnsupportedValueError(ValueError):
    """A kind of value (archive, resource reference) that the stand-ins do not take."""


def decode(struct: struct_pb2.Struct) -> Map:
    """Properties of a request as Python values."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWNS else value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_map(value.struct_value)
        case _:
            return None


def _decode_map(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields.get(SIGNATURE_KEY)
    if signature is None:
        return decode(struct)
    if signature.string_value == ASSET_SIGNATURE:
        texts = {key: value.string_value for key, value in struct.fields.items() if key != SIGNATURE_KEY}
        return Asset(texts.pop("hash", ""), texts)
    if signature.string_value != SECRET_SIGNATURE:
        raise UnsupportedValueError("archives and resource references are not understood by the stand-ins")
    return Secret(_decode(struct.fields["value"]))


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Python values as properties of a response."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        struct.fields[key].CopyFrom(_encode(value))
    return struct


def _encode(value: Any) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=float(value))
        case str():
            return struct_pb2.Value(string_value=value)
        case Unknown():
            return struct_pb2.Value(string_value="04da6b54-80e4-46f7-96ec-b56ff0331ba9")
        case Secret(value=inner):
            return struct_pb2.Value(struct_value=encode({SIGNATURE_KEY: SECRET_SIGNATURE, "value": inner}))
        case Asset():
            asset = {SIGNATURE_KEY: ASSET_SIGNATURE, "hash": value.hash, **value.rest}
            return struct_pb2.Value(struct_value=encode(asset))
        case dict():
            return struct_pb2.Value(struct_value=encode(cast(Map, value)))
        case list():
            items = [_encode(item) for item in cast(list[Any], value)]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case _:
            raise TypeError(f"cannot send a {type(value).__name__} to the engine")


def transform(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A copy of `value` with `leaf` applied to everything that is neither a dict nor a list."""
    if isinstance(value, dict):
        return {key: transform(item, leaf) for key, item in cast(Map, value).items()}
    if isinstance(value, list):
        return [transform(item, leaf) for item in cast(list[Any], value)]
    return leaf(value)


def reveal(value: Any) -> Any:
    """The value without its secret marks: for the API server and for comparisons, never for the screen."""
    return transform(value, lambda item: reveal(item.value) if isinstance(item, Secret) else item)


def contains(value: Any, kind: type) -> bool:
    """Whether a `Secret` or an `Unknown` is anywhere inside `value`."""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return contains(value.value, kind)
    if isinstance(value, dict):
        return any(contains(item, kind) for item in cast(Map, value).values())
    if isinstance(value, list):
        return any(contains(item, kind) for item in cast(list[Any], value))
    return False


def mark_like(value: Any, model: Any) -> Any:
    """`value` with everything secret that is secret at the same place in `model`.

    The server may reorder or extend a list, so a list with any secret in it becomes secret as a whole.
    """
    if isinstance(value, Secret):
        return value
    if isinstance(value, dict) and isinstance(model, dict):
        marks = cast(Map, model)
        return {key: mark_like(item, marks.get(key)) for key, item in cast(Map, value).items()}
    return Secret(cast(Any, value)) if contains(model, Secret) else cast(Any, value)
