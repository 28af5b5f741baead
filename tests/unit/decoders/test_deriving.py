"""Fields that are made of texts, against plain Python, and on texts that nobody meant well."""

from __future__ import annotations

import math
import re
import zlib
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decoders.deriving import TextStreams, derived
from monitor.texts.characters import SCRIPTS, classes
from monitor.texts.code_points import bounds, row_blocks
from monitor.texts.streams import NGRAM, SAMPLE, USUAL, StreamName, type_of
from monitor.types import Batch, Column, Presence, TopicPartition

NAMES = get_args(StreamName)
SCRIPT_OF = {
    "a": "latin", "B": "latin", "é": "latin", "ß": "latin", "Ж": "cyrillic", "и": "cyrillic", "Ω": "greek",
    "α": "greek", "Ա": "armenian", "ა": "georgian", "ש": "hebrew", "ع": "arabic", "አ": "ethiopic", "ह": "devanagari",
    "९": "devanagari", "ক": "bengali",
    "ก": "thai", "한": "hangul", "カ": "kana", "ひ": "kana", "漢": "han", "字": "han",
    "ᏸ": "other", "𐐨": "other",
}  # fmt: skip
SIGNS = "  \t\n.,!?…-😀\u0301\u200f\u202e\x00\x7f0९²"
WORD = re.compile("[a-z" + "".join(re.escape(c) for c in (*SCRIPT_OF, "\u0301", "0", "९", "²")) + "]+", re.IGNORECASE)
TEXTS = st.one_of(
    st.text(st.sampled_from([*SCRIPT_OF, *SIGNS]), max_size=40),
    st.lists(st.sampled_from(["a", "mark", "MARK", "Ж", "漢字", "", ","]), max_size=30).map(" ".join),
)
HOSTILE = [
    "", " ", "\x00", "\x00" * 50, "\u0301" * 30, "a\u0301\u0302", "👩‍👩‍👧‍👦" * 20, "🏳️‍🌈", "\u202eمرحبا\u202c",
    "ﷺ", "\ufeff", "\U0010ffff", "x" * 100_000, "é" * 100_000, "漢 " * 60_000, "a " * 500_000, "😀" * 60_000,
    "\u0378", "İstanbul", "ΣΑΣ",
]  # fmt: skip


def rows_of(texts: list[str | None], first: int = 0) -> Batch:
    """Return a batch with a field `note`; None is null."""
    presence = np.array([Presence.NULL if text is None else Presence.OK for text in texts], np.uint8)
    offsets = np.arange(first, first + len(texts))
    return Batch(
        TopicPartition("t", 1), offsets, offsets, offsets, {"note": Column(pa.array(texts, pa.string()), presence)}
    )


def made(texts: list[str | None], *names: str, max_chars: int = 4_096, first: int = 0, words: bool = False) -> Any:
    """Return the columns of measures by name, as lists with None where there is no value."""
    columns = derived(rows_of(texts, first), [TextStreams("note", names, words, max_chars)]).columns
    found = {}
    for path, column in columns.items():
        values = column.values.tolist() if isinstance(column.values, np.ndarray) else column.values.to_pylist()
        found[path] = [value if ok else None for value, ok in zip(values, column.ok.tolist(), strict=True)]
    return {name: found[f"note.{name}"] for name in (*names, *(["vocabulary"] if words else []))}


def words_in(text: str) -> list[str]:
    return WORD.findall(text.lower())


def repeated(words: list[str], n: int) -> float | None:
    runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return (len(runs) - len(set(runs))) / len(runs) if runs else None


def script_of(text: str) -> str:
    found = [SCRIPT_OF.get(c) or SCRIPT_OF.get(c.upper()) or "latin" for c in text if c.isalpha() or c in SCRIPT_OF]
    order = [*SCRIPTS, "other"]
    return max(order, key=lambda name: (found.count(name), -order.index(name))) if found else "none"


@given(st.lists(st.none() | TEXTS, max_size=12))
@settings(max_examples=40, deadline=None)
def test_measures_are_what_python_says(texts):
    found = made(texts, *USUAL, "duplicate_ngrams", words=True)
    for row, text in enumerate(texts):
        got = {name: values[row] for name, values in found.items()}
        if text is None:
            assert set(got.values()) == {None}
            continue
        words = words_in(text)
        assert got["length"] == len(text)
        assert (got["words"], got["vocabulary"]) == (len(words), words)
        assert got["mean_word_length"] == (pytest.approx(sum(map(len, words)) / len(words)) if words else None)
        assert got["repetition"] == (None if not words else pytest.approx(repeated(words, 1)))
        expected = repeated(words, NGRAM)
        assert got["duplicate_ngrams"] == (None if expected is None else pytest.approx(expected))
        assert got["script"] == script_of(text)


