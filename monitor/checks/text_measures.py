"""What can be measured of a text: counts of its parts, shares of its characters, repetition of its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.accumulators.hashing import HashArray, hash_strings, mix
from monitor.types import FloatArray, IntArray

LETTERS = r"[\pL\pM]"
"""A letter, or a mark that is written over one."""
WORD = r"[\pL\pM\pN]+"
_NO_WORD = r"[^\pL\pM\pN]+"

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
        "words": lambda texts: _count(texts, WORD),
        "sentences": _sentences,
        "mixed_scripts": lambda texts: _count(texts, rf"[\pL\pM\pN]*(?:{_MIXED})[\pL\pM\pN]*"),
        "repetition": lambda texts: _repetition(texts, 1),
        "duplicate_ngrams": lambda texts: _repetition(texts, n),
    }[name]


def _count(texts: Any, pattern: str) -> FloatArray:
    counts: FloatArray = pc.count_substring_regex(texts, pattern).to_numpy(zero_copy_only=False).astype(np.float64)
    return counts


def _share(texts: pa.StringArray, pattern: str) -> FloatArray:
    """Return the share of the code points that match; NaN for a text of none."""
    characters = _length(texts)
    # A run of characters is removed at once, where counting would match each: a third of the time for letters.
    return _ratio(characters - _length(pc.replace_substring_regex(texts, f"(?:{pattern})+", "")), characters)


def _length(texts: Any) -> FloatArray:
    lengths: FloatArray = pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.float64)
    return lengths


def _sentences(texts: pa.StringArray) -> FloatArray:
    """Return how many stretches between the ends of sentences hold a letter or a digit."""
    return _count(pc.replace_substring_regex(texts, _SENTENCE_END, _SEPARATOR), _SENTENCE)


def _repetition(texts: pa.StringArray, n: int) -> FloatArray:
    """Return 1 - distinct/all of the runs of n words of each text, in lower case; NaN for fewer than n words."""
    lists = pc.split_pattern_regex(pc.utf8_lower(texts), _NO_WORD)
    words = lists.flatten()
    spelled = pc.not_equal(words, "").to_numpy(zero_copy_only=False)  # a text may begin and end with no word
    rows = lists.value_parent_indices().to_numpy().astype(np.int64)[spelled]
    hashes, rows = _runs(hash_strings(words.filter(pa.array(spelled))), rows, n)
    order = np.lexsort((hashes, rows))
    hashes, sorted_rows = hashes[order], rows[order]
    first = np.ones(hashes.size, np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (sorted_rows[1:] != sorted_rows[:-1])
    every = np.bincount(rows, minlength=len(texts))
    distinct = np.bincount(sorted_rows[first], minlength=len(texts))
    return _ratio((every - distinct).astype(np.float64), every)


def _runs(hashes: HashArray, rows: IntArray, n: int) -> tuple[HashArray, IntArray]:
    """Return the hash of every run of n words that lies in one text, and its row."""
    if hashes.size < n:
        return hashes[:0], rows[:0]
    last = hashes.size - n + 1
    combined = hashes[:last]
    for k in range(1, n):
        combined = mix(combined) ^ hashes[k : k + last]
    inside = rows[:last] == rows[n - 1 :]
    return combined[inside], rows[:last][inside]


def _ratio(part: FloatArray, whole: Any) -> FloatArray:
    ratios: FloatArray = np.divide(part, whole, out=np.full(part.size, np.nan), where=whole > 0)
    return ratios
