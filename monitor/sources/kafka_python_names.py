"""Lets kafka-python read records whose header names are no UTF-8; without it one of them stops a partition for good.

Names are bytes to the broker, and nothing makes a producer keep to UTF-8. kafka-python (seen in 3.0.12) takes such a
record for corrupt, and with it the rest of its batch, at every attempt. The test that tells when to drop this is
`tests/unit/sources/test_kafka_python_names.py`.
"""

from __future__ import annotations

from typing import Any

from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

_read = DefaultRecordBatch._read_msg  # noqa: SLF001 - there is no public place to do it


def _read_tolerantly(batch: Any) -> Any:
    """Return the next record of the batch; one whose header names cannot be read, without its headers."""
    start = batch._pos  # noqa: SLF001
    try:
        return _read(batch)
    except UnicodeDecodeError:
        batch._pos = start  # noqa: SLF001
        return _read_without_headers(batch)


def _read_without_headers(batch: Any) -> DefaultRecord:
    """Return the next record without its headers, which come last and are skipped; layout: Kafka's record format v2."""
    buffer = batch._buffer  # noqa: SLF001
    length, begin = decode_varint(buffer, batch._pos)  # noqa: SLF001
    _, at = decode_varint(buffer, begin)  # attributes: unused, and always one byte
    ts_delta, at = decode_varint(buffer, at)
    offset_delta, at = decode_varint(buffer, at)
    key, at = _read_bytes(buffer, at)
    value, at = _read_bytes(buffer, at)
    by_broker = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if by_broker else batch.first_timestamp + ts_delta
    batch._pos = begin + length  # noqa: SLF001
    return DefaultRecord(length, batch.base_offset + offset_delta, timestamp, batch.timestamp_type, key, value, [])


def _read_bytes(buffer: Any, at: int) -> tuple[bytes | None, int]:
    """Return bytes with their length before them (negative: null), and where they end."""
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)


def tolerate_header_names() -> None:
    """Make kafka-python read such records from now on; may be called twice."""
    DefaultRecordBatch._read_msg = _read_tolerantly  # noqa: SLF001
