"""What each field type makes of each JSON token."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.types import Presence
from tests.support.decoding import NOW_MS, cells, decode, fetch_of

TOKENS = {
    # for each token what a number, an integer, a boolean and a text or category make of it
    "1": (1.0, 1.0, "WRONG_TYPE", "WRONG_TYPE"),
    "0": (0.0, 0.0, "WRONG_TYPE", "WRONG_TYPE"),
    "-0": (0.0, 0.0, "WRONG_TYPE", "WRONG_TYPE"),
    "1.6": (1.6, "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    "-2.0": (-2.0, -2.0, "WRONG_TYPE", "WRONG_TYPE"),
    "5e-1": (0.5, "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    "1E3": (1000.0, 1000.0, "WRONG_TYPE", "WRONG_TYPE"),
    "9007199254740993": (9007199254740992.0, 9007199254740992.0, "WRONG_TYPE", "WRONG_TYPE"),
    "18446744073709551616": (2.0**64, 2.0**64, "WRONG_TYPE", "WRONG_TYPE"),
    "1e-400": (0.0, 0.0, "WRONG_TYPE", "WRONG_TYPE"),
    "1e400": ("POSITIVE_INFINITY", "POSITIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "-1e400": ("NEGATIVE_INFINITY", "NEGATIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "9" * 400: ("POSITIVE_INFINITY", "POSITIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "9" * 5000: ("POSITIVE_INFINITY", "POSITIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "Infinity": ("POSITIVE_INFINITY", "POSITIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "-Infinity": ("NEGATIVE_INFINITY", "NEGATIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "inf": ("POSITIVE_INFINITY", "POSITIVE_INFINITY", "WRONG_TYPE", "WRONG_TYPE"),
    "NaN": ("NAN", "NAN", "WRONG_TYPE", "WRONG_TYPE"),
    "nan": ("NAN", "NAN", "WRONG_TYPE", "WRONG_TYPE"),
    "nAn": ("NAN", "NAN", "WRONG_TYPE", "WRONG_TYPE"),
    "null": ("NULL", "NULL", "NULL", "NULL"),
    "true": ("WRONG_TYPE", "WRONG_TYPE", "true", "WRONG_TYPE"),
    "false": ("WRONG_TYPE", "WRONG_TYPE", "false", "WRONG_TYPE"),
    '"12.5"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "12.5"),
    '"12"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "12"),
    '"NaN"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "NaN"),
    '"yes"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "yes"),
    '"true"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "true"),
    '"null"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "null"),
    '""': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", ""),
    "{}": ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    '{"value":1}': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    "[]": ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    "[1]": ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE"),
    '"\\u0041\\n\\"\\\\"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", 'A\n"\\'),
    '"\\u0000"': ("WRONG_TYPE", "WRONG_TYPE", "WRONG_TYPE", "\x00"),
    '"\\ud83d\\ude00 \N{GRINNING FACE} é"': (
        "WRONG_TYPE",
        "WRONG_TYPE",
        "WRONG_TYPE",
        "\N{GRINNING FACE} \N{GRINNING FACE} é",
    ),
}
TYPES = {"number": 0, "integer": 1, "boolean": 2, "category": 3, "text": 3}
SPACED = ['{"f":%s}', ' \r\n{ "f" \t:\n %s }\n', '{"z":0,"f":%s,"y":[]}', '{\n  "z": [{}],\n  "f": %s\n}']


@pytest.mark.parametrize("layout", SPACED)
@pytest.mark.parametrize("kind", TYPES)
def test_every_token_is_told_honestly_for_every_type(kind, layout):
    records = [(layout % token).encode() for token in TOKENS]
    column = decode(records, {"f": kind}).batch.columns["f"]
    assert cells(column) == [outcome[TYPES[kind]] for outcome in TOKENS.values()]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("token", TOKENS)
def test_a_token_alone_in_its_batch_is_told_the_same(kind, token):
    column = decode([f'{{"f":{token}}}'.encode()], {"f": kind}).batch.columns["f"]
    assert cells(column) == [TOKENS[token][TYPES[kind]]]


@pytest.mark.parametrize("kind", TYPES)
def test_absent_null_and_wrong_type_are_three_things(kind):
    column = decode([b"{}", b'{"f":null}', b'{"f":[]}', b'{"F":1}', b'{"g":{"f":1}}'], {"f": kind}).batch.columns["f"]
    assert cells(column) == ["ABSENT", "NULL", "WRONG_TYPE", "ABSENT", "ABSENT"]


def test_numbers_and_texts_keep_their_array_types_even_when_nothing_is_right():
    columns = decode([b"{}"], {"n": "number", "i": "integer", "b": "boolean", "c": "category"}).batch.columns
    assert [columns[path].values.dtype for path in "ni"] == [np.float64, np.float64]
    assert [columns[path].values.null_count for path in "bc"] == [0, 0]
    assert all(len(column.values) == 1 and column.presence.dtype == np.uint8 for column in columns.values())


NESTED = [
    (b'{"m":{"x":1}}', 1.0),
    (b'{"m":{"x":"1"}}', "WRONG_TYPE"),
    (b'{"m":{"x":null}}', "NULL"),
    (b'{"m":{}}', "ABSENT"),
    (b'{"m":null}', "ABSENT"),
    (b'{"m":3}', "ABSENT"),
    (b'{"m":"x"}', "ABSENT"),
    (b'{"m":[{"x":1}]}', "ABSENT"),
    (b'{"m":true}', "ABSENT"),
    (b'{"x":1}', "ABSENT"),
    (b'{"m.x":1}', "ABSENT"),
]


def test_below_a_parent_that_is_no_object_a_field_is_absent():
    column = decode([record for record, _ in NESTED], {"m.x": "number"}).batch.columns["m.x"]
    assert cells(column) == [outcome for _, outcome in NESTED]


def test_a_name_that_is_a_number_is_a_key_and_no_place_in_an_array():
    records = [b'{"m":[7,8]}', b'{"m":{"0":5}}', b'{"m":{"0":"5"}}', b'{"m":[]}', b'{"m":[null]}', b'{"0":1}']
    columns = decode(records, {"m.0": "number", "0": "number"}).batch.columns
    assert cells(columns["m.0"]) == ["ABSENT", 5.0, "WRONG_TYPE", "ABSENT", "ABSENT", "ABSENT"]
    assert cells(columns["0"]) == ["ABSENT"] * 5 + [1.0]


def test_the_same_name_at_several_depths_is_several_fields():
    fields = {"id": "text", "m.id": "number", "m.n.id": "boolean"}
    records = [
        b'{"id":"a","m":{"id":1,"n":{"id":true}}}',
        b'{"id":1,"m":{"id":"a","n":{"id":"true"}}}',
        b'{"m":{"n":{"id":1},"id":true},"id":{"id":"a"}}',
        b'{"m":{"n":{}}}',
    ]
    columns = decode(records, fields).batch.columns
    assert cells(columns["id"]) == ["a", "WRONG_TYPE", "WRONG_TYPE", "ABSENT"]
    assert cells(columns["m.id"]) == [1.0, "WRONG_TYPE", "WRONG_TYPE", "ABSENT"]
    assert cells(columns["m.n.id"]) == ["true", "WRONG_TYPE", "WRONG_TYPE", "ABSENT"]


DUPLICATES = [
    (b'{"a":1,"a":"2"}', 1.0),
    (b'{"a":"2","a":1}', "WRONG_TYPE"),
    (b'{"a":null,"a":1}', "NULL"),
    (b'{"\\u0061":1,"a":"2"}', 1.0),
    (b'{"\\u0061":"2","a":1}', "WRONG_TYPE"),
    (b'{"a":1,"\\u0061":"2"}', 1.0),
]


def test_of_repeated_keys_the_first_counts():
    column = decode([record for record, _ in DUPLICATES], {"a": "number"}).batch.columns["a"]
    assert cells(column) == [outcome for _, outcome in DUPLICATES]
    parents = decode([b'{"m":3,"m":{"a":1}}', b'{"m":{"a":1},"m":3}'], {"m.a": "number"}).batch.columns["m.a"]
    assert cells(parents) == ["ABSENT", 1.0]


@pytest.mark.parametrize("key", ["\\u0061b", "a\\u0062", "\\u0061\\u0062"])
def test_a_key_written_with_escapes_is_the_same_key(key):
    records = [f'{{"{key}":{token}}}'.encode() for token in ("1", '"1"', "true", "null", "NaN")]
    columns = decode(records, {"ab": "number"}).batch.columns
    assert cells(columns["ab"]) == [1.0, "WRONG_TYPE", "WRONG_TYPE", "NULL", "NAN"]


STRANGE_NAMES = [
    "a+b",
    'a"b',
    "a\\b",
    "a b",
    "a/b",
    "a~b",
    "a~1b",
    "*",
    "$x",
    "[0]",
    "(",
    "é",
    "\N{PILE OF POO}",
    "a'b",
    "^$|?",
    "-",
]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_names_that_mean_something_to_a_regex_a_path_or_sql_are_only_names(name, ascii_only):
    tokens = [1, "1", None, True, {"x": 1}]
    records = [json.dumps({"other": 0, name: token}, ensure_ascii=ascii_only).encode() for token in tokens]
    records += [json.dumps({"m": {name: token}}, ensure_ascii=ascii_only).encode() for token in tokens]
    columns = decode(
        records, {name: "number", f"m.{name}": "text"} if name != "$x" else {f"m.{name}": "text"}
    ).batch.columns
    absent = ["ABSENT"] * 5
    if name != "$x":
        assert cells(columns[name]) == [1.0, "WRONG_TYPE", "NULL", "WRONG_TYPE", "WRONG_TYPE", *absent]
    assert cells(columns[f"m.{name}"]) == [*absent, "WRONG_TYPE", "1", "NULL", "WRONG_TYPE", "WRONG_TYPE"]


LOOKALIKES = [
    {"note": '"amount": "x"', "amount": 1},
    {"note": '{"amount":"x"}', "amount": 1},
    {"note": ', "amount": "5"', "amount": 1},
    {"note": ",}", "amount": 1},
    {"note": ",]", "amount": 1},
    {"note": "\\", "amount": 1},
    {"note": '\\"', "amount": 1},
    {"note": "\\u0061mount", "amount": 1},
    {"amount": 1, "note": '":"'},
    {'"amount"': "x", "amount": 1},
    {'x"amount': "x", "amount": 1},
    {"xamount": "x", "amountx": "y", "amount": 1},
    {"other": {"amount": "x"}, "amount": 1},
    {"others": [{"amount": "x"}, {"amount": None}], "amount": 1},
]


def test_texts_that_look_like_fields_change_nothing():
    records = [json.dumps(record).encode() for record in LOOKALIKES]
    decoded = decode(records, {"amount": "number", "note": "text"})
    assert cells(decoded.batch.columns["amount"]) == [1.0] * len(records)
    assert cells(decoded.batch.columns["note"]) == [record.get("note", "ABSENT") for record in LOOKALIKES]
    assert not len(decoded.rejects)


def test_a_list_of_texts_beside_a_wrong_type_is_no_trailing_comma():
    records = [b'{"amount":"1","tags":["a","b"]}', b'{"amount":"1","tags":[",]","b"]}', b'{"tags":[0,",}"],"amount":1}']
    decoded = decode(records, {"amount": "number"})
    assert cells(decoded.batch.columns["amount"]) == ["WRONG_TYPE", "WRONG_TYPE", 1.0]


def test_a_lookalike_does_not_hide_the_real_thing():
    records = [json.dumps({**record, "amount": "1"}).encode() for record in LOOKALIKES]
    assert cells(decode(records, {"amount": "number"}).batch.columns["amount"]) == ["WRONG_TYPE"] * len(records)


def test_one_wrong_token_is_found_in_the_middle_of_a_large_batch():
    records = [f'{{"id":"{i}","amount":{i}.5,"m":{{"on":true}}}}'.encode() for i in range(5_000)]
    records[2_345] = b'{"id":"x","amount":"7","m":{"on":true}}'
    records[4_999] = b'{"id":"x","amount":7,"m":{"on":1}}'
    columns = decode(records, {"id": "text", "amount": "number", "m.on": "boolean"}).batch.columns
    assert np.flatnonzero(columns["amount"].presence).tolist() == [2_345]
    assert np.flatnonzero(columns["m.on"].presence).tolist() == [4_999]
    assert columns["id"].all_ok
    assert math.isclose(columns["amount"].valid.sum(), sum(i + 0.5 for i in range(4_999)) - 2_345.5 + 7)


def test_a_wrong_type_in_every_record_stays_a_wrong_type_batch_after_batch():
    """Names that often raise suspicion are struck from the search; their fields must still be looked at."""
    decoder = JsonSpec().build(DecodePlan({"id": "text", "amount": "number", "on": "boolean"}))
    wrong = [f'{{"id":{i},"amount":"1","on":true}}'.encode() for i in range(300)]
    right = [f'{{"id":"{i}","amount":1,"on":true}}'.encode() for i in range(300)]
    mixed = [pair for both in zip(right, wrong, strict=True) for pair in both]
    for records in (wrong, right, mixed, wrong[:3], right[:3]):
        columns = decoder.decode(fetch_of(records)).batch.columns
        expected = [Presence.OK if record in right else Presence.WRONG_TYPE for record in records]
        assert columns["id"].presence.tolist() == columns["amount"].presence.tolist() == expected
        assert columns["on"].all_ok


def test_event_time_field_may_also_be_an_ordinary_field():
    decoded = decode([b'{"t":%d}' % NOW_MS], {"t": "integer"}, EventTimePlan("t"))
    assert cells(decoded.batch.columns["t"]) == [float(NOW_MS)]
    assert decoded.batch.event_times_ms.tolist() == [NOW_MS]
