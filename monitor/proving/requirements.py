"""What is required of a configuration, such as `recall.medium>=0.9`, and whether it holds."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from monitor.proving.findings import Findings
from monitor.proving.limits import MEASURES
from monitor.proving.survey import Tried

_FORM = re.compile(r"\s*([a-z_]+)((?:\.[^<>=\s]+)*)\s*(>=|<=|>|<)\s*([0-9.]+(?:e-?[0-9]+)?)\s*")
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
MEASURED = ("recall", "delay", "named", "false_pages", *MEASURES)


@dataclass(frozen=True)
class Requirement:
    """A number that is found out, of some kinds, severities or a field only, and its bound."""

    text: str
    measured: str
    of: tuple[str, ...]
    holds: Callable[[float, float], bool]
    bound: float


@dataclass(frozen=True)
class Answer:
    """A requirement, the number that was found (NaN: there is none, which holds nothing), and whether it holds."""

    requirement: Requirement
    found: float
    holds: bool


def parse(text: str) -> Requirement:
    """Return the requirement that a text says; raises ValueError, with what is allowed, where it says none."""
    match = _FORM.fullmatch(text)
    if match is None or match[1] not in MEASURED:
        raise ValueError(
            f"{text!r} is no requirement; write NAME[.ONLY]>=NUMBER, where NAME is one of {', '.join(MEASURED)}, "
            "ONLY a fault, a severity or (of nulls, shift and mix) a field, and >= may be <=, > or <"
        )
    try:
        bound = float(match[4])
    except ValueError:
        raise ValueError(f"{match[4]!r} in {text!r} is no number") from None
    only = match[2].removeprefix(".")
    parts = (only,) if match[1] in MEASURES and only else tuple(filter(None, only.split(".")))
    return Requirement(text.strip(), match[1], parts, _HOLDS[match[3]], bound)


def answer(requirement: Requirement, findings: Findings) -> Answer:
    """Return what was found of a requirement.

    recall: the share of injections that were caught. delay: their median, in windows. named: the share of what was
    caught that named the right field first. false_pages: a thousand windows. nulls, shift, mix: the largest of the
    fields' smallest, infinite where a field has none.
    """
    found = _found(requirement, findings)
    return Answer(requirement, found, not math.isnan(found) and requirement.holds(found, requirement.bound))


def _found(requirement: Requirement, findings: Findings) -> float:
    if requirement.measured == "false_pages":
        return findings.false_pages.per_thousand
    if requirement.measured in MEASURES:
        smallest = [
            limit.smallest
            for limit in findings.limits
            if limit.measure == requirement.measured and (not requirement.of or limit.field in requirement.of)
        ]
        return max((math.inf if value is None else value for value in smallest), default=math.nan)
    tried = [item for item in findings.tried if all(word in (item.fault, item.level) for word in requirement.of)]
    caught = [item for item in tried if item.caught is not None]
    if requirement.measured == "recall":
        return len(caught) / len(tried) if tried else math.nan
    if requirement.measured == "delay":
        return _median_delay(caught)
    return sum(item.first for item in caught) / len(caught) if caught else math.nan


def _median_delay(caught: Sequence[Tried]) -> float:
    delays = [item.caught.delay for item in caught if item.caught is not None]
    return float(median(delays)) if delays else math.inf
