"""What pydantic and the rules found, as problems a person can act on: path, line, value, remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic_core import ErrorDetails

from monitor.config.document import Document, Loc, dotted
from monitor.config.masking import MASK, is_masked
from monitor.config.shape import allowed_keys, allowed_kinds, is_number, leaves
from monitor.config.violation import Violation
from monitor.errors import Problem

_SHOWN = 60
_MAPPINGS = ("model_type", "model_attributes_type", "dict_type")
_CONTAINERS = (*_MAPPINGS, "list_type", "tuple_type", "set_type", "frozen_set_type")
_VALUELESS = ("extra_forbidden", "missing", "union_tag_not_found")
_ECHOES = ("default_factory_not_called", "parts_disagree")
"""Errors that repeat another: of a default that hangs on a bad value, and of the rules, which are told apart."""


def problems_of(details: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """Return one problem for each location that is wrong, in the order found."""
    merged: dict[str, Problem] = {}
    for detail in details:
        if detail["type"] in _ECHOES:
            continue
        problem = _problem(detail, document)
        earlier = merged.setdefault(problem.path, problem)
        if problem.message not in earlier.message:  # the branches of a plain union: text, else a number …
            merged[problem.path] = replace(earlier, message=f"{earlier.message}, or {problem.message}")
    return list(merged.values())


def problem_of(violation: Violation, document: Document) -> Problem:
    """Return a violated rule as a problem, on the line of the nearest part that is written down."""
    line = _line(violation.loc, document)
    return Problem(dotted(violation.loc), violation.message, line, remedy=violation.remedy)


def misplaced_booleans(document: Document) -> list[Problem]:
    """Return a problem for each true or false where a number belongs, which pydantic takes for 1 or 0."""
    return [
        Problem(dotted(loc), "must be a number", _line(loc, document), str(value).lower())
        for loc, steps, value in leaves(document.value)
        if isinstance(value, bool) and is_number(steps)
    ]


def _problem(detail: ErrorDetails, document: Document) -> Problem:
    loc, steps = _places(detail, document.value)
    message, remedy = _words(detail, steps)
    value = _shown(detail)
    if detail["type"] == "union_tag_invalid":
        loc = (*loc, "kind")
        value = str(detail["ctx"]["tag"])
    if value is not None and is_masked(loc, steps, document):
        value = MASK
    return Problem(dotted(loc), message, _line(loc, document), value, remedy)


def _places(detail: ErrorDetails, data: Any) -> tuple[Loc, Loc]:
    """Return the location in the text, and the same with the tags of unions, which the schema needs.

    Pydantic's own location holds tags and the branches of plain unions, which nobody wrote; they are
    told apart from keys by walking the data alongside.
    """
    loc: list[str | int] = []
    steps: list[str | int] = []
    parts = [part for part in detail["loc"] if part != "[key]"]
    tagged = True  # the root is no union
    for part in parts:
        if isinstance(data, dict) and not tagged and data.get("kind") == part:
            tagged = True
            steps.append(part)
        elif isinstance(data, dict) and (part in data or (detail["type"] == "missing" and part == parts[-1])):
            data, tagged = data.get(str(part)), False
            loc.append(part)
            steps.append(part)
        elif isinstance(data, list) and isinstance(part, int):
            data, tagged = data[part] if part < len(data) else None, False
            loc.append(part)
            steps.append(part)
    return tuple(loc), tuple(steps)


def _words(detail: ErrorDetails, steps: Loc) -> tuple[str, str | None]:
    """Return the message and the remedy of one error."""
    context: dict[str, Any] = detail.get("ctx") or {}
    message = detail["msg"].replace("Input should", "must").replace("Value should", "must")
    remedy = None
    match detail["type"]:
        case "extra_forbidden":
            message, remedy = "unknown key", _meant(str(steps[-1]), allowed_keys(steps[:-1]))
        case "missing":
            message = "is required and missing"
        case "union_tag_not_found":
            message, remedy = "has no kind", f"add one of kind: {', '.join(allowed_kinds(steps))}"
        case "union_tag_invalid":
            message, remedy = "unknown kind", _meant(str(context["tag"]), _quoted(context["expected_tags"]))
        case "literal_error" | "enum":
            message, remedy = "not one of the possible values", _choices(detail, context)
        case "value_error":
            message, _, rest = str(context.get("error", message)).partition("; ")
            remedy = rest or None
        case "string_type" if isinstance(detail["input"], bool | int | float):
            message, remedy = "must be text", "put it in quotes"
        case kind if kind in _MAPPINGS:
            keys = allowed_keys(steps)
            message, remedy = "must be a mapping", f"its keys are {', '.join(keys)}" if keys else None
        case kind if kind in _CONTAINERS:
            message, remedy = "must be a list", "write [one, two], or one `- item` a line"
    return message, remedy


def _choices(detail: ErrorDetails, context: dict[str, Any]) -> str | None:
    """Return the remedy for a value that is none of a fixed few, which may be texts or numbers."""
    expected = str(context["expected"])
    return _meant(str(detail["input"]), _quoted(expected)) if "'" in expected else f"possible: {expected}"


def _quoted(expected: object) -> list[str]:
    """Return the words in a list such as `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", str(expected))


def _meant(wrong: str, possible: Iterable[str]) -> str | None:
    """Return the remedy for a misspelt word: the closest possible one, and all of them."""
    possible = list(possible)
    if not possible:
        return None
    close = difflib.get_close_matches(wrong.lower(), possible, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}possible: {', '.join(possible)}"


def _shown(detail: ErrorDetails) -> str | None:
    """Return the offending value in short; what is inside a container, or stands for one, is not told."""
    value = detail["input"]
    if detail["type"] in _VALUELESS:
        return None
    if isinstance(value, dict | list | tuple):
        own_words = detail["type"] == "value_error"
        return None if own_words else "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if detail["type"] in _CONTAINERS:
        return "text" if isinstance(value, str) else "a number"
    text = re.sub(r"//[^/@\s]*@", f"//{MASK}@", str(value)).encode("unicode_escape").decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _line(loc: Loc, document: Document) -> int | None:
    """Return the line of `loc`, or of the nearest part around it that is written down."""
    return next((document.lines[loc[:end]] for end in range(len(loc), -1, -1) if loc[:end] in document.lines), None)
