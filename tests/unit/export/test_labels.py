"""Label values are bounded, printable and still different."""

from __future__ import annotations

import pytest

from monitor.export.labels import label_value, reason_code


@pytest.mark.parametrize("text", ["", "amount", "country=DE", 'quote " backslash \\', "ünï 日本 🙂", "x" * 200])
def test_a_harmless_text_is_left_alone(text):
    assert label_value(text) == text


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\x1b[31m", "a\u202eb", "a\ud800b", "a\u2028b", "\x7f", "\x85"])
def test_control_characters_are_replaced(text):
    value = label_value(text)
    value.encode()
    assert value.isprintable()


def test_a_huge_text_is_cut_to_two_hundred_characters():
    assert len(label_value("ü" * 1_000_000)) == 200


def test_texts_that_are_cut_or_cleaned_alike_stay_different():
    texts = ["x" * 300, "x" * 301, "x" * 1000, "a\x00b", "a\x01b", "a\ufffdb"]
    assert len({label_value(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("too few rows (12 of 50)", "too_few_rows"),
        ("Partial", "partial"),
        ("epoch-change: baseline 7", "epoch_change"),
        ("too_few_rows", "too_few_rows"),
        ("", "unspecified"),
        ("12 rows", "unspecified"),
        ("\ud800", "unspecified"),
        ("w" * 500, "w" * 40),
    ],
)
def test_a_reason_becomes_a_code_without_numbers(reason, code):
    assert reason_code(reason) == code
