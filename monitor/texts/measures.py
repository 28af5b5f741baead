"""What can be measured of a text: counts of its parts, shares of its characters, repetition of its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.texts.characters import WORD_CHARACTERS
from monitor.texts.code_points import row_blocks
from monitor.texts.words import Words, ratio, words_of
from monitor.types import FloatArray

LETTERS = r"[\pL\pM]"
"""A letter, or a mark that is written over one."""
WORD = f"[{WORD_CHARACTERS}]+"

SHARES: Mapping[str, str] = {
    "letters": LETTERS,
    "digits": r"\p{Nd}",
    "upper": r"\p{Lu}",
    "whitespace": r"[\s\v\x{1c}-\x{1f}\x{85}\pZ]",
    "punctuation": r"\pP",
    "control": r"\p{Cc}",
    "non_ascii": r"[^\x00-\x7f]",
    "latin": r"\p{Latin}",
    "cyrillic": r"\p{Cyrillic}",
    "greek": r"\p{Greek}",
    "han": r"\p{Han}",
    "kana": r"[\p{Hiragana}\p{Katakana}]",
    "hangul": r"\p{Hangul}",
    "arabic": r"\p{Arabic}",
    "hebrew": r"\p{Hebrew}",
    "devanagari": r"\p{Devanagari}",
    "thai": r"\p{Thai}",
}
"""Of which characters (RE2) each share is; the names of scripts are Unicode's."""

_SEPARATOR = "\x1e"
_SENTENCE_END = r"(?:[.!?…]+[\"'”’)\]]*(?:[\s\pZ]|\z)|[。！？])"
_SENTENCE = rf"[^{_SEPARATOR}]*[\pL\pM\pN][^{_SEPARATOR}]*"
_BETWEEN = r"[\pM\pN]*"
_MIXED = "|".join(
    f"{one}{_BETWEEN}{other}"
    for one, other in (
        (r"\p{Latin}", r"[\p{Cyrillic}\p{Greek}]"),
        (r"\p{Cyrillic}", r"[\p{Latin}\p{Greek}]"),
        (r"\p{Greek}", r"[\p{Latin}\p{Cyrillic}]"),
    )
)

Measure = Callable[[pa.StringArray], FloatArray]


def measure_of(name: str, n: int) -> Measure:
    """Return a measure by its name, with word n-grams of `n` words; one number a text, NaN where it has none.

    Raises KeyError for no measure.
    """
    if name in SHARES:
        return lambda texts: _share(texts, SHARES[name])
    return {
        "words": _of_words(lambda words: words.counts.astype(np.float64)),
        "mean_word_length": _of_words(lambda words: words.mean_lengths),
        "sentences": _sentences,
        "mixed_scripts": lambda texts: _count(texts, rf"[\pL\pM\pN]*(?:{_MIXED})[\pL\pM\pN]*"),
        "repetition": _of_words(lambda words: words.repetition(1)),
        "duplicate_ngrams": _of_words(lambda words: words.repetition(n)),
    }[name]


def _count(texts: Any, pattern: str) -> FloatArray:
    counts: FloatArray = pc.count_substring_regex(texts, pattern).to_numpy(zero_copy_only=False).astype(np.float64)
    return counts


def _share(texts: pa.StringArray, pattern: str) -> FloatArray:
    """Return the share of the code points that match; NaN for a text of none."""
    characters = _length(texts)
    # A run of characters is removed at once, where counting would match each: a third of the time for letters.
    return ratio(characters - _length(pc.replace_substring_regex(texts, f"(?:{pattern})+", "")), characters)


def _length(texts: Any) -> FloatArray:
    lengths: FloatArray = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.float64)
    return lengths


def _sentences(texts: pa.StringArray) -> FloatArray:
    """Return how many stretches between the ends of sentences hold a letter or a digit."""
    return _count(pc.replace_substring_regex(texts, _SENTENCE_END, _SEPARATOR), _SENTENCE)


def _of_words(measure: Callable[[Words], FloatArray]) -> Measure:
    """Return a measure of the words of texts, which are looked for in a block of texts at a time."""

    def measured(texts: pa.StringArray) -> FloatArray:
        parts = [measure(words_of(texts[rows])) for rows in row_blocks(texts)]
        return np.concatenate(parts) if parts else np.zeros(0)

    return measured
