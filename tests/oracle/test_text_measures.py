"""Measures of texts against plain Python and its Unicode database."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from math import isnan
from typing import get_args

import pyarrow as pa
import pytest

from monitor.checks import TextSpec
from monitor.checks.text import MeasureName
from monitor.texts.measures import measure_of
from tests.support.checks import batch, failing

ALPHABET = (
    "aabbAZé\u0301ßıИжЯαΩª٣५ーカひ漢字中한שאعم،हिก๑ \u00a0\t\n\x0b\x1f\x85\u2003\u3000"
    ".!?…。！？,;\"')]»_-$€+0179½²😀\x00\x7fﬁ\u200b"
)
SCRIPTS = {
    "latin": "LATIN ",
    "cyrillic": "CYRILLIC ",
    "greek": "GREEK ",
    "han": "CJK ",
    "kana": "KATAKANA |HIRAGANA ",
    "hangul": "HANGUL ",
    "arabic": "ARABIC",
    "hebrew": "HEBREW ",
    "devanagari": "DEVANAGARI (LETTER|VOWEL|DIGIT)",
    "thai": "THAI ",
}
COMMON = "ー،"  # named for a script, used by several


def script(letter: str, name: str) -> bool:
    """Return whether a character is of a script, by its name in Unicode."""
    called = unicodedata.name(letter, "")
    odd = {"ª": "latin", "ﬁ": "latin"}  # named ordinal and ligature
    if letter in odd:
        return odd[letter] == name
    return letter not in COMMON and bool(re.match(SCRIPTS[name], called))


CHARACTERS: dict[str, Callable[[str], bool]] = {
    "letters": lambda c: unicodedata.category(c)[0] in "LM",
    "digits": lambda c: unicodedata.category(c) == "Nd",
    "upper": lambda c: unicodedata.category(c) == "Lu",
    "whitespace": str.isspace,
    "punctuation": lambda c: unicodedata.category(c)[0] == "P",
    "control": lambda c: unicodedata.category(c) == "Cc",
    "non_ascii": lambda c: not c.isascii(),
    **{name: lambda c, name=name: script(c, name) for name in SCRIPTS},
}


def words(text: str) -> list[str]:
    """Return the runs of letters, marks and numbers."""
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split(" ")


def mixed(word: str) -> bool:
    """Return whether scripts follow each other in a word; marks and numbers are of any."""
    letters = [c for c in word if unicodedata.category(c)[0] not in "MN"]
    found = [next((name for name in ("latin", "cyrillic", "greek") if script(c, name)), None) for c in letters]
    return any(one and other and one != other for one, other in pairwise(found))


def sentences(text: str) -> int:
    """Return the number of stretches with a word, ended character by character."""
    stretches, at = [""], 0
    while at < len(text):
        rest = text[at:]
        end = len(rest) - len(rest.lstrip(".!?…"))
        close = end + len(rest[end:]) - len(rest[end:].lstrip("\"'”’)]"))
        blank = close == len(rest) or rest[close] in " \t\n\f\r" or unicodedata.category(rest[close])[0] == "Z"
        if end and blank:
            stretches.append("")
            at += min(close + 1, len(rest))
        elif rest[0] in "。！？":
            stretches.append("")
            at += 1
        else:
            stretches[-1] += rest[: end or 1]
            at += end or 1
    return sum(any(words(stretch)) for stretch in stretches)


def repeated(text: str, n: int) -> float | None:
    """Return the share of runs of n words that stood in the text before."""
    found = [word for word in words(text.lower()) if word]
    runs = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    return (len(runs) - len(set(runs))) / len(runs) if runs else None


def mean_word_length(text: str) -> float | None:
    """Return the mean number of characters of the words, in lower case."""
    found = [len(word) for word in words(text.lower()) if word]
    return sum(found) / len(found) if found else None


MEASURES: dict[str, Callable[[str], float | None]] = {
    "mean_word_length": mean_word_length,
    "words": lambda text: sum(bool(word) for word in words(text)),
    "sentences": sentences,
    "mixed_scripts": lambda text: sum(mixed(word) for word in words(text)),
    "repetition": lambda text: repeated(text, 1),
    "duplicate_ngrams": lambda text: repeated(text, 2),
    **{
        name: lambda text, named=named: sum(named(c) for c in text) / len(text) if text else None
        for name, named in CHARACTERS.items()
    },
}


def generated() -> list[str]:
    """Return texts of all sorts of characters, and such of few different words."""
    random_ = random.Random(41)
    texts = ["", " ", "...", "One. Two! (Three?) 3.14 four", "раураl", "kΩ", "x1ж", "e\u0301ж"]
    texts += ["".join(random_.choices(ALPHABET, k=random_.randrange(12))) for _ in range(3_000)]
    few = ["ab", "AB", "c", "d.", "e!", "漢", "…"]
    return texts + [" ".join(random_.choices(few, k=random_.randrange(15))) for _ in range(1_000)]


def test_every_measure_has_an_oracle():
    assert set(MEASURES) == set(get_args(MeasureName))


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_what_python_says(name):
    texts = generated()
    got = measure_of(name, 2)(pa.array(texts, pa.string())).tolist()
    wanted = [MEASURES[name](text) for text in texts]
    assert [(text, g) for text, g, w in zip(texts, got, wanted, strict=True) if (w is None) != isnan(g)] == []
    differ = [(t, g, w) for t, g, w in zip(texts, got, wanted, strict=True) if w is not None and abs(g - w) > 1e-12]
    assert differ == []
    assert len({g for g in got if not isnan(g)}) > 2


@pytest.mark.parametrize("name", MEASURES)
def test_a_check_of_a_measure_is_its_ends(name):
    texts = generated()
    wanted = [MEASURES[name](text) for text in texts]
    spec = TextSpec(field="x", measure=name, n=2, min=0.05, max=0.2)
    failed, evaluated = failing(spec, batch(x=pa.array(texts, pa.string())))
    assert evaluated == [w is not None for w in wanted]
    assert failed == [w is not None and not 0.05 <= w <= 0.2 for w in wanted]
