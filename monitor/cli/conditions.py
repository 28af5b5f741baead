"""Conditions on a command's numbers that make it end with exit code 1: `pages_per_week>2`, `critical`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

_FORM = re.compile(r"\s*([a-z_]+)\s*(?:(>=|<=|==|!=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*)?")
_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Condition:
    """A number by its name, compared with another one."""

    name: str
    operator: str
    limit: float

    def holds(self, numbers: Mapping[str, float]) -> bool:
        """Return whether it holds of these numbers."""
        return _OPERATORS[self.operator](numbers[self.name], self.limit)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.name}{self.operator}{self.limit:g}"


def parse_condition(text: str, names: Collection[str]) -> Condition:
    """Return the condition; a name by itself means more than none. Raises ValueError with what is allowed."""
    match = _FORM.fullmatch(text)
    if match is None or match[1] not in names:
        known = ", ".join(names)
        raise ValueError(
            f"{text!r} is not a condition; write a name, or a name, one of > >= < <= == !=, and a number, "
            f"such as pages_per_week>2. Names: {known}"
        )
    return Condition(match[1], match[2] or ">", float(match[3] or 0))
