"""What a resource of pulumi-aws, pulumi-gcp or pulumi-docker takes: read from the text of the installed package.

Importing the packages' modules takes seconds; their signatures are regular enough to be read as text, class by class.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from offline.paths import format_path
from offline.resource import Path as PropertyPath
from offline.values import Map, Secret, Unknown

_PARAMETER = re.compile(r"^ {17}(\w+): (pulumi\.Input\[.*\])(?: = None)?[,)]", re.MULTILINE)
_GETTER = re.compile(r'@pulumi\.getter\(name="(\w+)"\)\n(?:    @.*\n)?    def (\w+)\(self\)')
_SCALARS: Mapping[str, tuple[type, ...]] = {
    "_builtins.str": (str,),
    "_builtins.bool": (bool,),
    "_builtins.int": (int, float),
    "_builtins.float": (int, float),
}
_PACKAGES = {"aws": "pulumi_aws", "docker": "pulumi_docker", "gcp": "pulumi_gcp"}
_FOLDERS = {"index": "", "lambda": "lambda_"}


@dataclass(frozen=True)
class Property:
    """One input: `shape` is `str`, `bool`, `int`, `float`, an Args class, or empty for anything."""

    shape: str
    required: bool
    many: bool
    """A list of it, or a map where `mapped`."""
    mapped: bool


class UnknownTypeError(LookupError):
    """The package has no such resource."""


def problems(token: str, inputs: Map) -> Iterator[tuple[str, str]]:
    """Pairs of property path and reason: unknown properties, missing ones, and values of the wrong type."""
    module, name = _place(token)
    yield from _problems_of(module, name, _inputs(module, name), inputs, ())


def properties(token: str) -> Mapping[str, Property]:
    """The inputs of a resource type. Raises `UnknownTypeError`."""
    module, name = _place(token)
    return _inputs(module, name)


def provider_settings(package: str) -> frozenset[str]:
    """What the provider itself can be told."""
    text = _text(_installed(_PACKAGES[package]) / "provider.py")
    return frozenset(_parsed(_block(text, "ProviderArgs")))


def has_output(token: str, name: str) -> bool:
    """Whether a resource type has an output, such as `effectiveLabels`."""
    module, resource = _place(token)
    return f'"{name}"' in _text(module / f"{_stem(resource)}.py")


def _place(token: str) -> tuple[Path, str]:
    """`aws:ec2/vpc:Vpc` -> (folder of `ec2`, `Vpc`)."""
    package, module, name = token.split(":")
    folder = module.split("/", maxsplit=1)[0]
    return _installed(_PACKAGES[package]) / _FOLDERS.get(folder, folder), name


@functools.cache
def _installed(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        extra = package.removeprefix("pulumi_").replace("docker", "aws")
        raise UnknownTypeError(f"{package} is not installed: run `uv sync --extra {extra}`")
    return Path(spec.origin).parent


@functools.cache
def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


@functools.cache
def _inputs(module: Path, name: str) -> Mapping[str, Property]:
    """Of a resource. Its class is called otherwise where a nested object has the usual name."""
    text = _text(module / f"{_stem(name)}.py")
    block = _block(text, f"{name}InitArgs") or _block(text, f"{name}Args")
    if not block:
        raise UnknownTypeError(f"there is no {module.name}.{name}")
    return _parsed(block)


def _stem(name: str) -> str:
    """`IAMMember` -> `iam_member`: the file that has the class."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@functools.cache
def _nested(module: Path, name: str) -> Mapping[str, Property]:
    """Of an object within a resource."""
    return _parsed(_block(_text(module / "_inputs.py"), name))


def _parsed(block: str) -> Mapping[str, Property]:
    signature, _, rest = block.partition("):\n")
    names = {python: pulumi for pulumi, python in _GETTER.findall(rest)}
    return {
        names.get(python, python): _property(annotation) for python, annotation in _PARAMETER.findall(f"{signature})")
    }


def _block(text: str, name: str) -> str:
    """The class's text, or nothing."""
    start = text.find(f"\nclass {name}:\n")
    if start < 0:
        return ""
    end = text.find("\nclass ", start + 1)
    return text[start:end] if end > 0 else text[start:]


def _property(annotation: str) -> Property:
    named = re.search(r"'(\w+Args)'", annotation)
    scalars = [scalar for scalar in _SCALARS if scalar in annotation]
    # A policy is a text or an object: neither is looked into here.
    shape = "" if len(scalars) + bool(named) != 1 else named[1] if named else scalars[0]
    return Property(
        shape=shape,
        required="Optional[" not in annotation,
        many="Sequence[" in annotation,
        mapped="Mapping[" in annotation,
    )


def _problems_of(
    module: Path, name: str, known: Mapping[str, Property], inputs: Map, path: PropertyPath
) -> Iterator[tuple[str, str]]:
    for key in sorted(inputs.keys() - known.keys()):
        yield format_path((*path, key)), f"{module.name} {name} has no property {key!r}"
    for key, wanted in known.items():
        value = inputs.get(key)
        if value is None:
            if wanted.required:
                yield format_path((*path, key)), "is required"
            continue
        yield from _problems_at(module, wanted, value, (*path, key))


def _problems_at(module: Path, wanted: Property, value: Any, path: PropertyPath) -> Iterator[tuple[str, str]]:
    if isinstance(value, Unknown):
        return
    if isinstance(value, Secret):
        yield from _problems_at(module, wanted, value.value, path)
    elif wanted.many and isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from _one(module, wanted, item, (*path, index))
    elif wanted.mapped and isinstance(value, dict):
        for key, item in cast(Map, value).items():
            yield from _one(module, wanted, item, (*path, key))
    elif wanted.many or wanted.mapped:
        yield format_path(path), f"is {_words(value)}, and should be a {'list' if wanted.many else 'map'}"
    else:
        yield from _one(module, wanted, value, path)


def _one(module: Path, wanted: Property, value: Any, path: PropertyPath) -> Iterator[tuple[str, str]]:
    if isinstance(value, Secret):
        value = value.value
    if isinstance(value, Unknown) or not wanted.shape:
        return
    if wanted.shape in _SCALARS:
        # True is an int in Python, and no number in a cloud.
        if not isinstance(value, _SCALARS[wanted.shape]) or (isinstance(value, bool) and "bool" not in wanted.shape):
            yield format_path(path), f"is {_words(value)}, and should be a {wanted.shape.rpartition('.')[2]}"
    elif isinstance(value, dict):
        name = wanted.shape.removesuffix("Args")
        yield from _problems_of(module, name, _nested(module, wanted.shape), cast(Map, value), path)
    else:
        yield format_path(path), f"is {_words(value)}, and should be an object ({wanted.shape.removesuffix('Args')})"


def _words(value: Any) -> str:
    return "missing" if value is None else f"the {type(value).__name__} {str(value)[:60]!r}"
