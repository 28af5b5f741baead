"""Watching a model: its rows as they come, and what each judged window says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from monitor.model_views import JoinView, ModelState, ModelTables, ModelView
from monitor.models.causes import caused
from monitor.models.cohorts import Cohorts, delay_in_panes
from monitor.models.joining import DELAY_BOUNDS_S
from monitor.models.judging import NO_ROWS, judge_errors, judge_metrics, unknown_estimates, unknown_views
from monitor.models.plan import ModelPlan
from monitor.models.reference import ModelReference
from monitor.models.shares import judge_shares
from monitor.models.tables import tables_of
from monitor.performance import PerformanceCounts
from monitor.segments import Segmenter
from monitor.types import Level


class ModelWatch:
    """A model of a monitor with its cohorts; the monitor owns one.

    A window is judged when the watermark passes its end. What is estimated is of that window; what needs labels is of
    the window that ended `max_delay`, rounded up to whole panes, before it: all of its labels must have come by now. So
    every judged window has one cohort, and every cohort is judged once. Without a delay the two are one.
    """

    def __init__(
        self, plan: ModelPlan, segmenter: Segmenter, reference: ModelReference | None, *, pane_ms: int
    ) -> None:
        """Start with no rows; `reference` is the baseline's."""
        self.plan, self._labels = plan, segmenter.labels
        self._reference = None if reference is None else reference.lent(segmenter)
        self._pane_ms = pane_ms
        self._ratio: float | None = None
        self.tables: ModelTables | None = None
        self.cohorts = Cohorts(plan, segmenter, None if reference is None else reference.frame)
        self.delay_ms = delay_in_panes(plan, pane_ms)

    def next_ms(self, end_ms: int) -> int | None:
        """Return the end of the first window after that which ends at `end_ms` that has a cohort; None without one."""
        later = [start for start in self.cohorts.panes if start + self.delay_ms >= end_ms]
        return min(later) + self.delay_ms + self._pane_ms if later else None

    def judge(self, start_ms: int, end_ms: int, here: PerformanceCounts | None, unknown: str) -> tuple[ModelView, ...]:
        """Return what the window [start, end) says of the model.

        `here` are the outcomes accumulated in the window's panes, None where it has no row. `unknown`: why rows may be
        missing, so that every level is unknown; empty where none are.
        """
        found = [*self._estimated(start_ms, end_ms, here), *self._with_labels(start_ms, end_ms, here)]
        counts = self._counts(start_ms, end_ms, here)
        cohort = (start_ms - self.delay_ms, end_ms - self.delay_ms)
        self.tables = None if unknown else tables_of(counts, self._before, cohort)
        if unknown:
            return tuple(replace(view, level=Level.UNKNOWN, reason=unknown) for view in found)
        return caused(self.plan, tuple(found), counts, self._before)

    def _counts(self, start_ms: int, end_ms: int, here: PerformanceCounts | None) -> PerformanceCounts | None:
        """Return the counts with labels of the window's cohort."""
        if not self.plan.joined:
            return here
        cohort = self.cohorts.window(start_ms - self.delay_ms, end_ms - self.delay_ms)
        return None if cohort is None else cohort.counts

    @property
    def _before(self) -> PerformanceCounts | None:
        return None if self._reference is None else self._reference.counts

    def _estimated(self, start_ms: int, end_ms: int, here: PerformanceCounts | None) -> Iterator[ModelView]:
        window = (start_ms, end_ms)
        if here is None:
            yield from unknown_estimates(self.plan, self._labels, NO_ROWS, window)
        else:
            yield from judge_metrics(self.plan, "estimated", here, self._before, self._labels, window)
        yield from judge_shares(self.plan, here, self._before, self._labels, window)

    def _with_labels(self, start_ms: int, end_ms: int, here: PerformanceCounts | None) -> Iterator[ModelView]:
        window = (start_ms - self.delay_ms, end_ms - self.delay_ms)
        cohort = self.cohorts.window(*window) if self.plan.kept else None
        counts = here if not self.plan.joined else None if cohort is None else cohort.counts
        self._ratio = cohort.joined / cohort.predictions if cohort is not None and cohort.predictions else None
        if counts is None:
            yield from unknown_views(self.plan, self._labels, NO_ROWS, window)
            return
        yield from judge_metrics(self.plan, "realized", counts, self._before, self._labels, window)
        heard: Sequence[Any] = self.cohorts.nobody if cohort is None else cohort.errors
        whole = 0 if cohort is None else cohort.predictions
        yield from judge_errors(self.plan, heard, [whole, *counts.rows.tolist()[1:]], self._labels, window)

    def shown(self, metrics: tuple[ModelView, ...]) -> ModelState:
        """Return what is shown of the model once those are the last metrics."""
        return ModelState(metrics, self._join(), self.tables)

    def _join(self) -> JoinView | None:
        """Return what became of predictions and labels; None where they are not joined."""
        if not self.plan.joined:
            return None
        joiner = self.cohorts.joiner
        counts = joiner.counts
        return JoinView(
            counts.predictions,
            counts.matured,
            counts.late,
            counts.unsampled,
            {"joined": counts.joined, "duplicate": counts.duplicate, "orphan": counts.orphan},
            len(joiner.pool),
            len(joiner.labels),
            joiner.sampled_ratio,
            DELAY_BOUNDS_S,
            tuple(counts.delays),
            counts.delay_sum_s,
            self._ratio,
        )
