"""The connection computes and does nothing else."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from monitor.decoders.duck import Duck, quoted
from monitor.errors import SurroundingsError

ONE = pa.array(["x"])
DUCK = Duck()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "COPY (SELECT 1) TO '/tmp/never-written.csv'",
        "ATTACH '/tmp/never-written.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access=true",
        "SET threads=4",
        "SET TimeZone='Europe/Berlin'",
    ],
)
def test_neither_files_nor_network_nor_settings_are_within_reach(sql):
    with pytest.raises(duckdb.Error):
        DUCK.ask(sql, ONE)


def test_python_variables_are_not_tables():
    hidden = pa.table({"v": ["secret"]})
    with pytest.raises(duckdb.Error):
        DUCK.ask("SELECT v FROM hidden", ONE)
    assert hidden.num_rows == 1


def test_a_question_is_asked_anew_of_every_array():
    for texts in (["a", None], [], ["b"] * 5_000, ["c"]):
        assert DUCK.ask("SELECT v || '!' FROM texts", pa.array(texts, pa.string())).to_pylist() == [
            text and text + "!" for text in texts
        ]


def test_a_question_must_have_an_answer_for_every_value():
    with pytest.raises(SurroundingsError):
        DUCK.ask("SELECT DISTINCT v FROM texts", pa.array(["a", "a"]))


def test_texts_and_bytes_are_two_tables():
    assert DUCK.ask("SELECT octet_length(v) FROM bytes", pa.array([b"\xff\x00"], pa.binary())).to_pylist() == [2]
    assert DUCK.ask("SELECT v FROM texts", pa.array(["é"])).to_pylist() == ["é"]


def test_the_array_is_let_go_after_the_answer_and_after_an_error():
    with pytest.raises(duckdb.Error):
        DUCK.ask('SELECT json_transform(v, \'{"a":"DOUBLE"}\') FROM texts', ONE)
    assert DUCK.ask("SELECT v FROM texts", pa.array(["y", "z"])).to_pylist() == ["y", "z"]
    assert all(len(feed.values) == 0 for feed in DUCK._feeds.values())


def test_the_rows_keep_their_order_over_many_vectors():
    numbers = pa.array([str(i) for i in range(300_000)])
    assert DUCK.ask("SELECT v FROM texts", numbers).equals(numbers)


def test_a_quoted_text_is_that_text():
    text = "it's '' \\ \" é"
    assert DUCK.ask(f"SELECT {quoted(text)} FROM texts", ONE).to_pylist() == [text]  # noqa: S608
