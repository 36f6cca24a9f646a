"""The inputs of an image: which are understood, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from offline.values import Map, Unknown

_TEXTS = {"target"}
_SWITCHES = {"buildOnPreview", "push", "load", "noCache", "pull"}
_LISTS = {"tags", "platforms", "addHosts", "registries"}
_MAPS = {"buildArgs", "labels", "secrets", "context", "dockerfile"}
_KNOWN = _TEXTS | _SWITCHES | _LISTS | _MAPS | {"network"}
NETWORKS = ("default", "host", "none")


@dataclass(frozen=True)
class Spec:
    """One image: what is built from what, and where it is pushed."""

    context: str
    named: Mapping[str, str]
    dockerfile: Path | None
    inline: str
    build_args: Mapping[str, str]
    labels: Mapping[str, str]
    secrets: Mapping[str, str]
    tags: tuple[str, ...]
    platforms: tuple[str, ...]
    add_hosts: tuple[str, ...]
    target: str
    network: str
    no_cache: bool
    pull: bool
    load: bool
    registries: tuple[Mapping[str, str], ...]

    def dockerfile_path(self) -> Path:
        """The Dockerfile: the given one, or the context's own."""
        return self.dockerfile or Path(self.context, "Dockerfile")


def problems(inputs: Map) -> list[tuple[str, str]]:
    """What is wrong with the inputs, as pairs of property path and reason."""
    found = [
        (key, "is not understood by the stand-in provider")
        for key, value in inputs.items()
        if key not in _KNOWN and value not in (None, False, [], {})
    ]
    if inputs.get("push") is not True:
        found.append(("push", "the stand-in provider makes images for clusters: set push=True"))
    if inputs.get("buildOnPreview") is not False:
        found.append(("buildOnPreview", "the stand-in provider never builds in a preview: set build_on_preview=False"))
    if not inputs.get("tags"):
        found.append(("tags", "at least one is needed, to push to"))
    if inputs.get("network") not in (None, *NETWORKS):
        found.append(("network", f"must be one of {', '.join(NETWORKS)}"))
    return found + _context_problems(inputs)


def _context_problems(inputs: Map) -> list[tuple[str, str]]:
    context = inputs.get("context")
    if not isinstance(context, dict) or not cast(Map, context).get("location"):
        return [] if isinstance(context, Unknown) else [("context.location", "a folder is needed")]
    locations: Map = {"context.location": cast(Map, context)["location"]}
    named: Map = cast(Map, context).get("named") or {}
    locations |= {f"context.named.{name}.location": cast(Map, item).get("location") for name, item in named.items()}
    found: list[tuple[str, str]] = []
    for path, location in locations.items():
        if isinstance(location, str) and not Path(location).is_dir():
            found.append((path, f"no folder {location}: remote contexts are not understood by the stand-in provider"))
    return found + _dockerfile_problems(inputs, cast(Map, context))


def _dockerfile_problems(inputs: Map, context: Map) -> list[tuple[str, str]]:
    dockerfile: Map = inputs.get("dockerfile") or {}
    if dockerfile.get("inline"):
        return []
    location = dockerfile.get("location") or f"{context['location']}/Dockerfile"
    if isinstance(location, str) and not Path(location).is_file():
        return [("dockerfile.location", f"no file {location}")]
    return []


def spec(inputs: Map) -> Spec:
    """The checked, fully known inputs, typed."""
    context, dockerfile = cast(Map, inputs["context"]), cast(Map, inputs.get("dockerfile") or {})
    named = cast(dict[str, Map], context.get("named") or {})
    registries: Any = inputs.get("registries") or []
    return Spec(
        context=str(context["location"]),
        named={name: str(named[name]["location"]) for name in sorted(named)},
        dockerfile=Path(str(dockerfile["location"])) if dockerfile.get("location") else None,
        inline=str(dockerfile.get("inline") or ""),
        build_args=_texts(inputs, "buildArgs"),
        labels=_texts(inputs, "labels"),
        secrets=_texts(inputs, "secrets"),
        tags=_items(inputs, "tags"),
        platforms=_items(inputs, "platforms"),
        add_hosts=_items(inputs, "addHosts"),
        target=str(inputs.get("target") or ""),
        network=str(inputs.get("network") or "default"),
        no_cache=inputs.get("noCache") is True,
        pull=inputs.get("pull") is True,
        load=inputs.get("load") is True,
        registries=tuple(cast(list[dict[str, str]], registries)),
    )


def _texts(inputs: Map, key: str) -> dict[str, str]:
    values = cast(Map, inputs.get(key) or {})
    return {name: str(values[name]) for name in sorted(values)}


def _items(inputs: Map, key: str) -> tuple[str, ...]:
    return tuple(str(item) for item in cast(list[Any], inputs.get(key) or []))
