"""Matchers: what a silence, a maintenance window or an inhibition says of the labels of the alerts it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

Operator = Literal["=", "!=", "=~", "!~"]

LONGEST_VALUE = 500
"""Characters of a value or an expression; longer labels can still be matched by an expression."""

_MATCHER = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"n])')


@dataclass(frozen=True, order=True)
class Matcher:
    """One condition on a label, as Alertmanager and amtool write it; a label that is not there is empty.

    `=~` and `!~` take a regular expression of RE2's that must match the whole value. RE2 never backtracks: the time
    is linear in the length of the value, whatever the expression.
    """

    name: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil the condition."""
        found = labels.get(self.name, "")
        match self.operator:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "=~":
                return _fits(self.value, found)
            case "!~":
                return not _fits(self.value, found)

    def __str__(self) -> str:
        """Return what `parse_matcher` reads back."""
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{escaped}"'


def parse_matcher(text: str) -> Matcher:
    r"""Return the matcher of `field=amount`, `segment!="country=DE"`, `rule=~"psi|ks"` or `field!~x.*`.

    In quotes `\"`, `\\` and `\n` are escapes. Raises ValueError with what is allowed.
    """
    match = _MATCHER.fullmatch(text)
    if match is None:
        raise ValueError("not a matcher; write label=value, label!=value, label=~expression or label!~expression")
    value = match[3]
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise ValueError("a quote is open; close it, or leave both away")
        value = _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], value[1:-1])
    if len(value) > LONGEST_VALUE:
        raise ValueError(f"longer than {LONGEST_VALUE} characters; match a shorter part of it with =~ and .*")
    operator = cast("Operator", match[2])
    if operator in ("=~", "!~"):
        _check_expression(value)
    return Matcher(match[1], operator, value)


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Return the matchers; raises ValueError when one is wrong, or when all of them match an alert without labels.

    That is what Alertmanager refuses too: a slip such as `field=~.*` would silence everything.
    """
    matchers = tuple(parse_matcher(text) for text in texts)
    if not matchers:
        raise ValueError("no matcher; name at least one label, such as field=amount")
    if all(matcher.matches({}) for matcher in matchers):
        raise ValueError("would match every alert; add a matcher that asks for a value, such as monitor=payments")
    return matchers


def match_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether the labels fulfil every condition."""
    return all(matcher.matches(labels) for matcher in matchers)


def _check_expression(expression: str) -> None:
    """Refuse what RE2 does not take, by itself and in the group that anchors it."""
    for pattern in (expression, _anchored(expression)):
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:
            raise ValueError(f"not a regular expression of RE2's: {str(error).splitlines()[0][:200]}") from error


def _anchored(expression: str) -> str:
    return rf"\A(?:{expression})\z"


@lru_cache(maxsize=50_000)
def _fits(expression: str, value: str) -> bool:
    """Return whether the whole value matches; remembered, since the same few alerts are asked about again and again."""
    sound = value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to Arrow
    return bool(pc.match_substring_regex(pa.array([sound]), _anchored(expression))[0].as_py())
