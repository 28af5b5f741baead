"""What every Unicode character is, as a table: part of a word or not, and of which script."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ClassArray = NDArray[np.uint8]

SCRIPTS = (
    "latin",
    "cyrillic",
    "greek",
    "armenian",
    "georgian",
    "hebrew",
    "arabic",
    "ethiopic",
    "devanagari",
    "bengali",
    "gurmukhi",
    "gujarati",
    "tamil",
    "telugu",
    "kannada",
    "malayalam",
    "sinhala",
    "thai",
    "lao",
    "khmer",
    "myanmar",
    "tibetan",
    "hangul",
    "kana",
    "han",
)
"""The scripts that are told apart, as Unicode names them; `kana` is Hiragana and Katakana."""
WORD_CHARACTERS = r"\pL\pM\pN"
"""What words are made of (RE2): letters, marks and numbers."""
OTHER = len(SCRIPTS) + 1
"""The number of any other script, and of letters that several scripts share."""
IN_WORD = 0x80
"""This bit of a class says that the character is part of words; the others number its script, from 1, or are 0."""
_SURROGATES = range(0xD800, 0xE000)
_LAST = 0x110000
_NO_CHARACTERS = range(0x40000, 0xE0000)  # planes in which Unicode has assigned nothing


@cache
def classes() -> ClassArray:
    """Return the class of every code point, uint8 (1,114,112); made once, in about 0.2 s, from RE2's own tables.

    So a word and a script are the same things here as in the patterns of `monitor.texts.measures`.
    """
    assigned = np.ones(_LAST, np.bool_)
    for hole in (_SURROGATES, _NO_CHARACTERS):
        assigned[hole.start : hole.stop] = False
    every = pa.array([np.flatnonzero(assigned).astype("<u4").tobytes().decode("utf-32-le")])
    table = np.zeros(_LAST, np.uint8)
    for number, script in enumerate(SCRIPTS, 1):
        table[_of(every, r"\p{Hiragana}\p{Katakana}" if script == "kana" else rf"\p{{{script.capitalize()}}}")] = number
    letters = _of(every, r"\pL")
    table[letters[table[letters] == 0]] = OTHER
    table[_of(every, WORD_CHARACTERS)] |= IN_WORD
    table.setflags(write=False)
    return table


def _of(every: Any, members: str) -> NDArray[np.uint32]:
    """Return the code points that a class of RE2 holds."""
    left = pc.replace_substring_regex(every, f"[^{members}]+", "")[0].as_py()
    return np.frombuffer(left.encode("utf-32-le"), np.uint32)
