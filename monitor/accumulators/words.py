"""Counts of the words of a text field: those the baseline knows, each for itself, and the new ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.accumulators.categories import Categories
from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.grouping import grouped_counts, valid_groups
from monitor.spec import Spec
from monitor.types import Column, Groups

TOP_WORDS = 200
"""So many of the baseline's words are counted each for itself, the most frequent ones."""
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
    taken for a known one with a chance of 2^18 / 2^64.
    """

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the words of the usable rows in; an empty column changes nothing. Look-ups are per distinct word."""
        encoded = column.valid.flatten().dictionary_encode()
        if len(encoded) == 0:
            return
        cells, codes = self._cells_of(encoded.dictionary), encoded.indices.to_numpy(zero_copy_only=False)
        if groups.codes:
            sizes = pc.list_value_length(column.valid).to_numpy(zero_copy_only=False)
            rows = np.repeat(np.arange(sizes.size), sizes)
            inner = valid_groups(column, groups).take(rows)
            self.counts += grouped_counts(cells[codes], self.counts.shape[1], inner)
        else:
            np.add.at(self.counts[0], cells, np.bincount(codes, minlength=len(cells)))


def words_frame(parts: list[Any], max_categories: int) -> Frame:
    """Return the frame of a field of words from the lists of words that the baseline's usable rows have."""
    words = pa.chunked_array([part.flatten() for part in parts], pa.string())
    return Frame.of_categories(words, max_categories=min(max_categories, TOP_WORDS), max_keys=MAX_WORDS)
