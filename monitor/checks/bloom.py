"""Which keys were seen before within a horizon of event time, in fixed memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitor.blocks import blocks
from monitor.checks.bloom_geometry import WORD_BITS, WORDS, BloomGeometry
from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray, mix
from monitor.protocols import State
from monitor.types import IntArray, MaskArray

_SIX_BITS = np.uint64(WORD_BITS - 1)
_ONE = np.uint64(1)
_HALF = np.uint64(32)
_SAMPLE_WORDS = 1 << 18


class RotatingBloom:
    """A blocked Bloom filter of `generations` G, the oldest of which is dropped every horizon / (G - 1).

    Time is cut into steps of horizon / (G - 1), a generation each. A row's clock is the largest event time up
    to it, so time that goes backwards rotates nothing. A row is looked up in the generations of its own step
    and the G - 1 before it, and added to that of its own step.

    Guarantee: a key that comes again before the clock moved by more than the horizon is always found. After
    horizon · G / (G - 1) it is never found again but by chance; in between it depends on where steps begin.
    A new key is taken for a known one with at most `geometry.false_positive_bound`, and with about
    `false_positive_ratio` at the moment. Inside one batch there is no chance at all: rows are compared exactly
    by their 64-bit hashes. The filter's bits are equal under any batching; of the rows found by chance, larger
    batches find a subset of what smaller ones find.

    Memory is `geometry.filter_bytes`, and about 60 bytes a row while a batch is looked up. Source of the
    blocks: Putze, Sanders & Singler 2009.
    """

    def __init__(self, geometry: BloomGeometry) -> None:
        """Start empty, before any time."""
        self.geometry = geometry
        self.clock_ms: int | None = None
        # The step each generation holds, None before it is used; step s is kept at place s mod G.
        self._steps: list[int | None] = [None] * geometry.generations
        # The false-positive ratio of steps that are over, so that it is computed once.
        self._sealed_ratios: dict[int, float] = {}
        self._words: HashArray = np.zeros((geometry.generations, geometry.blocks * WORDS), np.uint64)

    @property
    def fill_ratio(self) -> float:
        """The share of bits set in the fullest generation, from a sample of 2^18 words; 0 when empty."""
        return max((float(np.bitwise_count(s).mean()) / WORD_BITS for s in self._samples()), default=0.0)

    @property
    def false_positive_ratio(self) -> float:
        """The chance, at most, that a new key is now taken for a known one, from the bits that are set.

        Σ over generations of the mean over blocks of Π (set bits / 64)^bits; 0 when empty. From the first 2^18
        words of each, which are as random as all: within a few percent of the whole filter's.
        """
        if self.clock_ms is None:
            return 0.0
        newest = self._step(self.clock_ms)
        known = self._sealed_ratios
        ratios = {step: known[step] if step in known else self._ratio(words) for step, words in self._kept()}
        self._sealed_ratios = {step: ratio for step, ratio in ratios.items() if step < newest}
        return min(1.0, sum(ratios.values()))

    @property
    def overloaded(self) -> bool:
        """Whether more keys came than the filter was made for: a tenth, the sample's slack, above its bound."""
        return self.false_positive_ratio > 1.1 * self.geometry.false_positive_bound

    def advance(self, clock_ms: int) -> None:
        """Move the clock on to an event time; an earlier one changes nothing."""
        self.clock_ms = clock_ms if self.clock_ms is None else max(self.clock_ms, clock_ms)

    def seen(self, hashes: HashArray) -> MaskArray:
        """Return which of the keys were added within the horizon before the clock; changes nothing."""
        if self.clock_ms is None:
            return np.zeros(hashes.size, np.bool_)
        return self._seen(hashes, np.full(hashes.size, self._step(self.clock_ms)))

    def add(self, hashes: HashArray) -> None:
        """Remember the keys as of now; raises ValueError before the first `advance`."""
        if self.clock_ms is None:
            raise ValueError("the filter has no time yet; advance it first")
        self._add(hashes, np.full(hashes.size, self._step(self.clock_ms)))

    def observe(self, hashes: HashArray, times_ms: IntArray) -> MaskArray:
        """Return which rows have a key that came before them, row by row in order, and remember them all.

        The first occurrence in a batch is looked up in the filter, later ones are found exactly. The rows'
        event times move the clock; a batch may span any time.
        """
        if not hashes.size:
            return np.zeros(0, np.bool_)
        clocks = np.maximum.accumulate(times_ms)
        if self.clock_ms is not None:
            np.maximum(clocks, self.clock_ms, out=clocks)
        steps = clocks // self.geometry.step_ms
        found = self._seen(hashes, steps) | repeats(hashes, steps, self.geometry.generations)
        self.advance(int(clocks[-1]))
        self._add(hashes, steps)
        return found

    def merge(self, other: RotatingBloom) -> None:
        """Take the other's keys in, each in its step, sealed ones too; raises ValueError where geometries differ."""
        if other.geometry != self.geometry:
            raise ValueError("Bloom filters of different geometries do not merge")
        if other.clock_ms is None:
            return
        self.advance(other.clock_ms)
        for step, theirs in other._kept():
            mine = self._generation(step)
            if mine is not None:
                mine |= theirs
        self._sealed_ratios = {}

    def state(self) -> State:
        """Return all that is needed to go on: the shape, the clock, and the words of each step kept.

        The words are the filter's own, not a copy: a store reads them before the next batch. Those of the newest
        step are in `steps`; the others never change again, as the clock does not go back, and are in `sealed`.
        """
        kept = dict(self._kept())
        newest = 0 if self.clock_ms is None else self._step(self.clock_ms)
        steps = {str(step): words for step, words in kept.items() if step == newest}
        sealed = {str(step): words for step, words in kept.items() if step < newest}
        return {**self._shape(), "clock_ms": self.clock_ms, "steps": steps, "sealed": sealed}

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError, unchanged, when shape or content do not fit."""
        try:
            fits = {name: state[name] for name in self._shape()} == self._shape()
            clock_ms = None if state["clock_ms"] is None else int(state["clock_ms"])
            kept = {int(step): np.asarray(words) for step, words in (state["sealed"] | state["steps"]).items()}
        except DAMAGE as error:
            raise StoreError(f"stored duplicates filter is damaged ({error}); reset the checkpoint") from error
        if not fits:
            raise StoreError("stored duplicates filter has another horizon, capacity or ratio; reset the checkpoint")
        newest = None if clock_ms is None else self._step(clock_ms)
        for step, words in kept.items():
            sound = words.dtype == np.uint64 and words.shape == self._words.shape[1:]
            if newest is None or not sound or not newest - self.geometry.generations < step <= newest:
                raise StoreError("stored duplicates filter is damaged; reset the checkpoint")
        self._words[:] = 0
        self._steps = [None] * self.geometry.generations
        self._sealed_ratios = {}
        self.clock_ms = clock_ms
        for step, words in kept.items():
            self._words[step % self.geometry.generations] = words
            self._steps[step % self.geometry.generations] = step

    def _shape(self) -> State:
        """Return what must be equal for a state to fit."""
        shape = self.geometry
        return {"horizon_ms": shape.horizon_ms, "blocks": shape.blocks, "bits": shape.bits, "n": shape.generations}

    def _ratio(self, words: HashArray) -> float:
        """Return the chance that one generation takes a new key for its own, from a sample of its words."""
        filled = np.bitwise_count(words[:_SAMPLE_WORDS].reshape(-1, WORDS)) / WORD_BITS
        return float((filled.prod(axis=1) ** self.geometry.bits).mean())

    def _step(self, time_ms: int) -> int:
        return time_ms // self.geometry.step_ms

    def _kept(self) -> Iterator[tuple[int, HashArray]]:
        """Yield step and words of each generation that is not yet too old, oldest first."""
        if self.clock_ms is None:
            return
        newest, n = self._step(self.clock_ms), self.geometry.generations
        for step in range(newest - n + 1, newest + 1):
            if self._steps[step % n] == step:
                yield step, self._words[step % n]

    def _samples(self) -> Iterator[HashArray]:
        return (words[:_SAMPLE_WORDS] for _, words in self._kept())

    def _generation(self, step: int) -> HashArray | None:
        """Return the words of a step, cleared of what was there before; None when the step is too old."""
        n = self.geometry.generations
        if self.clock_ms is None or step <= self._step(self.clock_ms) - n:
            return None
        place = step % n
        if self._steps[place] != step:
            self._words[place] = 0
            self._steps[place] = step
        words: HashArray = self._words[place]
        return words

    def _seen(self, hashes: HashArray, steps: IntArray) -> MaskArray:
        """Return which keys are in a generation that their row may look in; `steps` ascend."""
        found = np.zeros(hashes.size, np.bool_)
        for held, words in self._kept():
            # Rows ascend in time, so those for which the generation is not yet too old come first.
            end = int(np.searchsorted(steps, held + self.geometry.generations))
            for block in blocks(end):
                rows = slice(block.start, min(block.stop, end))
                found[rows] |= self._look_up(words, hashes[rows])
        return found

    def _look_up(self, words: HashArray, hashes: HashArray) -> MaskArray:
        """Return which keys have all their bits set; most are out after the first word."""
        places, draws = self._places(hashes), mix(hashes)
        rows = np.arange(0)
        for word in range(WORDS):
            patterns = self._patterns(draws, word)
            inside = (words[places + word] & patterns) == patterns
            rows = np.flatnonzero(inside) if word == 0 else rows[inside]
            if word < WORDS - 1:
                places, draws = places[inside], draws[inside]
                draws = mix(draws) if word == 1 else draws
        found = np.zeros(hashes.size, np.bool_)
        found[rows] = True
        return found

    def _add(self, hashes: HashArray, steps: IntArray) -> None:
        """Add each key to the generation of its step; steps that are already too old are left out."""
        newest = int(steps[-1]) if steps.size else 0
        for step in range(newest - self.geometry.generations + 1, newest + 1):
            start, end = np.searchsorted(steps, (step, step + 1)).tolist()
            words = self._generation(step) if start < end else None
            if words is None:
                continue
            for block in blocks(end - start):
                rows = slice(start + block.start, min(start + block.stop, end))
                places, draws = self._places(hashes[rows]), mix(hashes[rows])
                for word in range(WORDS):
                    draws = mix(draws) if word == WORDS // 2 else draws
                    _set_bits(words, places + word, self._patterns(draws, word))

    def _places(self, hashes: HashArray) -> IntArray:
        """Return the first word of each key's block, from the upper half of its hash."""
        return (((hashes >> _HALF) * np.uint64(self.geometry.blocks) >> _HALF) * np.uint64(WORDS)).astype(np.int64)

    def _patterns(self, draws: HashArray, word: int) -> HashArray:
        """Return the bits of each key in a word of its block: 6 bits of the draw for each, two words a draw."""
        draws = draws >> _HALF if word % 2 else draws
        patterns = _ONE << (draws & _SIX_BITS)
        for i in range(1, self.geometry.bits):
            patterns |= _ONE << ((draws >> np.uint64(6 * i)) & _SIX_BITS)
        return patterns


def repeats(hashes: HashArray, steps: IntArray, generations: int) -> MaskArray:
    """Return which rows have a hash that an earlier row has, less than `generations` steps before; exact."""
    found = np.zeros(hashes.size, np.bool_)
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if twice.size:
        rows = np.flatnonzero(np.isin(hashes, twice))
        rows = rows[np.argsort(hashes[rows], kind="stable")]
        earlier, later = rows[:-1], rows[1:]
        same = (hashes[earlier] == hashes[later]) & (steps[later] - steps[earlier] < generations)
        found[later[same]] = True
    return found


def _set_bits(words: HashArray, places: IntArray, patterns: HashArray) -> None:
    """Set the bits of the patterns. Of two rows with one place only the last is written, so look and go on."""
    while places.size:
        words[places] |= patterns
        lost = (words[places] & patterns) != patterns
        places, patterns = places[lost], patterns[lost]
