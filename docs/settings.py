"""Writes docs/settings.md and docs/settings.schema.json from the settings' types: `make docs`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from settings import CLOUDS, Settings
from settings_model import Model
from settings_profiles import PROFILES

HERE = Path(__file__).parent
NOT_KEYS = ("stack", "target")
HEAD = """# Settings

Every key of `Pulumi.<stack>.yaml`, under `config:`. Made from the types in `settings.py` by `make docs`.
Anything else under `biojobs:` is refused, as are values that do not fit, all at once and before anything is created.
"""
PROFILES_HEAD = """## Profiles

`biojobs:profile` picks named defaults; a stack file overrides them key by key. Without it a stack has `local` where its
cloud is local, and `cloud` on aws and gcp. With `stub` a step computes nothing: it reads its arguments and leaves empty
results, under `_stub/` in the folders of references and results, so a sheet is tried in a minute and nothing of it is
ever taken for a result. Nothing else differs between the runs of two profiles. [Sizes](pipelines/sizes.md) says what
steps make of their classes.
"""


def markdown() -> str:
    """The reference of all keys, a table for each model."""
    sections = [HEAD, _section("Every stack", Settings)]
    sections += [_section(f"`cloud: {name}`", model) for name, model in CLOUDS.items()]
    return "\n".join([*sections, _profiles()])


def schema() -> str:
    """A JSON schema of stack files, for editors."""
    variants = [_stack_schema(name, model) for name, model in CLOUDS.items()]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A biojobs stack file"}
    definitions = {key: value for variant in variants for key, value in variant.pop("$defs").items()}
    config = {"type": "object", "properties": {"config": {"oneOf": variants}}, "required": ["config"]}
    return json.dumps({**head, **config, "$defs": definitions}, indent=2) + "\n"


def _stack_schema(cloud: str, model: type[Model]) -> dict[str, Any]:
    made = Settings.model_json_schema()
    # What a stack file leaves out of a class is the profile's.
    made["$defs"]["SizeClass"].pop("required")
    # Clouds have models of one name, such as Network.
    own = model.model_json_schema(ref_template=f"#/$defs/{cloud}-{{model}}")
    properties = {name: field for name, field in made["properties"].items() if name not in NOT_KEYS}
    properties = {**properties, **own["properties"], "cloud": {"const": cloud}}
    required = ["biojobs:cloud", *(f"biojobs:{name}" for name in own.get("required", []))]
    return {
        "type": "object",
        "properties": {f"biojobs:{name}": field for name, field in properties.items()},
        "patternProperties": {"^(?!biojobs:)": {}},
        "additionalProperties": False,
        "required": required,
        "$defs": {
            **made.get("$defs", {}),
            **{f"{cloud}-{name}": found for name, found in own.get("$defs", {}).items()},
        },
    }


def _profiles() -> str:
    """What each profile sets, a column each."""
    said = {name: dict(_leaves("biojobs:", values)) for name, values in PROFILES.items()}
    keys = dict.fromkeys(key for values in said.values() for key in values)
    rows = [f"| `{key}` | {' | '.join(_default(values.get(key, '')) for values in said.values())} |" for key in keys]
    head = f"| key | {' | '.join(f'`{name}`' for name in PROFILES)} |"
    return "\n".join([PROFILES_HEAD, head, "|---" * (len(PROFILES) + 1) + "|", *rows, ""])


def _leaves(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(f"{prefix}{key}.", cast(Mapping[str, Any], value))
        else:
            yield f"{prefix}{key}", value


def _section(title: str, model: type[BaseModel]) -> str:
    rows = [row for name, field in model.model_fields.items() for row in _rows("biojobs:", name, field)]
    return "\n".join([f"## {title}\n", "| key | default | meaning |", "|---|---|---|", *rows, ""])


def _rows(prefix: str, name: str, field: FieldInfo) -> list[str]:
    if name in NOT_KEYS:
        return []
    key = f"{prefix}{field.alias or name}"
    nested = _model(field)
    if nested:
        defaults = field.default if isinstance(field.default, BaseModel) else None
        return [f"| `{key}` | | {field.description} |", *_nested(key, nested, defaults)]
    return [f"| `{key}` | {_default(field.default)} | {field.description}{_choices(field)} |"]


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a key that has keys of its own, also of one that may be left out."""
    found = (field.annotation, *get_args(field.annotation))
    return next((each for each in found if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _nested(key: str, model: type[BaseModel], defaults: BaseModel | None) -> list[str]:
    rows: list[str] = []
    for name, field in model.model_fields.items():
        shown = copy(field)
        if defaults is not None:
            shown.default = getattr(defaults, name)
        rows += _rows(f"{key}.", name, shown)
    return rows


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value in ("", None, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in cast(tuple[str, ...], value))
    return f"`{value}`"


def _choices(field: FieldInfo) -> str:
    values = [value for value in get_args(field.annotation) if isinstance(value, str)]
    return f" One of {', '.join(f'`{value}`' for value in values)}." if values else ""


if __name__ == "__main__":
    (HERE / "settings.md").write_text(markdown())
    (HERE / "settings.schema.json").write_text(schema())
