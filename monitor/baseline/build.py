"""Building a baseline: gather the rows, freeze cuts and dictionaries, then count the rows on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from monitor.accumulators import Frame
from monitor.baseline.model import Baseline
from monitor.baseline.specs import baseline_specs
from monitor.profile import ProfilePlan
from monitor.segments import Dimension, Segmenter
from monitor.types import Batch, Column, FieldType


class BaselineBuilder:
    """Takes batches until `full`, then freezes them. Rows are kept in memory, at most `max_rows`.

    The second pass counts the rows with the same accumulators that count the live windows, so baseline
    and current are the same statistic by construction.
    """

    def __init__(
        self,
        fields: Mapping[str, FieldType],
        segments: Sequence[tuple[str, int, tuple[str, ...] | None]],
        *,
        max_categories: int,
        max_rows: int,
    ) -> None:
        """Prepare for these fields; a segment is (field, cap, fixed values or None for the most frequent)."""
        self._fields = dict(fields)
        self._segments = tuple(segments)
        self._max_categories = max_categories
        self._max_rows = max_rows
        self._batches: list[Mapping[str, Column]] = []
        self._known: set[str] = set(fields)
        self.rows = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None

    @property
    def full(self) -> bool:
        """Whether the cap on rows is reached; what is added now is left out."""
        return self.rows >= self._max_rows

    def add(self, batch: Batch, unknown_fields: Sequence[str] = ()) -> int:
        """Take the rows of a batch, as far as the cap allows; return how many were taken."""
        n = min(len(batch), self._max_rows - self.rows)
        self._known.update(unknown_fields)
        if n <= 0:
            return 0
        whole = n == len(batch)
        first = np.arange(n)
        self._batches.append({path: c if whole else c.take(first) for path, c in batch.columns.items()})
        times = batch.event_times_ms[:n]
        self.first_ms = min(int(times.min()), self.first_ms if self.first_ms is not None else int(times.min()))
        self.last_ms = max(int(times.max()), self.last_ms if self.last_ms is not None else int(times.max()))
        self.rows += n
        return n

    def build(self) -> Baseline:
        """Return the baseline of the rows taken; of no rows it is a baseline without values."""
        frames = {path: frame for path in self._fields if (frame := self._frame(path)) is not None}
        segmenter = Segmenter(tuple(self._dimension(*segment) for segment in self._segments))
        profile = ProfilePlan(baseline_specs(self._fields), frames, segmenter.labels).empty()
        for columns in self._batches:
            n = len(next(iter(columns.values()))) if columns else 0
            profile.update(columns, segmenter.groups(columns), (), n)
        return Baseline(self._fields, frames, segmenter, profile, self.rows, tuple(sorted(self._known)))

    def _frame(self, path: str) -> Frame | None:
        """Return the frozen ruler of a field; None for text, which has none."""
        kind = self._fields[path]
        if kind in ("number", "integer"):
            parts = [columns[path].valid for columns in self._batches]
            return Frame.of_numbers(np.concatenate(parts) if parts else np.empty(0))
        return None if kind == "text" else self._categories(path, self._max_categories)

    def _categories(self, path: str, max_categories: int) -> Frame:
        """Return the dictionary of a field: the most frequent values, ties by their order."""
        parts = [columns[path].valid for columns in self._batches]
        values = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
        return Frame.of_categories(values, max_categories=max_categories)

    def _dimension(self, path: str, cap: int, values: tuple[str, ...] | None) -> Dimension:
        """Return a segment dimension, with its fixed values or the baseline's most frequent."""
        return Dimension(path, values if values is not None else self._categories(path, cap).categories)
