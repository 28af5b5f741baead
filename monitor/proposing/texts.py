"""What texts look like: well-known formats, placeholders for missing values, numbers in quotes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from monitor.checks import FormatSpec, NumericTextSpec, PlaceholderSpec
from monitor.checks.format import Format
from monitor.proposing.facts import Facts
from monitor.types import Batch, Column, Presence, TopicPartition

_ORDER = ("uuid", "iban", "email", "url", "ipv4", "ipv6", "ip", "iso_date", "iso_datetime", "semver", "e164", "card")
_CODES = ("country", "currency")
"""Short codes match by chance: they need several values, or a name that says so."""
_FEWEST = 100
_FEWEST_CODES = 5


def format_of(facts: Facts) -> str | None:
    """Return the most special format that every value has, None where there is none or there are few values."""
    if facts.usable < _FEWEST or facts.leaf.kind != "text":
        return None
    for name in (*_ORDER, *_CODES):
        named = name in facts.name
        enough = facts.distinct >= _FEWEST_CODES if name in _CODES or name in ("semver", "card") else facts.distinct > 1
        if name in get_args(Format) and (enough or named) and not failing(FormatSpec, facts, format=name):
            return name
    return None


def placeholders_of(facts: Facts) -> int:
    """Return how many values stand for a missing one; of numbers only those at an end and not by themselves there."""
    if facts.leaf.kind in ("boolean", "vector") or not facts.usable:
        return 0
    if facts.leaf.kind == "text":
        return failing(PlaceholderSpec, facts)
    listed = np.isin(facts.sorted, PlaceholderSpec(field=facts.path).numbers)
    ends = (facts.sorted == facts.sorted[0]) | (facts.sorted == facts.sorted[-1])
    found = int((listed & ends).sum())
    return found if found >= max(3, facts.usable // 1000) else 0


def numbers_in(facts: Facts) -> int:
    """Return how many texts are numbers."""
    return failing(NumericTextSpec, facts) if facts.leaf.kind == "text" and facts.usable else 0


def examples(facts: Facts, wanted: int = 3) -> Iterator[str]:
    """Yield the most frequent values as text."""
    for value, _ in facts.counts[:wanted]:
        yield str(value)


def failing(spec: type[FormatSpec | PlaceholderSpec | NumericTextSpec], facts: Facts, **settings: str) -> int:
    """Return how many usable values fail the check that will run."""
    check = spec.model_validate({"field": facts.path, **settings}).build()
    values = facts.column.valid
    column = Column(values, np.full(len(values), Presence.OK, np.uint8))
    nothing = np.zeros(len(values), np.int64)
    batch = Batch(TopicPartition("sample", 0), nothing, nothing, nothing, {facts.path: column})
    return int(check.failures(batch)[0].sum())
