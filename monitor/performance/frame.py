"""What the baseline froze for a model: where scores are cut, how they are calibrated, and the scale of its labels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.performance.calibration import Calibrator, needed
from monitor.performance.outcome import Outcomes, Task
from monitor.protocols import State
from monitor.types import FloatArray, IntArray

SCORE_CELLS = 256
CALIBRATION_BINS = 15
_ARRAYS = ("cuts", "bins")


@dataclass(frozen=True, eq=False)
class PerformanceFrame:
    """The ruler of one model's outcomes, frozen with the baseline's version; current rows never move it.

    For each of the task's scored classes: `cuts` (scored x 255), ascending, of the score's cells: with baseline
    every second one is a quantile of its scores and the rest have equal width, so that cells are fine where the scores
    are and cover what may come; without baseline all have equal width. `bins` (scored x 14), the cuts of the
    calibration error's bins: of equal mass in the baseline, without it of equal width. Cuts may coincide; the cells
    between are empty. `calibrators`: one a scored class. `centre` and `scale`: mean and standard deviation of a
    regression's labels, in whose units their squares are summed.
    """

    task: Task
    cuts: FloatArray
    bins: FloatArray
    calibrators: tuple[Calibrator, ...]
    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def plain(cls, task: Task) -> PerformanceFrame:
        """Return the frame of a model without baseline: cells of equal width, scores taken for probabilities."""
        scored = len(task.scored)
        return cls(
            task,
            np.tile(np.arange(1, SCORE_CELLS) / SCORE_CELLS, (scored, 1)),
            np.tile(np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS, (scored, 1)),
            (Calibrator.identity(),) * scored,
        )

    @classmethod
    def of_rows(cls, task: Task, rows: Outcomes) -> PerformanceFrame:
        """Return the frame made of all the baseline's rows; what they do not say is as in the plain one.

        Calibration is learned of the rows that have both a probability and a label, where it helps.
        """
        plain = cls.plain(task)
        if task.kind == "regression":
            return plain if rows.label is None else _scaled(plain, np.asarray(rows.label, np.float64))
        p, usable = rows.probabilities(task)
        p, labels = p[usable], rows.labels(task)[usable]
        if not len(p):
            return plain
        known = labels >= 0
        return cls(
            task,
            np.stack([_cuts(column) for column in p.T]),
            np.quantile(p, np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS, axis=0).T,
            tuple(needed(p[known, i], labels[known] == place) for i, place in enumerate(task.scored)),
        )

    def calibrated(self, p: FloatArray) -> FloatArray:
        """Return the calibrated probabilities (n x scored); those of several classes are scaled to the sum of 1."""
        if all(calibrator.is_identity for calibrator in self.calibrators) and len(self.calibrators) == 1:
            return p
        found = np.column_stack([c.calibrated(column) for c, column in zip(self.calibrators, p.T, strict=True)])
        if found.shape[1] > 1:
            total = found.sum(axis=1, keepdims=True)
            # Where nothing is left of any class, none is likelier than another.
            found = np.where(total > 0, found / np.where(total > 0, total, 1.0), 1 / found.shape[1])
        return found

    @cached_property
    def digest(self) -> str:
        """A short stable identity: frames with equal content have equal digests."""
        text = json.dumps(self.state(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def require_same(self, other: PerformanceFrame) -> None:
        """Raise ValueError unless the other frame has the same content."""
        if self is not other and self.digest != other.digest:
            raise ValueError("counts on different frames cannot be merged")

    def state(self) -> State:
        """Return the content as JSON-able values; floats survive JSON exactly."""
        return {
            "kind": self.task.kind,
            "classes": list(self.task.classes),
            "threshold": self.task.threshold,
            "cuts": self.cuts.tolist(),
            "bins": self.bins.tolist(),
            "calibrators": [[c.scores.tolist(), c.probabilities.tolist()] for c in self.calibrators],
            "centre": self.centre,
            "scale": self.scale,
        }

    @classmethod
    def of_state(cls, state: State) -> PerformanceFrame:
        """Return the frame that `state` describes; raises StoreError where it does not fit together."""
        try:
            task = Task(state["kind"], tuple(str(name) for name in state["classes"]), float(state["threshold"]))
            frame = cls(
                task,
                np.array(state["cuts"], np.float64).reshape(len(task.scored), SCORE_CELLS - 1),
                np.array(state["bins"], np.float64).reshape(len(task.scored), CALIBRATION_BINS - 1),
                tuple(Calibrator(np.array(x, np.float64), np.array(y, np.float64)) for x, y in state["calibrators"]),
                float(state["centre"]),
                float(state["scale"]),
            )
        except DAMAGE as error:
            raise StoreError(f"stored model is not usable: {error}; build the baseline again") from error
        if not frame._consistent():
            raise StoreError("stored model's cuts and calibrators do not fit; build the baseline again")
        return frame

    def _consistent(self) -> bool:
        """Return whether the parts fit each other, as far as counting on them needs it."""
        rising = all(bool((np.diff(getattr(self, name), axis=1) >= 0).all()) for name in _ARRAYS)
        knots = all(
            c.scores.ndim == 1 and c.scores.shape == c.probabilities.shape and bool((np.diff(c.scores) > 0).all())
            for c in self.calibrators
        )
        scale = bool(np.isfinite(self.centre)) and 0 < self.scale < np.inf
        return rising and knots and scale and len(self.calibrators) == len(self.task.scored)


def _cuts(scores: FloatArray) -> FloatArray:
    """Return 127 cuts of equal width and 128 quantiles of the scores together, ascending."""
    half = SCORE_CELLS // 2
    quantiles = np.quantile(scores, (np.arange(half) + 0.5) / half)
    return np.sort(np.concatenate((np.arange(1, half) / half, quantiles)))


def _scaled(plain: PerformanceFrame, labels: FloatArray) -> PerformanceFrame:
    """Return the frame of a regression with the centre and scale of these labels."""
    finite = labels[np.isfinite(labels)]
    if not finite.size:
        return plain
    centre, scale = float(np.mean(finite)), float(np.std(finite))
    fits = np.isfinite(centre) and np.isfinite(scale) and scale > 0
    return PerformanceFrame(plain.task, plain.cuts, plain.bins, plain.calibrators, *((centre, scale) if fits else ()))


def cells_of(scores: FloatArray, cuts: FloatArray) -> IntArray:
    """Return the cell of each score: cell i holds cuts[i-1] <= score < cuts[i]."""
    return np.searchsorted(cuts, scores, side="right").astype(np.int64)
