"""Suspicion must never miss a record; how often it is raised without need only costs time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from monitor.decoders.duck import Duck
from monitor.decoders.tokens import Suspicion, has_trailing_comma, patterns, pointer, token_types
from monitor.types import Presence

DUCK = Duck()

FIELDS = {"n": "number", "m.i": "integer", "b": "boolean", "c": "category", "t": "text"}
WRONG = {
    "number": ['"1"', "[1]", "{}", "true", "false"],
    "integer": ['"1"', "[1]", "{}", "true", "false"],
    "boolean": ['"true"', "[true]", "{}", "1", "-1", "0.5", "NaN", "nan", "Infinity", "inf", "nAN"],
    "category": ["1", "-1", "[]", "{}", "true", "false", "NaN", "nan", "Inf", "infinity"],
}
WRONG["text"] = WRONG["category"]
RIGHT = {"number": "1.5", "integer": "-1", "boolean": "true", "category": '"x"', "text": '"1"'}
ROW = '{"n":%s,"m":{"i":%s},"b":%s,"c":%s,"t":%s}'
SPACES = ["", " ", "\n\t \r"]


def suspects(texts, suspicion=None):
    return (suspicion or Suspicion(FIELDS)).suspects(pa.array(texts, pa.string())).tolist()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("position", "path"), list(enumerate(FIELDS)))
def test_every_wrong_token_of_every_field_raises_suspicion(position, path, space):
    right = list(RIGHT.values())
    texts = []
    for token in WRONG[FIELDS[path]]:
        tokens = [*right[:position], token, *right[position + 1 :]]
        text = ROW % tuple(tokens)
        for mark in "{},:":
            text = text.replace(mark, f"{space}{mark}{space}")
        texts += [text, ROW % tuple(right)]
    found = suspects(texts)
    assert all(found[::2])
    assert suspects([ROW % tuple(right)] * 20) == [False] * 20


def test_null_and_right_tokens_raise_none():
    texts = [ROW % ("null", "null", "null", "null", "null"), ROW % tuple(RIGHT.values()), "{}", '{"z":[1,{"y":"x"}]}']
    assert suspects(texts * 5) == [False] * 20


@pytest.mark.parametrize("text", ['{"\\u006e":1}', '{"a\\"b":1}', '{"x":1,"\\n" :2}', '{"n":1,}', '{"x":[1 , ]}'])
def test_escaped_keys_and_trailing_commas_are_suspicious(text):
    assert suspects([text]) == [True]


def test_escapes_in_values_are_not():
    assert suspects(['{"t":"a\\"b: \\\\","c":"\\u00e9"}'] * 3) == [False] * 3


def test_one_record_among_many_is_found_wherever_it_stands():
    right = ROW % tuple(RIGHT.values())
    for n in (1, 15, 16, 17, 33, 200):
        for place in {0, n // 2, n - 1}:
            texts = [right] * n
            texts[place] = '{"n":"1"}'
            assert suspects(texts)[place]
            sliced = pa.array([right, *texts, right], pa.string())[1 : n + 1]
            assert Suspicion(FIELDS).suspects(sliced)[place]


def test_names_that_cry_wolf_are_struck_and_looked_at_always():
    suspicion = Suspicion({"id": "text", "n": "number", "b": "boolean"})
    noisy = '{"id":"x","n":1,"b":true,"items":[{"id":7}]}'
    assert all(suspects([noisy] * 100, suspicion))
    assert suspicion.always == {"id": "text"}
    assert not any(suspects([noisy] * 100, suspicion))
    assert suspects(['{"id":1,"n":"1"}', '{"id":1,"b":0}', '{"\\u0069d":1}', '{"id":1,}'], suspicion) == [True] * 4


def test_when_all_names_are_struck_escapes_and_commas_are_still_found():
    suspicion = Suspicion({"id": "text"})
    suspects(['{"id":1}'] * 100, suspicion)
    assert suspicion.always == {"id": "text"}
    assert suspects(['{"i\\u0064":1}', '{"id":1,}'], suspicion) == [True, True]
    assert suspects(['{"id":1}'] * 3, suspicion) == [False] * 3


def test_a_few_wrong_records_strike_nothing():
    suspicion = Suspicion({"n": "number"})
    suspects(['{"n":"1"}'] * 64, suspicion)
    suspects(['{"n":1}'] * 900 + ['{"n":"1"}'] * 100, suspicion)
    assert suspicion.always == {}


@pytest.mark.parametrize("fields", [{}, FIELDS, {"a.b": "text", "b": "number"}])
def test_patterns_begin_with_a_literal_byte(fields):
    assert all(pattern.startswith((",", "\\{", "\\\\")) for pattern in patterns(fields))


def test_thousands_of_long_names_are_searched_for():
    names = [f"{'é' * 240}{i}" for i in range(1_000)]
    suspicion = Suspicion(dict.fromkeys(names, "number"))
    texts = [f'{{"x":0,"{names[i]}":{token}}}' for i in (0, 500, 999) for token in ("1", '"1"')]
    assert suspects(texts * 40, suspicion) == [False, True] * 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,}', True),
        ('{"a":[1,\n]}', True),
        ('{"a":",}"}', False),
        ('{"a":"\\",}"}', False),
        ('{"a":"\\\\",}', True),
        ('{"a":[",]",2]}', False),
        ('{"a":[",]",2,]}', True),
        ('{"a":[0,",}"]}', False),
        ('{"a":[",]","x"]}', False),
        ('{"a":[",]","x",]}', True),
    ],
)
def test_a_trailing_comma_is_told_from_one_in_a_text(text, expected):
    assert has_trailing_comma(DUCK, pa.array([text, "{}"])).tolist() == [expected, False]


def test_token_types_are_per_field_and_row():
    texts = pa.array(['{"n":1,"c":2}', '{"n":null,"c":"x"}', '{"n":"1"}', '{"n":1e999,"c":[]}'])
    found = token_types(DUCK, texts, {"n": "number", "c": "text"})
    ok, absent, null, wrong = Presence.OK, Presence.ABSENT, Presence.NULL, Presence.WRONG_TYPE
    assert found["n"].tolist() == [ok, null, wrong, ok]
    assert found["c"].tolist() == [wrong, ok, absent, wrong]
    assert found["n"].dtype == np.uint8


def test_paths_are_pointers_except_where_a_name_could_be_a_place():
    assert pointer("a.b/c.d~e") == "/a/b~1c/d~0e"
    assert pointer('m.0.a"b') == '$."m"."0"."a\\"b"'
    assert pointer("a.*") == "/a/*"
