from __future__ import annotations

import pytest
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from monitor.sources import kafka_python_names
from monitor.sources.kafka_python_names import tolerate_header_names


class RawName(str):
    """A header name that is sent as bytes that are no text."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def batch(compression: int = 0) -> DefaultRecordBatch:
    """Return a batch of three records, the second with a header name that is no text."""
    builder = DefaultRecordBatchBuilder(2, compression, False, -1, -1, -1, 10_000)
    for i, headers in enumerate([[("a", b"1")], [("good", b"1"), (RawName("x"), None)], [("c", None)]]):
        builder.append(i, 1_000 + i, b"k" if i else None, b"v%d" % i, headers)
    return DefaultRecordBatch(bytes(builder.build()))


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DefaultRecordBatch, "_read_msg", kafka_python_names._read)


def test_kafka_python_itself_cannot_read_a_header_name_that_is_no_text():
    """When this fails, `kafka_python_names` is not needed any more."""
    with pytest.raises(CorruptRecordError):
        list(batch())


@pytest.mark.parametrize("compression", [0, DefaultRecordBatch.CODEC_GZIP])
def test_such_a_record_comes_without_its_headers_and_the_others_as_they_are(compression: int):
    tolerate_header_names()
    tolerate_header_names()
    records = list(batch(compression))
    assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in records] == [
        (0, 1_000, None, b"v0", [("a", b"1")]),
        (1, 1_001, b"k", b"v1", []),
        (2, 1_002, b"k", b"v2", [("c", None)]),
    ]
