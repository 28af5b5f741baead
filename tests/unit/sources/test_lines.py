from __future__ import annotations

import bz2
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SurroundingsError
from monitor.sources import lines
from monitor.sources.lines import read_lines, split_lines


def read(path):
    return [
        (int(n), v) for numbers, values in read_lines(path) for n, v in zip(numbers, values.to_pylist(), strict=True)
    ]


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"\r" not in line), min_size=1))
def test_lines_are_what_python_says_they_are(texts):
    numbers, values = split_lines(b"".join(text + b"\n" for text in texts), 5)
    expected = [(5 + i, text) for i, text in enumerate(texts) if text]
    assert list(zip(numbers.tolist(), values.to_pylist(), strict=True)) == expected


@given(st.lists(st.sampled_from([b"", b"a", b"bc", b"\r", b"d\r"]), min_size=1))
def test_a_carriage_return_before_the_feed_is_no_content(texts):
    numbers, values = split_lines(b"".join(text + b"\n" for text in texts), 0)
    stripped = [text.removesuffix(b"\r") for text in texts]
    expected = [(i, text) for i, text in enumerate(stripped) if text]
    assert list(zip(numbers.tolist(), values.to_pylist(), strict=True)) == expected


def test_blocks_do_not_show(tmp_path, monkeypatch):
    texts = [b"x" * (i % 37) + b"!" for i in range(1000)]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(texts))
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    assert read(path) == list(enumerate(texts))


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\n\r\n"])
def test_without_content_there_are_no_lines(tmp_path, text):
    path = tmp_path / "a.jsonl"
    path.write_bytes(text)
    assert read(path) == []


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_files_are_read_with_all_their_members(tmp_path, suffix, compress):
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(compress(b"1\n2\n") + compress(b"3\n"))
    assert read(path) == [(0, b"1"), (1, b"2"), (2, b"3")]


def test_a_file_that_was_cut_short_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"1\n2\n" * 1000)[:-9])
    with pytest.raises(OSError, match="runcated"):
        read(path)


def test_a_line_without_an_end_is_an_error_and_not_all_of_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n" + b"x" * 5000)
    with pytest.raises(SurroundingsError, match="line 1 is over 1000 bytes"):
        read(path)
