"""Measures of texts that are watched as fields of their own: what there is, of which type, and how they are taken."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.hashing import HashArray
from monitor.texts.characters import IN_WORD, SCRIPTS
from monitor.texts.code_points import bounds
from monitor.texts.measures import measure_of
from monitor.texts.words import Words, words_of
from monitor.types import FieldType, FloatArray, IntArray

StreamName = Literal[
    "length",
    "words",
    "mean_word_length",
    "repetition",
    "duplicate_ngrams",
    "compression_ratio",
    "script",
    "sentences",
    "mixed_scripts",
    "letters",
    "digits",
    "upper",
    "whitespace",
    "punctuation",
    "control",
    "non_ascii",
]
USUAL: tuple[StreamName, ...] = ("length", "words", "mean_word_length", "repetition", "script")
"""The measures that are taken unless others are named: the cheap ones."""
VOCABULARY = "vocabulary"
"""The name of the stream of the words themselves."""
WHOLE: frozenset[str] = frozenset({"length", "words", "sentences", "mixed_scripts"})
NGRAM = 3
"""Words in the runs that `duplicate_ngrams` tells apart."""
SAMPLE = 16
"""The compression ratio is taken of one row in so many, chosen by a hash of partition and offset."""
MAX_WORD_CHARS = 64
"""Longer words are cut in a vocabulary, so that its size does not depend on the data."""
NO_SCRIPT = "none"
OTHER_SCRIPT = "other"
_NAMES = pa.array([NO_SCRIPT, *SCRIPTS, OTHER_SCRIPT])
_DEFLATE_LEVEL = 1
_RAW = -15  # a window of 32 KiB, without zlib's head and checksum


def type_of(name: str) -> FieldType:
    """Return the type of the field that a measure makes."""
    return "category" if name == "script" else "integer" if name in WHOLE else "number"


@dataclass(frozen=True, eq=False)
class TextBlock:
    """Texts without nulls, a block of them, and a stable hash of the place of each (for samples).

    `texts` are cut to the characters that are looked at; `whole` are not.
    """

    whole: pa.StringArray
    texts: pa.StringArray
    places: HashArray

    @classmethod
    def of(cls, whole: pa.StringArray, places: HashArray, max_chars: int) -> TextBlock:
        """Return the block of these texts, of which at most `max_chars` characters are looked at."""
        sizes = np.diff(bounds(whole))
        longer = sizes.size > 0 and int(sizes.max()) > max_chars
        return cls(whole, pc.utf8_slice_codeunits(whole, 0, max_chars) if longer else whole, places)

    @cached_property
    def words(self) -> Words:
        """The words of the texts."""
        return words_of(self.texts)

    def measure(self, name: str) -> Any:
        """Return a measure of each text: float64 with NaN where it has none, or for `script` an Arrow string array."""
        special = _SPECIAL.get(name)
        return measure_of(name, NGRAM)(self.texts) if special is None else special(self)

    @property
    def scripts(self) -> pa.StringArray:
        """The script that most characters of each text are of, ties by the order of `SCRIPTS`; `none` for no script."""
        points = self.words.points
        numbers = points.classes & (IN_WORD - 1)
        best, most = np.zeros(len(self.texts), np.int64), np.zeros(len(self.texts), np.int64)
        for number in np.flatnonzero(np.bincount(numbers, minlength=1)[1:]) + 1:
            found = points.sums(numbers == number)
            best[found > most] = number
            np.maximum(most, found, out=most)
        return _NAMES.take(pa.array(best))

    @property
    def compression(self) -> FloatArray:
        """Bytes after compression over bytes before, of one text in `SAMPLE`; NaN for the others and empty ones."""
        ratios = np.full(len(self.texts), np.nan)
        sizes = np.diff(bounds(self.texts))
        for row in np.flatnonzero((self.places % np.uint64(SAMPLE) == 0) & (sizes > 0)).tolist():
            packer = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, _RAW)
            packed = packer.compress(self.texts[row].as_buffer())
            ratios[row] = (len(packed) + len(packer.flush())) / int(sizes[row])
        return ratios

    @property
    def lengths(self) -> FloatArray:
        """How many characters each whole text has."""
        lengths: FloatArray = pc.utf8_length(self.whole).to_numpy(zero_copy_only=False).astype(np.float64)
        return lengths


_SPECIAL: Mapping[str, Callable[[TextBlock], Any]] = {
    "length": lambda block: block.lengths,
    "words": lambda block: block.words.counts.astype(np.float64),
    "mean_word_length": lambda block: block.words.mean_lengths,
    "repetition": lambda block: block.words.repetition(1),
    "duplicate_ngrams": lambda block: block.words.repetition(NGRAM),
    "script": lambda block: block.scripts,
    "compression_ratio": lambda block: block.compression,
}


def vocabulary(block: TextBlock) -> tuple[pa.StringArray, IntArray]:
    """Return the words of a block, cut to 64 characters, and how many of them each text has."""
    words = block.words
    cut = words.lengths.size > 0 and int(words.lengths.max()) > MAX_WORD_CHARS
    return pc.utf8_slice_codeunits(words.texts, 0, MAX_WORD_CHARS) if cut else words.texts, words.counts
