"""Counts of the languages of a text field, on a uniform sample of bounded size."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from monitor.accumulators.categories import Categories
from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.grouping import grouped_counts, valid_groups
from monitor.errors import StoreError
from monitor.hashing import HashArray
from monitor.protocols import State
from monitor.spec import Spec
from monitor.texts.languages import PLACE, TEXT, languages_of
from monitor.types import Column, Groups, IntArray

SAMPLE = 1_000
"""So many texts of a window are looked at unless another size is configured."""
_TAG_BITS = np.uint64(11)
_CODE_BYTES = 8
_SHOWN = 3


class LanguagesSpec(Spec):
    """Counts of the languages of at most `sample` texts, per known language, unseen and other."""

    kind: Literal["languages"] = "languages"
    field: str
    sample: int = Field(default=SAMPLE, ge=1, description="so many texts are looked at")

    def build(self, frame: Frame | None, groups: int) -> Languages:
        """Return an empty accumulator; where there is no baseline yet every language is unseen."""
        return Languages(frame or EMPTY_FRAME, groups, self.sample)


class Languages(Categories):
    """`Categories` of the languages of those texts, at most `sample`, whose hashes of their places are the smallest.

    So each text is as likely to be counted as any other, whatever it says: a share p is right to a standard error of
    √(p(1 - p)/sample), 1.6 % at most for 1,000. All segments share the sample; each has its part of it.
    Guarantee: bit-equal under any batching and merging of distinct rows. Cost: of n texts that come in batches about
    sample·(1 + ln(n/sample)) are identified. Memory: sample · (dimensions + 2) · 8 bytes.
    Source: bottom-k sampling (Cohen & Kaplan 2007).
    """

    def __init__(self, frame: Frame, groups: int, sample: int) -> None:
        """Start empty on the frame's languages, with `groups` groups."""
        super().__init__(frame, groups)
        self._sample = sample
        self._tags = np.zeros(0, np.int64)
        self._languages = np.zeros(0, np.int64)
        self._codes: IntArray = np.zeros((0, 0), np.int64)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable texts in; an empty column changes nothing."""
        texts, tags = _split(column.valid)
        codes = np.array(valid_groups(column, groups).codes, np.int64).reshape(len(groups.codes), tags.size).T
        full = self._tags.size == self._sample
        chosen = np.flatnonzero(tags < self._tags[-1]) if full else np.arange(tags.size)
        chosen = chosen[np.argsort(tags[chosen], kind="stable")[: self._sample]]
        if chosen.size:
            self._take(tags[chosen], packed(languages_of(texts.take(pa.array(chosen)))), codes[chosen])

    def merge(self, other: Categories) -> None:
        """Take in the sample of another one on the same frame; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        if not isinstance(other, Languages):
            raise TypeError("counts without their sample cannot be merged into one")
        self._take(other._tags, other._languages, other._codes)  # noqa: SLF001 - one of its own kind

    def _take(self, tags: IntArray, languages: IntArray, codes: IntArray) -> None:
        if not tags.size:
            return
        mine = self._codes if self._tags.size else codes[:0]
        every = np.concatenate((self._tags, tags))
        order = np.argsort(every, kind="stable")[: self._sample]
        self._tags = every[order]
        self._languages = np.concatenate((self._languages, languages))[order]
        self._codes = np.concatenate((mine, codes))[order]
        self._count()

    def _count(self) -> None:
        """Count the sample as it is now."""
        distinct, numbers = np.unique(self._languages, return_inverse=True)
        cells = self._cells_of(pa.array(unpacked(distinct), pa.string()))[numbers]
        groups = Groups(len(self.counts), tuple(self._codes.T.astype(np.int32)))
        self.counts = grouped_counts(cells, self.counts.shape[1], groups)

    def named_cells(self) -> tuple[str, ...]:
        """Return the names of `cells()`, with the most frequent new languages in that of the unseen ones."""
        *known, unseen, other = self.frame.labels()
        distinct, counts = np.unique(self._languages, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        names = np.array(unpacked(distinct), np.str_)[order]
        new = [
            name
            for name, cell in zip(names, self._cells_of(pa.array(names, pa.string())), strict=True)
            if cell == len(self.frame.categories)
        ]
        return (*known, f"(unseen: {', '.join(new[:_SHOWN])})" if new else unseen, other)

    def state(self) -> State:
        """Return copies of the sample with the digest of the frame."""
        return {
            "frame": self.frame.digest,
            "tags": self._tags.copy(),
            "languages": self._languages.copy(),
            "codes": self._codes.ravel().copy(),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        require_frame(state, self.frame.digest)
        tags, languages, codes = (_stored(state, name) for name in ("tags", "languages", "codes"))
        fits = tags.size == languages.size <= self._sample and codes.size % max(tags.size, 1) == 0
        if not fits or (np.diff(tags) < 0).any() or (languages <= 0).any() or not _within(codes, len(self.counts)):
            raise StoreError("a stored sample of languages is damaged; reset the checkpoint")
        self._tags, self._languages = tags, languages
        self._codes = codes.reshape(tags.size, -1) if tags.size else np.zeros((0, 0), np.int64)
        self._count()


def language_frame(parts: list[Any], max_categories: int, sample: int) -> Frame:
    """Return the frame of the languages of the baseline's usable rows, from those that its own sample will hold."""
    texts, tags = _split(pa.concat_arrays(parts)) if parts else (pa.array([], pa.string()), np.zeros(0, np.int64))
    chosen = np.argsort(tags, kind="stable")[:sample]
    found = pa.array(languages_of(texts.take(pa.array(chosen))), pa.string())
    return Frame.of_categories(found, max_categories=max_categories)


def packed(languages: Any) -> IntArray:
    """Return codes of at most eight characters as numbers, so that they can be sorted and stored."""
    return np.array([int.from_bytes(name.encode()[:_CODE_BYTES]) for name in languages], np.int64)


def unpacked(numbers: IntArray) -> list[str]:
    """Return the codes that were packed."""
    return [number.to_bytes(_CODE_BYTES).lstrip(b"\0").decode(errors="replace") for number in numbers.tolist()]


def _split(rows: Any) -> tuple[Any, IntArray]:
    """Return the texts, and the tags by which they are chosen."""
    places: HashArray = rows.field(PLACE).to_numpy(zero_copy_only=False).astype(np.uint64)
    return rows.field(TEXT), (places >> _TAG_BITS).astype(np.int64)


def _stored(state: State, name: str) -> IntArray:
    raw = state.get(name)
    if not isinstance(raw, list | np.ndarray):
        raise StoreError(f"a stored sample of languages has no usable {name!r}; reset the checkpoint")
    found: IntArray = stored_array(state, name, np.zeros(len(raw), np.int64))
    return found


def _within(codes: IntArray, groups: int) -> bool:
    return not codes.size or bool(codes.min() >= 1 and codes.max() < groups)
