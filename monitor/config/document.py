"""A YAML text as plain values, with the line of each, by the rules of YAML 1.2.

PyYAML follows YAML 1.1, in which `NO` is false, `12:30` is 750 and `010` is 8. Here only true and
false are booleans, and numbers are written as in JSON (also `0x1F`, `0o17`, `.inf`). Keys are text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.config.interpolation import expand
from monitor.errors import Problem

Loc = tuple[str | int, ...]
MAX_NODES = 50_000
MAX_DEPTH = 40
MAX_OUTSIDE_CHARS = 8 * 1024 * 1024
"""So much text may come from variables and files in all, as aliases can name one file fifty thousand times."""
_TAG = "tag:yaml.org,2002:"
_PLAIN = (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
)


@dataclass
class Document:
    """The values of a YAML text. `lines` and `outside` go by location; a key's line is the key's own."""

    value: Any = None
    lines: dict[Loc, int] = field(default_factory=dict)
    outside: set[Loc] = field(default_factory=set)
    """Values that came, even in part, from the environment or a file: never shown."""
    problems: list[Problem] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the plain scalars of YAML 1.2 and a limit on nesting."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; raises ComposerError where it is nested too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.get_mark()
            raise yaml.composer.ComposerError(None, None, f"nested more than {MAX_DEPTH} deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def read_document(text: str, env: Mapping[str, str]) -> Document:
    """Return the values of the one document in `text`, interpolated, with every problem found.

    Never raises on bad text: malformed YAML gives a document of None and its problem.
    """
    document = Document()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else None
        document.problems.append(Problem("document", f"not YAML: {message}", line=line))
        return document
    except (ValueError, OverflowError) as error:
        # PyYAML lets through what Python says of "\\UFFFFFFFF" and of a %YAML of five thousand digits.
        message = f"not YAML: {str(error)[:200]}"
        document.problems.append(Problem("document", message, remedy="look for an escape or a directive out of range"))
        return document
    except yaml.YAMLError as error:
        document.problems.append(Problem("document", f"not YAML: {str(error).splitlines()[0]}"))
        return document
    if node is not None:
        try:
            document.value = _Values(document, env).of(node, ())
        except _TooBigError as error:
            document.value = None
            document.problems.append(Problem("document", error.message, line=error.line, remedy="use fewer aliases"))
    return document


class _TooBigError(Exception):
    """The document grows beyond its limits when aliases and references are written out."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _Values:
    """Turns nodes into values, writing aliases out, and notes lines and problems in the document."""

    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self._document = document
        self._env = env
        self._count = 0
        self._outside_chars = 0

    def of(self, node: yaml.Node, loc: Loc) -> Any:
        """Return the value of `node`, which stands at `loc`; raises _TooBigError beyond the limits."""
        self._count += 1
        if self._count > MAX_NODES or len(loc) > MAX_DEPTH:
            message = f"aliases make more than {MAX_NODES} values, or nest more than {MAX_DEPTH} deep"
            raise _TooBigError(node.start_mark.line + 1, message)
        self._document.lines.setdefault(loc, node.start_mark.line + 1)
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.of(item, (*loc, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            return self._scalar(node, kind, loc)
        self._problem(loc, node, f"the tag {node.tag} is not allowed here", "leave it out")
        return None

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._problem(loc, key, "a key is not text", "write `key: value`")
                continue
            name = key.value
            at = (*loc, name)
            if name in first:
                self._problem(at, key, f"the key stands here twice, first in line {first[name]}", "remove one")
                continue
            if name == "<<" and not key.style:
                self._problem(
                    at, key, "merge keys are not part of YAML 1.2", "write the values out, or alias whole ones"
                )
                continue
            first[name] = line
            self._document.lines[at] = line
            values[name] = self.of(value, at)
        return values

    def _scalar(self, node: yaml.ScalarNode, kind: str, loc: Loc) -> Any:
        if kind != "str":
            try:
                return _SCALARS[kind](node.value)
            except ValueError:  # an explicit !!int on text, or an integer of thousands of digits
                self._problem(loc, node, f"not a value of type {kind}", None)
                return None
        if "${" not in node.value:
            return node.value
        expansion = expand(node.value, self._env)
        if expansion.outside:
            self._document.outside.add(loc)
            self._outside_chars += len(expansion.text)
            if self._outside_chars > MAX_OUTSIDE_CHARS:
                message = f"variables and files bring in more than {MAX_OUTSIDE_CHARS} characters"
                raise _TooBigError(node.start_mark.line + 1, message)
        for message, remedy in expansion.faults:
            self._problem(loc, node, message, remedy)
        return expansion.text

    def _problem(self, loc: Loc, node: yaml.Node, message: str, remedy: str | None) -> None:
        line = node.start_mark.line + 1
        self._document.problems.append(Problem(dotted(loc), message, line=line, remedy=remedy))


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _int(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:], base) if base != 10 else int(text)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Any] = {"null": lambda _: None, "bool": _bool, "int": _int, "float": _float, "str": str}


def dotted(loc: Loc) -> str:
    """Return a location as text, such as `fields."merchant.mcc".drift[0].warning`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        shown = part if re.fullmatch(r"[\w$-]+", part) else '"' + part[:80].encode("unicode_escape").decode() + '"'
        text += f".{shown}" if text else shown
    return text or "document"