@given(st.lists(st.none() | TEXTS, max_size=12), st.integers(0, 12), st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_a_row_is_measured_the_same_whatever_stands_beside_it(texts, cut, first):
    whole = made(texts, *NAMES, first=first, words=True)
    parts = [made(texts[:cut], *NAMES, first=first, words=True)]
    parts.append(made(texts[cut:], *NAMES, first=first + min(cut, len(texts)), words=True))
    assert {name: [*parts[0][name], *parts[1][name]] for name in whole} == whole


def test_a_measure_that_a_text_does_not_have_is_absent_and_a_bad_text_stays_what_it_is():
    texts = pa.array(["two words", "...", None, "garbage"], pa.string())
    column = Column(texts, np.array([Presence.OK, Presence.OK, Presence.NULL, Presence.WRONG_TYPE], np.uint8))
    batch = Batch(TopicPartition("t", 0), *[np.arange(4)] * 3, {"note": column})
    columns = derived(batch, [TextStreams("note", ("words", "mean_word_length", "script"), True, 64)]).columns
    usual = [Presence.OK, Presence.OK, Presence.NULL, Presence.WRONG_TYPE]
    assert columns["note.words"].presence.tolist() == columns["note.script"].presence.tolist() == usual
    assert columns["note.vocabulary"].presence.tolist() == usual
    assert columns["note.mean_word_length"].presence.tolist() == [usual[0], Presence.ABSENT, *usual[2:]]
    assert columns["note"] is column


def test_no_text_is_too_odd_or_too_long():
    """Nothing raises, and of a million characters the first 4096 are looked at."""
    found = made([*HOSTILE, None], *NAMES, words=True)
    assert found["length"][:-1] == [len(text) for text in HOSTILE]
    assert found["words"][HOSTILE.index("a " * 500_000)] == 2_048
    assert found["repetition"][HOSTILE.index("a " * 500_000)] == pytest.approx(2_047 / 2_048)
    assert found["script"][HOSTILE.index("漢 " * 60_000)] == "han"
    assert found["script"][HOSTILE.index("\x00")] == "none"
    assert [len(word) for word in found["vocabulary"][HOSTILE.index("x" * 100_000)]] == [64]
    for name in ("repetition", "letters", "digits", "whitespace", "control", "non_ascii"):
        assert all(value is None or 0 <= value <= 1 for value in found[name])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "length"])
def test_only_the_first_characters_are_looked_at(name):
    texts = ["some words. and é漢 1 of them, " + "X! " * 100, "short", "漢" * 64 + " ж"]
    first = next(n for n in range(10_000) if made(["a"], "compression_ratio", first=n)["compression_ratio"] != [None])
    for text in texts:
        assert made([text], name, max_chars=64, first=first) == made([text[:64]], name, first=first)


def test_the_compression_ratio_is_that_of_a_sample_by_partition_and_offset():
    texts = ["mark " * 40, "every word of this sentence is another one"] * 2_000
    found = made(texts, "compression_ratio")["compression_ratio"]
    chosen = [row for row, ratio in enumerate(found) if ratio is not None]
    assert abs(len(chosen) - 4_000 / SAMPLE) < 4 * math.sqrt(4_000 / SAMPLE)
    for row in chosen[:20]:
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        size = len(packer.compress(texts[row].encode()) + packer.flush())
        assert found[row] == size / len(texts[row].encode())
    assert made(texts[::-1], "compression_ratio")["compression_ratio"] != found
    assert max(found[row] for row in chosen if row % 2 == 0) < 0.1 < min(found[row] for row in chosen if row % 2)


def test_blocks_are_of_whole_texts_and_cover_them_all():
    texts = pa.array(["x" * 10] * 1_000 + ["y" * 3_000_000] + ["", "z"] * 300_000)[5:]
    found = list(row_blocks(texts))
    assert [block.start for block in found] == [0, *(block.stop for block in found[:-1])]
    assert found[-1].stop == len(texts)
    sizes = [int(np.diff(bounds(texts[block])).sum()) for block in found]
    assert max(sizes) == 3_000_000
    assert sorted(sizes)[-2] <= 1 << 20
    assert list(row_blocks(texts[:0])) == []


def test_every_script_has_characters_and_words_are_made_of_letters_marks_and_numbers():
    table = classes()
    assert set(range(len(SCRIPTS) + 2)) == set((table & 0x7F).tolist())
    for character, script in SCRIPT_OF.items():
        assert [*SCRIPTS, "other"][(table[ord(character)] & 0x7F) - 1] == script
    assert [bool(table[ord(c)] >> 7) for c in "aЖ漢0\u0301 .\x00😀"] == [True] * 5 + [False] * 4


def test_types_are_those_of_the_values():
    assert {type_of(name) for name in NAMES} == {"integer", "number", "category"}
    found = made(["one Two. three 3", "x"] * 50, *NAMES)
    for name in NAMES:
        values = [value for value in found[name] if value is not None]
        assert values
        if type_of(name) == "integer":
            assert all(value == int(value) for value in values)
        assert all(isinstance(value, str) for value in values) == (type_of(name) == "category")
