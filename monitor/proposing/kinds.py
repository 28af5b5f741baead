"""Decides what a field is: a measurement, a code, a category, an identifier, a text; and says why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from monitor.proposing.facts import Facts
from monitor.proposing.scalars import shown
from monitor.types import FieldType, Presence

_CODE_NAME = re.compile(
    r".*(_|^)(code|codes|status|type|kind|class|category|flag|level|mcc|label|pred|version|tier|grade|gender|sex)(_.*|$)"
)
_ID_NAME = re.compile(r"(.*(_|^))?(id|ids|uuid|guid|key|number|no|num|nr|seq|sequence|offset|hash|token)$")
_FEW_CODES, _MOST_CODES = 2, 50
_FEW_CATEGORIES, _MOST_CATEGORIES = 20, 300
_ROWS_A_CATEGORY = 20
_NEARLY_ALL = 0.995
_TREND = 0.9


class Role(Enum):
    """What a field's values are good for."""

    MEASURE = "measure"
    CODE = "code"
    CATEGORY = "category"
    IDENTIFIER = "identifier"
    TEXT = "text"
    TREND = "trend"
    CONSTANT = "constant"
    VECTOR = "vector"
    EMPTY = "empty"


@dataclass(frozen=True)
class Kind:
    """A field's type in the configuration, its role, and the reason with numbers."""

    type: FieldType
    role: Role
    why: str


def kind_of(facts: Facts) -> Kind:
    """Return what the field is."""
    missing = 1 - facts.usable / facts.rows if facts.rows else 1.0
    if missing > _NEARLY_ALL and facts.presence[Presence.NULL] + facts.presence[Presence.ABSENT] > facts.unusable:
        return Kind(
            _plain(facts), Role.EMPTY, f"missing in {missing:.2%} of {facts.rows:,} rows: too little to learn from"
        )
    said = _others(facts)
    if facts.leaf.kind == "vector":
        return Kind("vector", Role.VECTOR, f"arrays of {facts.leaf.dimension} numbers{said}")
    if facts.leaf.kind == "boolean":
        share = {str(value): n / facts.usable for value, n in facts.counts}
        return Kind("boolean", Role.CATEGORY, f"true in {share.get('true', 0.0):.1%} of values{said}")
    if facts.distinct == 1 and facts.usable >= 100:
        value = facts.counts[0][0]
        value = shown(str(int(value) if facts.whole_number(value) else value))
        return Kind(_plain(facts), Role.CONSTANT, f"always {value} in the sample{said}")
    return _number(facts, said) if facts.leaf.kind in ("number", "integer") else _text(facts, said)


def _plain(facts: Facts) -> FieldType:
    if facts.leaf.kind == "vector":
        return "vector"
    if facts.leaf.kind == "text":
        return "category" if facts.distinct <= _MOST_CATEGORIES else "text"
    return "boolean" if facts.leaf.kind == "boolean" else "integer" if facts.whole else "number"


def _number(facts: Facts, said: str) -> Kind:
    kind: FieldType = "integer" if facts.whole else "number"
    if facts.whole and facts.leaf.kind == "number":
        said += "; written with a fraction, which is always 0"
    what = f"{'whole numbers' if facts.whole else 'numbers'}, {facts.distinct:,} different{said}"
    if facts.whole and facts.unique and (facts.usable >= 1000 or _ID_NAME.fullmatch(facts.name)):
        return Kind(kind, Role.IDENTIFIER, f"whole numbers, no two of {facts.usable:,} equal: an identifier{said}")
    if abs(facts.trend) > _TREND:
        return Kind(kind, Role.TREND, f"{what}; follows time (rank correlation {facts.trend:.2f})")
    named = _CODE_NAME.fullmatch(facts.name) is not None
    if facts.whole and facts.distinct <= (_MOST_CODES if named else _FEW_CODES):
        if facts.fleeting:
            return Kind(kind, Role.TREND, f"{what}, which come and go with time ({facts.fleeting})")
        return Kind(kind, Role.CODE, f"{what}: a code, whose order means nothing")
    if facts.whole and _ID_NAME.fullmatch(facts.name) and facts.distinct > _MOST_CODES:
        return Kind(kind, Role.MEASURE, f"{what}; the name sounds like an identifier, but values repeat")
    return Kind(kind, Role.MEASURE, what)


def _text(facts: Facts, said: str) -> Kind:
    if facts.unique and facts.usable >= 100:
        return Kind("text", Role.IDENTIFIER, f"no two of {facts.usable:,} values are equal: an identifier{said}")
    few = facts.distinct <= _FEW_CATEGORIES or facts.usable >= _ROWS_A_CATEGORY * facts.distinct
    if few and facts.distinct <= _MOST_CATEGORIES:
        return Kind("category", Role.CATEGORY, f"{facts.distinct:,} different values in {facts.usable:,}{said}")
    return Kind(
        "text", Role.TEXT, f"{facts.distinct:,} different values in {facts.usable:,}, too many for categories{said}"
    )


def _others(facts: Facts) -> str:
    """Return which share of the values is of another kind, where there is any."""
    absent = facts.rows - facts.present
    there = f"; in {facts.present / facts.rows:.1%} of rows" if absent else ""
    if not facts.unusable:
        return there
    own = {"number": ("number", "integer"), "integer": ("integer",)}.get(facts.leaf.kind, (facts.leaf.kind,))
    if facts.leaf.kind == "vector":
        own = ("numbers",)
    names = [kind for kind, n in facts.leaf.counts.items() if n and kind not in (*own, "null")]
    share = facts.unusable / (facts.usable + facts.unusable)
    return f"{there}; {share:.2%} of the values are of another type ({', '.join(names) or 'not finite'})"
