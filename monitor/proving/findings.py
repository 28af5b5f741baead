"""What the injections add up to: detection by kind and severity, what is caught at the least, false pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np

from monitor.intervals import wilson
from monitor.proving.limits import Limit
from monitor.proving.survey import Tried

_CHI2_LOW, _CHI2_HIGH = 0.025, 0.975


@dataclass(frozen=True)
class Detection:
    """A kind of fault at one severity: how many of the injections were caught, with a 95 % interval of the share.

    Delays are in windows, of what was caught; `named_first` and `named_in_three` are shares of what was caught.
    """

    fault: str
    level: str
    noncentrality: float
    injections: int
    caught: int
    ratio: float
    lower: float
    upper: float
    median_delay: float | None
    worst_delay: int | None
    named_first: float | None
    named_in_three: float | None
    severities: tuple[float, float]


@dataclass(frozen=True)
class FalsePages:
    """What paged without a fault, in so many windows, and per thousand of them with a 95 % interval (Poisson)."""

    pages: int
    windows: int
    per_thousand: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Findings:
    """Everything that `dope` found out about a configuration."""

    monitor: str
    windows: int
    rows_per_window: int
    within: int
    onsets: int
    seed: int
    false_pages: FalsePages
    detections: tuple[Detection, ...]
    limits: tuple[Limit, ...] = ()
    left_out: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = field(default=(), repr=False)

    @property
    def blind_fields(self) -> tuple[str, ...]:
        """The fields of which nothing is caught, however bad it is."""
        fields = dict.fromkeys(limit.field for limit in self.limits)
        return tuple(
            name for name in fields if all(item.smallest is None for item in self.limits if item.field == name)
        )

    @property
    def blind(self) -> bool:
        """Whether nothing is caught of any field, however bad it is; without limits, whether nothing was caught."""
        if self.limits:
            return len(self.blind_fields) == len({limit.field for limit in self.limits})
        return not any(item.caught for item in self.detections)

    def plain(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "kind": "dope",
            "monitor": self.monitor,
            "windows": self.windows,
            "rows_per_window": self.rows_per_window,
            "within": self.within,
            "onsets": self.onsets,
            "seed": self.seed,
            "blind": self.blind,
            "false_pages": asdict(self.false_pages),
            "faults": [asdict(item) for item in self.detections],
            "fields": _by_field(self.limits),
            "left_out": list(self.left_out),
            "injections": [_plain(item) for item in self.tried],
        }


def detections(tried: Iterable[Tried]) -> tuple[Detection, ...]:
    """Return what injections of the same kind and severity add up to, in their order."""
    groups: dict[tuple[str, str], list[Tried]] = {}
    for item in tried:
        groups.setdefault((item.fault, item.level), []).append(item)
    return tuple(_detection(items) for items in groups.values())


def false_pages(pages: int, windows: int) -> FalsePages:
    """Return the rate of pages with Garwood's exact interval."""
    from scipy.stats import chi2  # noqa: PLC0415 - half a second that only this command needs

    per = 1000 / max(windows, 1)
    lower = float(chi2.ppf(_CHI2_LOW, 2 * pages)) / 2 if pages else 0.0
    return FalsePages(pages, windows, pages * per, lower * per, float(chi2.ppf(_CHI2_HIGH, 2 * pages + 2)) / 2 * per)


def share_with_bounds(caught: int, n: int) -> tuple[float, float, float]:
    """Return a share and Wilson's 95 % interval of it."""
    low, high = wilson(np.array([caught / n]), np.array([float(n)]))
    return caught / n, float(low[0]), float(high[0])


def _detection(items: Sequence[Tried]) -> Detection:
    found = [item.caught for item in items if item.caught is not None]
    ratio, lower, upper = share_with_bounds(len(found), len(items))
    severities = [item.severity for item in items]
    return Detection(
        items[0].fault,
        items[0].level,
        items[0].noncentrality,
        len(items),
        len(found),
        ratio,
        lower,
        upper,
        float(median(caught.delay for caught in found)) if found else None,
        max((caught.delay for caught in found), default=None),
        sum(item.first for item in items) / len(found) if found else None,
        sum(item.among_three for item in items) / len(found) if found else None,
        (min(severities), max(severities)),
    )


def _by_field(found: Sequence[Limit]) -> list[dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {}
    for limit in found:
        fields.setdefault(limit.field, {"field": limit.field})[limit.measure] = limit.smallest
    return list(fields.values())


def _plain(item: Tried) -> dict[str, Any]:
    caught = item.caught
    return {
        "fault": item.fault,
        "severity": item.level,
        "noncentrality": item.noncentrality,
        "amount": item.severity,
        "field": item.field,
        "onset_ms": item.onset_ms,
        "caught": caught is not None,
        "delay": None if caught is None else caught.delay,
        "named": [] if caught is None else list(caught.named),
        "named_first": item.first,
        "named_in_three": item.among_three,
    }
