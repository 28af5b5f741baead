from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.interpolation import MAX_FILE_BYTES, expand


@pytest.mark.parametrize(
    ("text", "env", "expected"),
    [
        ("plain $HOME {x}", {"HOME": "/root"}, "plain $HOME {x}"),
        ("${A}", {"A": "1"}, "1"),
        ("a-${A}-${B:-two}-z", {"A": "1"}, "a-1-two-z"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A}", {"A": ""}, ""),
        ("${A:-}", {}, ""),
        ("${A:-a:-b}", {}, "a:-b"),
        ("$${A} and ${A}", {"A": "1"}, "${A} and 1"),
    ],
)
def test_references_are_replaced(text, env, expected):
    result = expand(text, env)
    assert (result.text, result.faults) == (expected, [])


def test_what_comes_in_is_never_expanded_again():
    assert expand("${A}", {"A": "${B} $${C}", "B": "secret"}).text == "${B} $${C}"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("${MISSING}", "MISSING is not set"),
        ("${}", "no reference"),
        ("${a b}", "no reference"),
        ("${A:default}", "no reference"),
        ("${1A}", "no reference"),
        ("${A", "not closed"),
        ("${file:/does/not/exist}", "no file /does/not/exist"),
        ("${file:}", "no file"),
        ("${file:a\0b}", "no file"),
    ],
)
def test_what_cannot_be_had_is_a_fault_with_a_remedy(text, phrase):
    [(message, remedy)] = expand(text, {}).faults
    assert phrase in message or "cannot be read" in message
    assert remedy


def test_every_fault_of_a_text_is_found():
    assert len(expand("${A} ${B} ${file:/nope}", {}).faults) == 3


def test_a_file_loses_the_line_ends_at_its_end_only(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(" s3\ncret \r\n\n")
    result = expand(f"<${{file:{file}}}>", {})
    assert (result.text, result.outside) == ("< s3\ncret >", True)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (MAX_FILE_BYTES + 1)])
def test_a_file_that_is_no_short_text_is_a_fault(tmp_path: Path, content: bytes):
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert expand(f"${{file:{file}}}", {}).faults


def test_only_text_with_a_reference_comes_from_outside():
    assert not expand("$${A}", {}).outside
    assert expand("${A:-default}", {}).outside
