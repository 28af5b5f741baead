"""Writes docs/reference/checks.md, detectors.md, groups.md and sequential.md from the Specs, for `make docs-reference`.

`python -m monitor.config.reference checks > docs/reference/checks.md`, and the same for the others.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic import BaseModel

from monitor.checks import CheckSpec
from monitor.checks.naming import CheckedField, Severity
from monitor.detectors import DetectorSpec, GroupDetectorSpec
from monitor.sequential import SequentialSpec
from monitor.spec import format_duration

UNIONS: Final[Mapping[str, Any]] = MappingProxyType(
    {"checks": CheckSpec, "detectors": DetectorSpec, "groups": GroupDetectorSpec, "sequential": SequentialSpec}
)
"""The pages and the unions they are made of."""

_NOTE = "<!-- Generated from the Specs by `make docs-reference`; a test compares the two. -->"
_HEADS = {
    "checks": """\
Every kind of check, with an example and all of its settings. They stand in `checks`; the contract of a field
(`required`, `nullable`, `range`, `allowed`) makes the first few by itself. What a check evaluates and how a failure
becomes an alert is in [Configuration](configuration.md#checks).
""",
    "detectors": """\
Every kind of detector, with an example and all of its settings. They stand in `drift`, for every field whose type they
can compare, or in a field's own `drift`, which replaces those. Which to take is in [Choosing
detectors](../explanation/detectors.md), how a score becomes a level in [The bound](../explanation/psi.md#the-bound).
""",
    "groups": """\
Every kind of detector of a group of numeric fields, with an example and all of its settings. They stand in a group's
`drift`; without it a group has `hotelling` and `spe`. What each of them sees, and what none does, is in
[Fields together](../explanation/multivariate.md).
""",
    "sequential": """\
Every kind of sequential detector, with an example and all of its settings. They stand in `sequential` and need no
baseline. `adwin`, `page_hinkley` and `kswin` take a statistic of each window, the others whether a check failed in it.
[Which one when](../explanation/sequential.md) says what they find, how fast, and how often they are wrong.
""",
}
_MAX_DEFAULT_CHARS = 60
# Settings that mean the same in every kind, for a Spec that does not say it again.
_SHARED = {"field": get_args(CheckedField)[1].description, "severity": get_args(Severity)[1].description}
_CONSTRAINTS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "matches `{}`",
}


def members(union: Any) -> list[type[BaseModel]]:
    """Return the Specs of a discriminated union in its order."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        return [union]
    return [member for part in get_args(union) for member in members(part)]


def kind_of(spec: type[BaseModel]) -> str:
    """Return the literal that chooses a Spec."""
    return str(get_args(spec.model_fields["kind"].annotation)[0])


def example_of(spec: type[BaseModel]) -> str | None:
    """Return a Spec's `example`: a part of a configuration in YAML that shows the kind; None without one."""
    text = getattr(spec, "example", None)
    return None if text is None else inspect.cleandoc(text) + "\n"


def render(page: str) -> str:
    """Return a whole page, one of `UNIONS`, as Markdown; raises KeyError for another one."""
    sections = "\n".join(_section(spec) for spec in members(UNIONS[page]))
    return f"# {page.capitalize()}\n\n{_NOTE}\n\n{_HEADS[page]}\n{sections}"


def undescribed(spec: type[BaseModel]) -> list[str]:
    """Return the settings of a Spec that nobody has described."""
    return [name for name, prop in _settings(spec) if not prop["description"]]


def _section(spec: type[BaseModel]) -> str:
    """Return what the page says of one kind."""
    summary = " ".join((inspect.getdoc(spec) or "").split("\n\n")[0].split())
    types = getattr(spec, "field_types", None)
    parts = [f"## `{kind_of(spec)}`", summary]
    if types:
        parts.append(f"For fields of type {', '.join(f'`{name}`' for name in sorted(types))}.")
    example = example_of(spec)
    if example is not None:
        parts.append(f"```yaml\n{example}```")
    rows = [_row(spec, name, prop) for name, prop in _settings(spec)]
    parts.append("| setting | type | default | is |\n|---|---|---|---|\n" + "\n".join(rows))
    lists = [_list(name, prop) for name, prop in _settings(spec) if _is_long(prop)]
    return "\n\n".join([*parts, *lists]) + "\n"


def _settings(spec: type[BaseModel]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the settings but `kind`, each as its JSON Schema, references resolved."""
    schema = spec.model_json_schema()
    for name, prop in schema["properties"].items():
        if name != "kind":
            description = prop.get("description") or _SHARED.get(name, "")
            required = name in schema.get("required", ())
            yield name, {**_resolved(prop, schema.get("$defs", {})), "description": description, "required": required}


def _resolved(prop: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with what it refers to put in."""
    if "$ref" in prop:
        prop = {**defs[prop["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in prop.items() if k != "$ref"}}
    found = dict(prop)
    for key in ("anyOf", "oneOf"):
        if key in found:
            found[key] = [_resolved(part, defs) for part in found[key]]
    if isinstance(found.get("items"), dict):
        found["items"] = _resolved(found["items"], defs)
    return found


def _row(spec: type[BaseModel], name: str, prop: Mapping[str, Any]) -> str:
    constraints = list(dict.fromkeys(_constraints(prop)))
    meaning = prop["description"].strip().rstrip(".")
    meaning = meaning[:1].upper() + meaning[1:] if meaning[:1].isascii() else meaning
    said = "; ".join([*([meaning] if meaning else []), *constraints])
    cells = (f"`{name}`", _type(prop), _default(spec, name, prop), said)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _type(prop: Mapping[str, Any]) -> str:
    """Return a type in words: `integer`, `list of text`, one of some values."""
    if "enum" in prop or "const" in prop:
        return " or ".join(f"`{_spelled(value)}`" for value in prop.get("enum", [prop.get("const")]))
    parts = prop.get("anyOf") or prop.get("oneOf")
    if parts:
        return " or ".join(dict.fromkeys(_type(part) for part in parts if part.get("type") != "null"))
    if prop.get("type") == "array":
        return f"list of {_type(prop.get('items', {}))}" if "items" in prop else "list"
    if prop.get("type") == "string":
        return "duration" if "30s" in prop.get("examples", ()) else "text"
    return {"object": "mapping", None: "any"}.get(prop.get("type"), str(prop.get("type")))


def _constraints(prop: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a value must satisfy, in words."""
    if _type(prop) == "duration":
        return
    for key, words in _CONSTRAINTS.items():
        if key in prop and not (key == "minLength" and prop[key] == 1):
            yield words.format(prop[key])
    for part in prop.get("anyOf", ()):
        yield from _constraints(part)
    if isinstance(prop.get("items"), dict):
        yield from (f"each {words}" for words in _constraints(prop["items"]))


def _default(spec: type[BaseModel], name: str, prop: Mapping[str, Any]) -> str:
    """Return the default as it would be written; one that depends on other settings names them."""
    if prop["required"]:
        return "required"
    if "default" not in prop:
        factory: Any = spec.model_fields[name].default_factory
        given = {other: f"‹{other}›" for other in spec.model_fields if other != name}
        try:
            return f"`{_spelled(factory(given))}`"
        except TypeError:
            return f"`{_spelled(factory())}`"
    if prop["default"] is None:
        return "none"
    if _type(prop) == "duration" and isinstance(prop["default"], int):
        return f"`{format_duration(prop['default'])}`"
    return f"{len(prop['default'])}, see below" if _is_long(prop) else f"`{_spelled(prop['default'])}`"


def _is_long(prop: Mapping[str, Any]) -> bool:
    default = prop.get("default")
    return isinstance(default, list) and len(_spelled(default)) > _MAX_DEFAULT_CHARS


def _list(name: str, prop: Mapping[str, Any]) -> str:
    entries = ", ".join(f"`{_spelled(entry)}`" for entry in prop["default"])
    return f"By default `{name}` is {entries}."


def _spelled(value: Any) -> str:
    """Return a value as YAML has it; texts without quotes, whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list):
        return f"[{', '.join(_spelled(entry) for entry in value)}]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(render(sys.argv[1]))
