"""Makes values.schema.json: closed, with the types of the defaults and what the comments say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from helm.values import Value

_TYPES = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
_TEXT = {"type": "string"}
_DURATION = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}

_DEFINITIONS: dict[str, Any] = {
    "labels": {"type": "object", "additionalProperties": _TEXT},
    "texts": {"type": "object", "additionalProperties": _TEXT},
    "strings": {"type": "array", "items": _TEXT},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
    "named": {
        "type": "array",
        "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
    },
    "references": {
        "type": "object",
        "propertyNames": {"pattern": "^[-._A-Za-z0-9]+$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "key"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "description": "Name of the Secret."},
                "key": {"type": "string", "minLength": 1, "description": "Key in the Secret."},
                "optional": {"type": "boolean", "description": "Start without it too."},
            },
        },
    },
}


def schema_text(values: Sequence[Value], alerts: Mapping[str, bool]) -> str:
    """Return the schema (draft 7, which every Helm understands) of the values.

    `alerts` are the names of the alerts that can be changed, and whether each has a threshold.
    """
    root = _closed({})
    for value in values:
        _put(root, value)
    # Of a parent chart: what is global, and the condition by which this chart is a part of it.
    root["properties"]["global"] = {"type": "object", "description": "Values of a parent chart."}
    root["properties"]["enabled"] = {"type": "boolean", "description": "Condition of a parent chart."}
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart driftline",
        **root,
        "definitions": _DEFINITIONS | {"alerts": _alerts(alerts)},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _put(root: dict[str, Any], value: Value) -> None:
    """Put a value's schema at its path, with closed objects on the way."""
    here = root
    for name in value.path[:-1]:
        here = here["properties"].setdefault(name, _closed({}))
    here["properties"][value.path[-1]] = _of(value)


def _of(value: Value) -> dict[str, Any]:
    """Return the schema of one value. References have no siblings in draft 7, so the description goes around them."""
    own = {"description": value.text, "default": value.default}
    if "$ref" in value.schema:
        return own | {"allOf": [value.schema]}
    typed = {} if {"type", "enum", "const"} & value.schema.keys() else {"type": _type(value.default)}
    return own | typed | value.schema


def _type(default: Any) -> str:
    return next(name for kind, name in _TYPES if isinstance(default, kind))


def _alerts(alerts: Mapping[str, bool]) -> dict[str, Any]:
    """Return the schema of what can be changed of each alert."""
    change = {
        "enabled": {"type": "boolean", "description": "False: leave it out."},
        "for": _DURATION | {"description": "How long it must hold."},
        "keepFiringFor": _DURATION | {"description": "How long it fires on after that."},
        "severity": {"type": "string", "minLength": 1, "description": "Instead of its own."},
        "labels": {"allOf": [{"$ref": "#/definitions/labels"}], "description": "More labels."},
        "annotations": {"allOf": [{"$ref": "#/definitions/labels"}], "description": "More annotations."},
    }
    threshold = {"threshold": {"type": "number", "description": "Instead of its own."}}
    return _closed({name: _closed(threshold | change if has else change) for name, has in alerts.items()})
