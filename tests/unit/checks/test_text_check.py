"""The check of kind text: its ends, texts that have no such measure, and what is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from monitor.checks import TextSpec
from monitor.checks.text import COUNTS, MeasureName
from monitor.texts.measures import SHARES
from monitor.types import Presence
from tests.support.checks import batch, failing


def judged(texts, **settings):
    """Return who fails and who is evaluated."""
    return failing(TextSpec(field="x", **settings), batch(x=pa.array(texts, pa.string())))


def test_both_ends_are_inside():
    texts = ["one", "one two", "one two three", "one two three four"]
    assert judged(texts, measure="words", min=2, max=3)[0] == [True, False, False, True]
    assert judged(texts, measure="words", max=3)[0] == [False, False, False, True]
    assert judged(["AB", "Abcd"], measure="upper", max=0.25)[0] == [True, False]


def test_an_empty_text_has_no_words_and_no_shares():
    assert judged([""], measure="words", min=1) == ([True], [True])
    assert judged([""], measure="letters", min=0.5) == ([False], [False])
    assert judged(["", "..."], measure="repetition", max=0) == ([False] * 2, [False] * 2)
    assert judged(["a a", "a a a"], measure="duplicate_ngrams", max=0.1) == ([False, False], [False, True])


def test_a_loop_of_words_is_found():
    looped = "I am sorry " * 20
    assert judged([looped, "I am not sorry at all"], measure="repetition", max=0.5)[0] == [True, False]
    assert judged([looped, "I am not sorry at all"], measure="duplicate_ngrams", max=0.5)[0] == [True, False]


def test_a_letter_of_another_script_in_a_word_is_found():
    assert judged(["paypal", "p\u0430ypal", "привет world"], measure="mixed_scripts", max=0)[0] == [False, True, False]


def test_unusable_values_are_not_evaluated():
    spec = TextSpec(field="x", measure="words", min=3)
    failed, evaluated = failing(spec, batch(x=(["a"] * 7, list(Presence))))
    assert failed == evaluated == [True] + [False] * 6


def test_a_column_of_numbers_is_refused():
    with pytest.raises(TypeError, match="number field"):
        failing(TextSpec(field="x", measure="words", min=1), batch(x=[1.0]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"measure": "words"}, "neither min nor max"),
        ({"measure": "words", "min": 3, "max": 2}, "exchange them"),
        ({"measure": "letters", "min": 50}, "share between 0 and 1"),
        ({"measure": "letters", "max": 1.5}, "share between 0 and 1"),
        ({"measure": "colour", "max": 1}, "words"),
        ({"measure": "words", "max": -1}, "greater than or equal"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, says):
    with pytest.raises(ValidationError, match=says):
        TextSpec(field="x", **settings)


def test_each_measure_of_a_field_has_a_name_of_its_own():
    assert TextSpec(field="x", measure="words", min=1).name == "x.words"


def test_every_measure_is_a_count_a_share_of_characters_or_a_repetition():
    named = set(MeasureName.__args__)
    assert named == COUNTS | set(SHARES) | {"repetition", "duplicate_ngrams"}
