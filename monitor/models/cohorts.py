"""Cohorts: the predictions of one pane once all of their labels must have come, counted together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.checks.keys import key_hashes, known_keys
from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray, hash_strings, mix
from monitor.models.error_streams import NOBODY, ErrorStreams
from monitor.models.errors import HeardErrors
from monitor.models.joining import Joiner, Labels
from monitor.models.plan import ModelPlan
from monitor.models.pool import Run
from monitor.models.reading import known, outcomes, said
from monitor.models.tracked import TrackedSpec
from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame
from monitor.protocols import State
from monitor.segments import Segmenter
from monitor.types import Batch, FloatArray, Groups, IntArray, MaskArray, TopicPartition


@dataclass
class Cohort:
    """One pane's predictions: how many there are, how many have a label, their counts, and what detectors heard."""

    counts: PerformanceCounts | None
    predictions: int = 0
    joined: int = 0
    errors: tuple[HeardErrors, ...] = ()

    def state(self) -> State:
        """Return everything needed to continue."""
        return {
            "predictions": self.predictions,
            "joined": self.joined,
            "errors": [list(vars(heard).values()) for heard in self.errors],
            **({} if self.counts is None else {"counts": self.counts.state()}),
        }


class Cohorts:
    """Keeps a model's rows until their labels must have come, then counts them and steps the error detectors.

    Rows wait in a `Joiner`; without a delay those that have their label in the same record wait for their pane to end,
    so that the detectors hear them in the order of event time, then offset. It has memory, so the monitor owns one.
    """

    def __init__(
        self, plan: ModelPlan, segmenter: Segmenter, frame: PerformanceFrame | None, *, bounded: bool = True
    ) -> None:
        """Start with no rows; not `bounded`: all rows are kept, however many there are."""
        self.plan, self._segmenter = plan, segmenter
        self._frame = frame or PerformanceFrame.plain(plan.task)
        self.spec = TrackedSpec.of(plan, segmenter.labels)
        scores = 0 if not plan.fields.probabilities else len(plan.task.scored)
        most = plan.max_pending if bounded else np.iinfo(np.int64).max
        self.joiner = Joiner(plan.max_delay_ms or 0, int(most), scores, len(segmenter.dimensions))
        self.panes: dict[int, Cohort] = {}
        self._pane_ms = 1
        self.errors = ErrorStreams(plan.errors, segmenter)

    def fold(self, batch: Batch, pane_ms: int, lateness_ms: int) -> None:
        """Take the predictions and the labels of a batch, late ones too; how late is no matter."""
        if not self.plan.kept or not len(batch):
            return
        groups = self._segmenter.groups(batch.columns)
        found = outcomes(self.plan, batch.columns, groups, len(batch))
        predicted, labels = said(found, self.plan), _labels(found, self.plan)
        has_prediction, has_label = known(predicted), ~np.isnan(labels)
        if self.plan.joined:
            columns = [batch.columns[self.plan.fields.id or ""]]
            keys, usable = key_hashes(columns), known_keys(columns)
        else:
            keys, usable = _places(batch), has_label
        mine = has_prediction & usable
        if mine.any():
            self.joiner.predict(_run(batch, keys, predicted, groups, labels).take(mine))
        alone = has_label & usable & ~has_prediction
        if self.plan.joined and alone.any():
            self.joiner.label(Labels(keys[alone], batch.event_times_ms[alone], labels[alone]))

    def settle(self, watermark_ms: int, pane_ms: int) -> None:
        """Count the panes whose labels must all have come: those that ended `max_delay` before the watermark."""
        self._pane_ms = pane_ms
        until_ms = (watermark_ms - (self.plan.max_delay_ms or 0)) // pane_ms * pane_ms
        if not self.plan.kept or until_ms <= self.joiner.pool.from_ms:
            return
        rows = self.joiner.mature(until_ms, watermark_ms)
        starts = rows.times_ms // pane_ms * pane_ms
        panes, begins = np.unique(starts, return_index=True)
        ends = [*begins[1:].tolist(), len(rows)][: panes.size]
        for start, begin, end in zip(panes.tolist(), begins.tolist(), ends, strict=True):
            self._count(start, rows.take(slice(begin, end)))

    def forget(self, before_ms: int) -> None:
        """Forget the cohorts of windows that were judged; the next one to judge begins at `before_ms`."""
        delay_ms = delay_in_panes(self.plan, self._pane_ms)
        for start in [start for start in self.panes if start + delay_ms < before_ms]:
            del self.panes[start]

    def window(self, start_ms: int, end_ms: int) -> Cohort | None:
        """Return the cohorts of all panes in [start, end) as one; None without a prediction."""
        found = [self.panes[start] for start in sorted(self.panes) if start_ms <= start < end_ms]
        if not found:
            return None
        whole = Cohort(self._empty() if self.plan.joined else None, errors=self.nobody)
        for cohort in found:
            whole.predictions += cohort.predictions
            whole.joined += cohort.joined
            whole.errors = tuple(a.plus(b) for a, b in zip(whole.errors, cohort.errors, strict=True))
            if whole.counts is not None and cohort.counts is not None:
                whole.counts.merge(cohort.counts)
        return whole

    @property
    def nobody(self) -> tuple[HeardErrors, ...]:
        """What the detectors say of no rows."""
        return (NOBODY,) * len(self.errors)

    def _count(self, start_ms: int, rows: Run) -> None:
        found = outcomes_of(rows, self.plan, self._segmenter.size)
        labelled = ~np.isnan(rows.labels)
        counts = None
        if self.plan.joined:
            counts = self._empty()
            counts.update(found)
        errors, times_ms = self._errors(found, labelled), rows.times_ms[labelled]
        heard = self.errors.hear(errors, times_ms, found.groups.take(labelled)) if len(self.errors) else ()
        self.panes[start_ms] = Cohort(counts, len(rows), int(np.count_nonzero(labelled)), heard)

    def _errors(self, found: Outcomes, labelled: MaskArray) -> FloatArray:
        """Return 1 for a wrong class and 0 for a right one, or how far a number is off; NaN where nobody knows."""
        if not len(self.errors):
            return np.zeros(0)
        if self.plan.task.kind == "regression":
            labels = np.asarray(found.label, np.float64)
            return np.abs(np.asarray(found.predicted, np.float64) - labels)[labelled]
        predicted = found.classes(self.plan.task)[labelled]
        wrong = predicted != found.labels(self.plan.task)[labelled]
        return np.where(predicted >= 0, wrong.astype(np.float64), np.nan)

    def _empty(self) -> PerformanceCounts:
        return PerformanceCounts(self.plan.task, self._segmenter.size, self._frame)

    def state(self) -> State:
        """Return everything needed to go on; arrays are its own, to be read before the next batch."""
        return {
            "joiner": self.joiner.state(),
            "panes": {str(start): cohort.state() for start, cohort in self.panes.items()},
            "errors": self.errors.state(),
            "counted": self._counted,
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit.

        Cohorts that were counted on another baseline's frame, or heard by other detectors, are forgotten; the rows that
        wait are not.
        """
        try:
            same = state["counted"] == self._counted
            panes = {int(start): self._cohort(stored) for start, stored in state["panes"].items()} if same else {}
            self.joiner.load(state["joiner"])
            self.errors.load(state["errors"])
        except DAMAGE as error:
            raise StoreError(f"stored cohorts are damaged ({error}); reset the checkpoint") from error
        self.panes = panes

    @property
    def _counted(self) -> list[str]:
        """What must be equal for stored cohorts to be of use."""
        return [self._frame.digest, *self.errors.keys]

    def _cohort(self, stored: State) -> Cohort:
        counts = None
        if "counts" in stored:
            counts = self._empty()
            counts.load(stored["counts"])
        heard = tuple(HeardErrors(*values) for values in stored["errors"])
        if len(heard) != len(self.errors):
            raise ValueError(f"{len(heard)} error streams of {len(self.errors)}")
        return Cohort(counts, int(stored["predictions"]), int(stored["joined"]), heard)


def delay_in_panes(plan: ModelPlan, pane_ms: int) -> int:
    """Return how much older than a judged window its cohort is: the delay of labels in whole panes."""
    return -(-(plan.max_delay_ms or 0) // pane_ms) * pane_ms


def _labels(found: Outcomes, plan: ModelPlan) -> FloatArray:
    if found.label is None:
        return np.full(len(found), np.nan)
    label = np.asarray(found.label, np.float64)
    return label if plan.task.kind == "regression" else np.where(label >= 0, label, np.nan)


def _run(batch: Batch, keys: HashArray, said: FloatArray, groups: Groups, labels: FloatArray) -> Run:
    codes = np.stack(groups.codes, axis=1) if groups.codes else np.zeros((len(batch), 0), np.int32)
    return Run(keys, batch.event_times_ms, batch.offsets, said, codes, labels)


def outcomes_of(rows: Run, plan: ModelPlan, size: int) -> Outcomes:
    """Return rows that waited as outcomes, in segments of which there are `size`."""
    groups = Groups(size, tuple(rows.codes.T))
    scores = rows.said.shape[1] - 1
    probability = None if not scores else rows.said[:, 1] if scores == 1 else rows.said[:, 1:]
    if plan.task.kind == "regression":
        return Outcomes(rows.said[:, 0], rows.labels, None, groups)
    return Outcomes(_indices(rows.said[:, 0]), _indices(rows.labels), probability, groups)


def _indices(values: FloatArray) -> IntArray:
    return np.where(np.isnan(values), -1, values).astype(np.int64)


def _places(batch: Batch) -> HashArray:
    """Return a hash of where each row lies: what rows are sampled by that have no id."""
    return mix(batch.offsets.astype(np.uint64) ^ _of_partition(batch.partition))


def _of_partition(partition: TopicPartition) -> np.uint64:
    return np.uint64(hash_strings(pa.array([f"{partition.topic}/{partition.partition}"]))[0])
