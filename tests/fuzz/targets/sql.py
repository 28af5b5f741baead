"""Conditions in SQL: refused with a reason, or evaluated over any rows without an exception."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from monitor.checks.sql import SqlSpec
from monitor.types import Batch, Column, FieldType, TopicPartition
from tests.fuzz.target import Target, Try

_FIELDS: dict[str, FieldType] = {
    "amount": "number",
    "n": "integer",
    "country": "category",
    "merchant.mcc": "text",
    "on": "boolean",
}
_NUMBERS = np.array([0.0, -1.5, 1e308, 7.0])
_TEXTS = pa.array(["", "2026-01-31", '{"a":1}', "x" * 50])


def build() -> Try:
    """Return what takes an input as an expression and, where it is one, evaluates it."""
    presence = np.zeros(4, np.uint8)
    columns = {
        "amount": Column(_NUMBERS, presence),
        "n": Column(np.array([0.0, 1.0, -3.0, 2.0**53]), presence),
        "country": Column(_TEXTS, presence),
        "merchant.mcc": Column(_TEXTS, presence),
        "on": Column(pa.array(["true", "false", "true", "false"]), presence),
    }
    at = np.arange(4)
    batch = Batch(TopicPartition("t", 0), at, at, at, columns)

    def attempt(data: bytes) -> None:
        try:
            spec = SqlSpec(name="fuzz", expression=data.decode("utf-8", "replace"))
        except ValidationError:
            return
        if any(True for _ in spec.misfits(_FIELDS)):
            return
        failed, evaluated = spec.build(_FIELDS).failures(batch)
        assert failed.shape == evaluated.shape == (4,)
        assert not (failed & ~evaluated).any()

    return attempt


SEEDS = (
    b"amount >= 0 OR on",
    b"country IN ('DE', 'FR') AND merchant.mcc NOT LIKE '%x_' ESCAPE '\\'",
    b"CAST(country AS DATE) < DATE '2026-01-01' AND n % 2 = 0",
    b"CASE WHEN amount > 1 THEN length(upper(country)) BETWEEN 1 AND 3 ELSE on END",
    b"json_extract_string(\"merchant.mcc\", '$.a') = '1' -- comment",
    b"amount > (SELECT count(*) FROM read_csv('/etc/passwd'))",
    b"amount > 1; DROP TABLE x",
    b"regexp_matches(country, '(a+)+$') AND strftime(make_timestamp(CAST(n AS BIGINT)), '%Y') = '1970'",
    b"repeat(country, 1000000000) = 'x' OR list_contains([1,2], n)",
)
TARGET = Target(build, SEEDS, max_bytes=1024)
