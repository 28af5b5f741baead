"""Texts of configuration that want to do harm end as a problem with a remedy, in bounded time and memory."""

from __future__ import annotations

import pytest

from monitor.baseline.pointer import Pointer
from monitor.config.document import MAX_OUTSIDE_CHARS, read_document
from monitor.config.interpolation import MAX_TEXT_CHARS, expand
from monitor.errors import StoreError
from monitor.sinks.posting import _retry_after_s


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\U00110000"', f"%YAML 1.{'9' * 5000}\n---\na: 1"])
def test_an_escape_or_a_directive_out_of_range_is_a_problem(text):
    (problem,) = read_document(text, {}).problems
    assert problem.message.startswith("not YAML: ")
    assert problem.remedy


def test_what_files_and_variables_bring_in_is_bounded_however_often_they_are_named():
    text = "a: &a ${X}\nb: [" + ", ".join(["*a"] * 2000) + "]"
    document = read_document(text, {"X": "x" * 60_000})
    assert document.value is None
    assert f"more than {MAX_OUTSIDE_CHARS} characters" in document.problems[0].message
    assert read_document(text, {"X": "x" * 60}).problems == []


def test_one_text_is_bounded_however_many_references_it_has():
    expansion = expand("${X}" * 3000, {"X": "x" * 60_000})
    assert len(expansion.text) < MAX_TEXT_CHARS + 100_000
    assert len(expansion.faults) == 1
    assert "bring in less" in expansion.faults[0][1]


def test_of_a_large_file_no_more_is_read_than_is_needed(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of holes: whoever reads it whole is out of memory
    (fault,) = expand(f"${{file:{path}}}", {}).faults
    assert "more than 65536 bytes" in fault[0]


@pytest.mark.parametrize("version", ["../../../etc/passwd", "a/b", "a\0b", "x" * 300, ".", "a b"])
def test_a_pointer_that_leads_out_of_the_directory_is_refused(tmp_path, version):
    (tmp_path / "current").write_text(version)
    with pytest.raises(StoreError, match="names no version"):
        Pointer(tmp_path).current()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("9" * 400, 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Fri, 31 Dec 2020 23:59:59 +99999999999999999", None),
        ("7", 7.0),
    ],
)
def test_nobody_makes_a_sink_wait_for_ever(header, expected):
    assert _retry_after_s(header, 1_763_700_000_000) == expected
