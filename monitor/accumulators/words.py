"""Counts of the words of a text field: those the baseline knows, each for itself, and the new ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.accumulators.categories import Categories
from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.frequent import Frequent
from monitor.accumulators.grouping import grouped_counts, valid_groups
from monitor.errors import StoreError
from monitor.printable import printable
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, Groups

TOP_WORDS = 200
"""So many of the baseline's words are counted each for itself, the most frequent ones."""
NEW_WORDS = 16
"""So many of the new words are remembered with their counts, the most frequent ones."""
_SHOWN = 3
_SHOWN_CHARS = 24
MAX_WORDS = 1 << 18
"""So many of the baseline's words are known at most, the most frequent ones: 2 MiB of hashes."""


class WordsSpec(Spec):
    """Counts of the words of a field, per known word, unseen and other."""

    kind: Literal["words"] = "words"
    field: str

    def build(self, frame: Frame | None, groups: int) -> Words:
        """Return an empty accumulator; where there is no baseline yet every word is unseen."""
        return Words(frame or EMPTY_FRAME, groups)


class Words(Categories):
    """`Categories` of the words of each row, which is an Arrow list of strings: a row counts as many times as it has.

    `unseen` are words that the baseline does not have, or not among its 262,144 most frequent ones. A new word is
    taken for a known one with a chance of 2^18 / 2^64. `new` holds the most frequent unseen words of all rows, to be
    shown; with more than 16 of them it depends on batching, within the error that `Frequent` states.
    """

    def __init__(self, frame: Frame, groups: int) -> None:
        """Start empty on the frame's words, with `groups` groups."""
        super().__init__(frame, groups)
        self.new = Frequent(NEW_WORDS, 1)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the words of the usable rows in; an empty column changes nothing. Look-ups are per distinct word."""
        encoded = column.valid.flatten().dictionary_encode()
        if len(encoded) == 0:
            return
        cells, codes = self._cells_of(encoded.dictionary), encoded.indices.to_numpy(zero_copy_only=False)
        counts = np.bincount(codes, minlength=len(cells))
        unseen = np.flatnonzero(cells == len(self._known))
        if unseen.size:
            self.new.count(0, encoded.dictionary.take(pa.array(unseen)), counts[unseen])
        if groups.codes:
            sizes = pc.list_value_length(column.valid).to_numpy(zero_copy_only=False)
            rows = np.repeat(np.arange(sizes.size), sizes)
            inner = valid_groups(column, groups).take(rows)
            self.counts += grouped_counts(cells[codes], self.counts.shape[1], inner)
        else:
            np.add.at(self.counts[0], cells, counts)

    def merge(self, other: Categories) -> None:
        """Add the counts of another one on the same frame; raises ValueError where the frames differ."""
        super().merge(other)
        if isinstance(other, Words):
            self.new.merge(other.new)

    def named_cells(self) -> tuple[str, ...]:
        """Return the names of `cells()`, with the most frequent new words in that of the unseen ones."""
        *known, unseen, other = self.frame.labels()
        (kept,) = self.new.counts
        ordered = sorted(kept, key=lambda word: (-kept[word], word))[:_SHOWN]
        new = ", ".join(printable(word, _SHOWN_CHARS) for word in ordered)
        return (*known, f"(unseen: {new})" if new else unseen, other)

    def state(self) -> State:
        """Return a copy of the counts with the digest of the frame, and the new words."""
        return {**super().state(), "new": self.new.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        new, stored = Frequent(NEW_WORDS, 1), state.get("new")
        if not isinstance(stored, dict):
            raise StoreError("stored counts of words have no new words; reset the checkpoint")
        new.load(stored)
        super().load(state)
        self.new = new


def words_frame(parts: list[Any], max_categories: int) -> Frame:
    """Return the frame of a field of words from the lists of words that the baseline's usable rows have."""
    words = pa.chunked_array([part.flatten() for part in parts], pa.string())
    return Frame.of_categories(words, max_categories=min(max_categories, TOP_WORDS), max_keys=MAX_WORDS)
