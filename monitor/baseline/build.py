"""Building a baseline: gather the rows, freeze cuts and dictionaries, then count the rows on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from monitor.accumulators import AccumulatorSpec, Frame, GroupFrame
from monitor.accumulators.languages import language_frame
from monitor.accumulators.words import words_frame
from monitor.baseline.groups import NumberGroup, group_frame
from monitor.baseline.joint_windows import joint_correlation
from monitor.baseline.model import Baseline
from monitor.baseline.seasons import Season
from monitor.baseline.slots import Slots
from monitor.baseline.specs import baseline_specs
from monitor.baseline.volumes import Volumes
from monitor.baseline.windows import RowCorrelation, row_correlation
from monitor.inner_types import WORDS, language_sample
from monitor.models import ModelPlan, reference_of
from monitor.profile import Profile, ProfilePlan
from monitor.segments import OBSERVED, OTHER, Dimension, Segmenter, SegmentValues
from monitor.types import Batch, Column, FieldType, Groups, IntArray, TopicPartition

_BLOCK_ROWS = 65_536
_BASELINE = TopicPartition("baseline", 0)
"""Where its rows lie, for who chooses by that: a row's number takes the place of its offset."""


class BaselineBuilder:
    """Takes batches until `full`, then freezes them. Rows are kept in memory, at most `max_rows`.

    The second pass counts the rows with the same accumulators that count the live windows, so baseline
    and current are the same statistic by construction. It takes the rows in the order of their partitions
    and offsets, all at once, so the result does not depend on how they came: equal rows, equal version.
    """

    def __init__(
        self,
        fields: Mapping[str, FieldType],
        segments: Sequence[tuple[str, int, SegmentValues]],
        *,
        max_categories: int,
        max_rows: int,
        season: Season | None = None,
        window_ms: int | None = None,
        groups: Sequence[NumberGroup] = (),
        model: ModelPlan | None = None,
    ) -> None:
        """Prepare for these fields; a segment is (field, cap, its values).

        With a `season` the rows are also counted by its slots. With `window_ms`, the size of the windows that will be
        compared, the correlation of their rows is estimated, within slots where there are any. With a `model` it is
        kept how well that did.
        """
        self._season = season
        self._groups = tuple(groups)
        self._model = model
        self._fields = dict(fields)
        self._segments = tuple(segments)
        self._max_categories = max_categories
        self._max_rows = max_rows
        self._window_ms = window_ms
        self._batches: list[Batch] = []
        self._known: set[str] = set(fields)
        self.rows = 0
        self.truncated = False
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
        self.truncated |= n < len(batch)
        if n <= 0:
            return 0
        taken = batch if n == len(batch) else batch.take(np.arange(n))
        self._batches.append(taken)
        first_ms, last_ms = int(taken.event_times_ms.min()), int(taken.event_times_ms.max())
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = last_ms if self.last_ms is None else max(self.last_ms, last_ms)
        self.rows += n
        return n

    def build(self) -> Baseline:
        """Return the baseline of the rows taken; of no rows it is a baseline without values."""
        self._batches.sort(key=lambda batch: (batch.partition, int(batch.offsets[0])))
        frames = {path: frame for path in self._fields if (frame := self._frame(path)) is not None}
        segmenter = Segmenter(tuple(self._dimension(*segment) for segment in self._segments))
        joint = {group.name: group_frame(group, self._columns, segmenter) for group in self._groups}
        rulers: dict[str, Frame | GroupFrame] = {**frames, **joint}
        specs = baseline_specs(self._fields, joint)
        plan = ProfilePlan(specs, rulers, segmenter.labels)
        profile = plan.empty()
        groups = []
        for columns, start, stop in self._blocks(tuple(self._fields)):
            groups.append(segmenter.groups(columns))
            profile.update(columns, groups[-1], (), stop - start, (_BASELINE, np.arange(start, stop)))
        times = [batch.event_times_ms for batch in self._batches]
        known, correlation = tuple(sorted(self._known)), self._correlation(specs, frames, groups, profile)
        volumes, slots = Volumes.of(times), self._slots(plan, groups, times)
        model = None if self._model is None else reference_of(self._model, segmenter, self._batches)
        return Baseline(
            self._fields, frames, segmenter, profile, self.rows, known, volumes, correlation, joint, slots, model
        )

    def _slots(self, plan: ProfilePlan, groups: Sequence[Groups], times_ms: Sequence[IntArray]) -> Slots | None:
        """Return the rows by season; None without one."""
        if self._season is None:
            return None
        blocks = zip(self._blocks(tuple(self._fields)), groups, strict=True)
        return Slots.of(self._season, plan, ((columns, inner) for (columns, _, _), inner in blocks), times_ms)

    def _columns(self, paths: Iterable[str]) -> Iterator[Mapping[str, Column]]:
        """Yield the columns of these fields, block by block."""
        return (columns for columns, *_ in self._blocks(tuple(paths)))

    def _correlation(
        self,
        specs: Sequence[AccumulatorSpec],
        frames: Mapping[str, Frame],
        groups: Sequence[Groups],
        profile: Profile,
    ) -> RowCorrelation | None:
        """Return how the rows of a window correlate; None where no size of windows is known, or no row."""
        if self._window_ms is None or not self._batches:
            return None
        times = np.concatenate([batch.event_times_ms for batch in self._batches])

        def blocks(paths: Sequence[str]) -> Iterator[tuple[Mapping[str, Column], Groups, IntArray]]:
            for (columns, start, stop), inner in zip(self._blocks(paths), groups, strict=True):
                yield columns, inner, times[start:stop]

        found = row_correlation(blocks, times, self._window_ms, specs, frames, groups[0].size, self._season)
        joint = joint_correlation(blocks, times, self._window_ms, profile.accumulators, groups[0].size)
        return replace(found, estimates={**found.estimates, **joint})

    def _blocks(self, paths: Sequence[str]) -> Iterator[tuple[Mapping[str, Column], int, int]]:
        """Yield columns, first row and end of blocks of one size, whatever the batches were."""
        ends = np.cumsum([len(batch) for batch in self._batches])
        for start in range(0, self.rows, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, self.rows)
            first, last = np.searchsorted(ends, [start, stop - 1], side="right").tolist()
            parts = []
            for batch, end in zip(self._batches[first : last + 1], ends[first : last + 1].tolist(), strict=True):
                begin = end - len(batch)
                rows = np.arange(max(start, begin) - begin, min(stop, end) - begin)
                parts.append({path: batch.columns[path].take(rows) for path in paths})
            yield {path: _joined([part[path] for part in parts]) for path in paths}, start, stop

    def _frame(self, path: str) -> Frame | None:
        """Return the frozen ruler of a field; None for texts and vectors, which have none."""
        kind = self._fields[path]
        if kind in ("number", "integer"):
            parts = [batch.columns[path].valid for batch in self._batches]
            return Frame.of_numbers(np.concatenate(parts) if parts else np.empty(0))
        if kind == WORDS:
            return words_frame([batch.columns[path].valid for batch in self._batches], self._max_categories)
        sample = language_sample(kind)
        if sample is not None:
            return language_frame([batch.columns[path].valid for batch in self._batches], self._max_categories, sample)
        return self._categories(path, self._max_categories) if kind in ("category", "boolean") else None

    def _categories(self, path: str, max_categories: int) -> Frame:
        """Return the dictionary of a field: the most frequent values, ties by their order."""
        parts = [batch.columns[path].valid for batch in self._batches]
        return Frame.of_categories(pa.chunked_array(parts, pa.string()), max_categories=max_categories)

    def _dimension(self, path: str, cap: int, values: SegmentValues) -> Dimension:
        """Return a segment dimension, with its fixed values or the baseline's most frequent.

        Of a dimension whose values are observed half of the segments, at least, are left to those to come.
        """
        if isinstance(values, tuple):
            return Dimension(path, values)
        # A value spelled like the rest's own segment has to share it: two segments of one name are none.
        found = self._categories(path, cap + 1).categories
        frequent = tuple(value for value in found if value != OTHER)
        if values != OBSERVED:
            return Dimension(path, frequent[:cap])
        kept = frequent[: cap // 2]
        return Dimension(path, kept, cap - len(kept))


def _joined(parts: Sequence[Column]) -> Column:
    """Return the columns, at least one, as one."""
    values = [part.values for part in parts]
    numbers = isinstance(values[0], np.ndarray)
    return Column(
        np.concatenate(values) if numbers else pa.concat_arrays(values),
        np.concatenate([part.presence for part in parts]),
    )
