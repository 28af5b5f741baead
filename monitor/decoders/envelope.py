"""Fields that Kafka carries beside the value: the key, the timestamp and headers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from monitor.decoders.duck import Duck
from monitor.decoders.plan import HEADER_PREFIX, KEY, TIMESTAMP
from monitor.decoders.records import decode_each
from monitor.types import Column, Fetch, FieldType, IntArray, Presence


def envelope_columns(duck: Duck, fetch: Fetch, rows: IntArray, fields: Mapping[str, FieldType]) -> dict[str, Column]:
    """Return the columns of `$key`, `$timestamp_ms` and `$header.NAME` for the rows of a fetch.

    Bytes that are not UTF-8 are a wrong type, a missing key or header is absent. Headers come from the
    client as Python tuples, so they are the one thing that is picked record by record, and only for
    the names that are configured; the first of several equal names counts.
    """
    columns = {}
    for path in fields:
        if path == TIMESTAMP:
            times = fetch.timestamps_ms[rows]
            columns[path] = Column(times.astype(np.float64), np.where(times < 0, Presence.ABSENT, 0).astype(np.uint8))
        elif path == KEY:
            columns[path] = _text(duck, fetch.keys.take(pa.array(rows)))
        elif path.startswith(HEADER_PREFIX):
            columns[path] = _text(duck, _header(fetch, path.removeprefix(HEADER_PREFIX), rows))
    return columns


def _header(fetch: Fetch, name: str, rows: IntArray) -> pa.BinaryArray:
    """Return the first header called `name` of each row."""
    if fetch.headers is None:
        return pa.nulls(len(rows), pa.binary())
    headers = fetch.headers
    return pa.array((next((v for k, v in headers[i] if k == name), None) for i in rows.tolist()), pa.binary())


def _text(duck: Duck, values: pa.BinaryArray) -> Column:
    """Return binary values as a text column."""
    try:
        texts = values.cast(pa.string())
    except pa.ArrowInvalid:
        texts = decode_each(duck, values)
    presence = np.where(np.asarray(texts.is_null()), Presence.WRONG_TYPE, Presence.OK).astype(np.uint8)
    presence[np.asarray(values.is_null())] = Presence.ABSENT
    return Column(texts.fill_null(""), presence)
