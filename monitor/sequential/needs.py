"""What a series is read from, and what its verdicts are of."""

from __future__ import annotations

from typing import Any

from monitor.accumulators.distinct import DistinctSpec
from monitor.accumulators.log_cells import LogCellsSpec
from monitor.accumulators.moments import MomentsSpec
from monitor.accumulators.presence import PresenceSpec

_KINDS: dict[str, Any] = {
    "mean": MomentsSpec,
    "stddev": MomentsSpec,
    "missing_ratio": PresenceSpec,
    "invalid_ratio": PresenceSpec,
    "distinct": DistinctSpec,
    "quantile": LogCellsSpec,
}


def needed(spec: Any) -> Any:
    """Return the Spec of the accumulator that a series is read from; None where it is none."""
    statistic = getattr(spec, "statistic", "")
    return _KINDS[statistic](field=spec.field) if statistic in _KINDS else None


def stream_field(spec: Any) -> str:
    """Return what a verdict has as its field: the field, the check's name, or nothing of `rows`."""
    return str(spec.check or getattr(spec, "field", None) or "")


def subject(spec: Any) -> str:
    """Return what a series is of, in words."""
    if spec.binary:
        return f"share of windows in which the check {spec.check} fails"
    names = {
        "rows": "rows of a window",
        "failure_ratio": f"failure ratio of the check {spec.check}",
        "score": f"{spec.detector} of {spec.field}",
        "quantile": f"quantile {spec.quantile} of {spec.field}",
    }
    return names.get(spec.statistic, f"{spec.statistic.replace('_', ' ')} of {spec.field}")
