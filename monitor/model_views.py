"""What a model is worth, as the snapshot shows it and lines and alerts say it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from monitor.types import Level


@dataclass(frozen=True)
class ModelView:
    """One metric of a model in one segment over the last cohort: a value with its 95 % interval, and its level.

    `source` is `realized` (with labels), `estimated` (without) or `errors` (a detector of concept drift). The cohort's
    predictions are those of the window [`start_ms`, `end_ms`), which is older than the one judged by as long as labels
    may take. `rows` of `predictions` had what the metric needs. `limits` are where levels begin, by level.
    """

    field: str
    rule: str
    metric: str
    source: str
    segment: str
    level: Level
    reason: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    error_bound: float | None = None
    baseline: float | None = None
    rows: int = 0
    predictions: int = 0
    start_ms: int = 0
    end_ms: int = 0
    evidence: str = ""


@dataclass(frozen=True)
class JoinView:
    """What became of a model's predictions and labels since the store began, and how many wait just now.

    `labels` by outcome; `sampled_ratio` is the share of all ids that is looked at, the delay a histogram of how long
    labels took; `ratio` the share of the last cohort's predictions that got one.
    """

    predictions: int
    matured: int
    late: int
    unsampled: int
    labels: Mapping[str, int]
    waiting_predictions: int
    waiting_labels: int
    sampled_ratio: float
    delay_bounds_s: tuple[float, ...]
    delay_counts: tuple[int, ...]
    delay_sum_s: float
    ratio: float | None = None


@dataclass(frozen=True)
class ModelState:
    """What is shown of a model: its metrics over the last cohort, and its join where there is one."""

    metrics: tuple[ModelView, ...] = ()
    join: JoinView | None = None

    def only(self, streams: AbstractSet[tuple[str, str, str]]) -> ModelState:
        """Return it with the metrics of these streams only: field, segment, rule."""
        return ModelState(tuple(m for m in self.metrics if (m.field, m.segment, m.rule) in streams), self.join)


NO_MODEL: Final = ModelState()
