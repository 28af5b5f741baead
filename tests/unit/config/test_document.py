from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.document import MAX_DEPTH, dotted, read_document


def value_of(text: str, **env: str) -> object:
    document = read_document(text, env)
    assert document.problems == []
    return document.value


def complaint(text: str, **env: str) -> str:
    [problem] = read_document(text, env).problems
    return str(problem)


@pytest.mark.parametrize("word", ["NO", "no", "N", "y", "yes", "on", "Off", "12:30", "1_000", "0b1", "2026-01-31", "="])
def test_words_that_yaml_1_1_turns_into_something_else_stay_text(word):
    assert value_of(f"[{word}]") == [word]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("'true'", "true"),
        ('"7"', "7"),
        ("!!str 7", "7"),
    ],
)
def test_scalars_follow_yaml_1_2(word, expected):
    value = value_of(f"a: {word}")
    assert value == {"a": expected}
    assert type(value["a"]) is type(expected)


def test_keys_are_text_whatever_they_look_like():
    assert value_of("{no: 1, 12: 2, true: 3, 'a.b': 4}") == {"no": 1, "12": 2, "true": 3, "a.b": 4}


def test_each_value_knows_its_line():
    document = read_document("a: 1\nb:\n  - x\n  - c:\n      2\n", {})
    assert document.lines[("a",)] == 1
    assert document.lines[("b", 1)] == 4
    assert document.lines[("b", 1, "c")] == 4


def test_a_repeated_key_is_refused_with_both_lines():
    assert complaint("a: 1\nb: 2\na: 3\n") == "line 3, a: the key stands here twice, first in line 1; remove one"


def test_an_alias_stands_for_a_whole_value():
    assert value_of("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_the_billion_laughs_are_refused():
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    text += "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert "use fewer aliases" in complaint(text)


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}"])
def test_an_alias_to_itself_is_refused(text):
    assert "use fewer aliases" in complaint(text)


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_deep_nesting_is_refused_without_a_crash(text):
    assert f"nested more than {MAX_DEPTH} deep" in complaint(text)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: !!int x", "not a value of type int"),
        ("a: !!bool maybe", "not a value of type bool"),
        ("? [x]\n: 1", "a key is not text"),
        ("<<: {a: 1}", "merge keys"),
        ("a: [1,\n2", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: b: c", "not YAML"),
        ("\ta: 1", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: *nowhere", "not YAML"),
        ("a: " + "9" * 5000, "not a value of type int"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(text, phrase):
    assert phrase in complaint(text)


def test_an_interpolated_value_cannot_become_yaml():
    evil = "x\nb: [1]\n# ${OTHER}"
    document = read_document('a: ${EVIL}\nc: "${EVIL}"', {"EVIL": evil})
    assert (document.value, document.problems) == ({"a": evil, "c": evil}, [])
    assert document.outside == {("a",), ("c",)}


def test_an_interpolated_number_stays_text_for_the_type_to_read():
    assert value_of("a: ${N}", N="12") == {"a": "12"}


def test_keys_are_not_interpolated():
    assert value_of("${A}: 1", A="x") == {"${A}": 1}


def test_locations_are_written_as_people_write_them():
    assert dotted(("fields", "merchant.mcc", "drift", 0, "warning")) == 'fields."merchant.mcc".drift[0].warning'
    assert dotted(()) == "document"


@given(st.text())
def test_no_text_raises(text):
    document = read_document(text, {})
    assert document.value is None or not document.problems or all(problem.message for problem in document.problems)


@given(
    st.recursive(
        st.sampled_from(["a", "1", "no", "'x'", "${A}", "*a", "&a b", "~", "!!int z", '"', "<<"]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]"),
            st.lists(st.tuples(st.sampled_from(["a", "b", "<<", "? x"]), inner), max_size=4).map(
                lambda pairs: "{" + ",".join(f"{key}: {value}" for key, value in pairs) + "}"
            ),
        ),
        max_leaves=20,
    )
)
def test_no_nearly_yaml_text_raises(text):
    read_document(text, {})
