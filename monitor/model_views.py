"""What a model is worth, as the snapshot shows it and lines and alerts say it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
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
class ConfusionView:
    """Rows by label, then by predicted class, each in the order of `classes`; the baseline's where there is one."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    baseline: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True)
class CalibrationView:
    """The bins of one class's scores: their mean score, the share of rows that were of the class, and their rows."""

    of: str
    scores: tuple[float, ...]
    shares: tuple[float, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ModelTables:
    """What lies behind the metrics of a classifier over the cohort of the window [`start_ms`, `end_ms`)."""

    confusion: ConfusionView
    calibration: tuple[CalibrationView, ...]
    start_ms: int
    end_ms: int

    @property
    def rows(self) -> int:
        """How many rows have a prediction and a label."""
        return sum(map(sum, self.confusion.counts))


@dataclass(frozen=True)
class ModelState:
    """What is shown of a model: metrics and tables of the last cohort, and its join where there is one."""

    metrics: tuple[ModelView, ...] = ()
    join: JoinView | None = None
    tables: ModelTables | None = None

    def only(self, streams: AbstractSet[tuple[str, str, str]]) -> ModelState:
        """Return it with the metrics of these streams only: field, segment, rule."""
        return replace(self, metrics=tuple(m for m in self.metrics if (m.field, m.segment, m.rule) in streams))


NO_MODEL: Final = ModelState()
