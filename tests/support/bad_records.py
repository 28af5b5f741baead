"""Everything a broken or hostile producer may write, by what should become of it."""

from __future__ import annotations

import json
from collections import Counter

MARK = "zq7-do-not-log"
"""In every bad record, key and header, so that a log that holds any of them is noticed."""

INJECTIONS = (
    f"<script>alert('{MARK}')</script>",
    f"'; DROP TABLE windows; -- {MARK}",
    f'"}} or vector(1) # {MARK}',
    f'{MARK}\n{{"event": "forged", "level": "critical"}}',
    f"{MARK}\r\n\x1b[31mforged\x1b[0m \u202e\u2028\x00",
    f"${{jndi:ldap://{MARK}}} {{{{7*7}}}} %s%n",
)

MALFORMED = [
    *(f"{{{MARK}".encode(), b"", b" ", b"\n", b"\x00", f'{{"at":1,"x":"{MARK}",}}'.encode()),
    *(b'{"at":1}{"at":2}', b'{"at":1} x', b"{'at':1}", b"{at:1}", b'{"at":01}', b'{"at":.5}', b'{"at":1 "b":2}'),
    *(b'\xef\xbb\xbf{"at":1}', b'// c\n{"at":1}', b'{"at":1}/* c */', b"\x0b{}", b"[[1]", b"}", b'{"at":1}\x00'),
    *(b'{"x":"a\x00b"}', b'{"x":"a\nb"}', b'{"x":"\\ud800"}', b'{"x":"\\x"}', '{"at":1}'.encode("utf-16-le")),
]
ENCODING = [
    *(f'\xff{{"x":"{MARK}\xe9"}}'.encode("latin-1"), '{"at":1}'.encode("utf-16"), b"\xc0\xaf", b"\xf5\x80\x80\x80"),
    *(b'{"x":"\xed\xa0\x80"}', b"\x80", b'{"at":1,"x":"\xff"}', b"\x1f\x8b\x08\x00gzip", b"\x00\x00\x00\x00\x01\xfe"),
]
DEEP = 100_000
NESTING = [
    *(b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    *(b'{"at":1,"x":' + b"[" * 65 + b"]" * 65 + b"}", b'{"at":1,"x":' + b'[{"y":' * 200 + b"1" + b"}]" * 200 + b"}"),
]
NOT_OBJECT = [b"[1,2]", b"[]", b"1", f'"{MARK}"'.encode(), b"null", b"true", b"NaN", b'[{"at":1}]', b"1e400"]
OVERSIZE = [b'{"at":1,"x":"' + MARK.encode() * 150_000 + b'"}', b"x" * 2_000_000, b"[" * 1_100_000]
TIME_MISSING = [b"{}", b'{"at":null}', b'{"AT":1}', f'{{"at ":1,"x":"{MARK}"}}'.encode(), b'{"x":{"at":1}}']
TIME_INVALID = [
    f'{{"at":{written},"amount":1,"x":"{MARK}"}}'.encode()
    for written in (
        *('"1700000000000"', '"2026-01-01T00:00:00Z"', '""', "true", "[1]", '{"ms":1}', "0", "-1", "-0"),
        *("-1700000000000", "1000000000000000000", "253402300800000", "9223372036854775808", "1e18", "1e300"),
        *("1e400", "-1e400", "NaN", "Infinity", "9" * 5000),
    )
]


def ahead(now_ms: int) -> list[bytes]:
    """Return records whose event time is more than an hour past what Kafka will note for them."""
    return [
        f'{{"at":{at_ms},"x":"{MARK}"}}'.encode()
        for at_ms in (now_ms + 3_660_000, now_ms + 86_400_000, 253_402_300_799_999)
    ]


FIELDS = {
    "amount": {"type": "number"},
    "count": {"type": "integer"},
    "country": {"type": "category"},
    "refund": {"type": "boolean"},
    "note": {"type": "text"},
    "card.limit": {"type": "number"},
    "$key": {"type": "text"},
    "$header.trace": {"type": "category"},
}
GOOD_VALUES = {"amount": 50.5, "count": 3, "country": "DE", "refund": False, "note": "", "card": {"limit": 1}}
ODD = {
    "amount": {"missing": ["null"], "invalid": ['"12.5"', "true", "[1]", "{}", "NaN", "1e400", "-1e400", "-Infinity"]},
    "count": {"missing": ["null"], "invalid": ["1.5", '"3"', "false", "NaN", "Infinity"]},
    "country": {"missing": ["null"], "invalid": ["7", "true", "[]", '{"x":1}', "NaN"]},
    "refund": {"missing": ["null"], "invalid": ["1", '"yes"', '"true"', "0", "[]"]},
    "note": {"missing": ["null"], "invalid": ["1", "{}", "false"]},
    "card": {
        "missing": ["null", "1", '"x"', "[]", "{}", '{"limit":null}'],
        "invalid": ['{"limit":"1"}', '{"limit":[]}'],
    },
}


def odd_rows(at_ms: int) -> tuple[list[bytes], Counter[tuple[str, str]]]:
    """Return rows with one odd field each, and how many of each field are missing and invalid."""
    rows, counts = [], Counter[tuple[str, str]]()
    for field, kinds in ODD.items():
        path = "card.limit" if field == "card" else field
        for kind, tokens in kinds.items():
            for token in tokens:
                parts = [f'"{name}":{json.dumps(value)}' for name, value in GOOD_VALUES.items() if name != field]
                rows.append(f'{{"at":{at_ms},{",".join(parts)},"{field}":{token}}}'.encode())
                counts[path, kind] += 1
    texts = [*INJECTIONS, "x" * 500_000]
    rows += [json.dumps({"at": at_ms, **GOOD_VALUES, "country": text, "note": text}).encode() for text in texts]
    rows += [json.dumps({"at": at_ms, **GOOD_VALUES, name: 1}).encode() for name in (*INJECTIONS, "k" * 500_000)]
    return rows, counts


def everything_bad(now_ms: int) -> list[tuple[str, bytes]]:
    """Return reasons and records."""
    groups = {
        "malformed": MALFORMED,
        "encoding": ENCODING,
        "nesting": NESTING,
        "not_object": NOT_OBJECT,
        "oversize": OVERSIZE,
        "event_time_missing": TIME_MISSING,
        "event_time_invalid": TIME_INVALID,
        "event_time_ahead": ahead(now_ms),
    }
    return [(reason, value) for reason, values in groups.items() for value in values]


def hostile_headers(number: int) -> list[tuple[str, bytes | None]]:
    text = INJECTIONS[number % len(INJECTIONS)].replace("\0", "")  # the client ends a name there
    return [("trace", text.encode()), ("twice", b"1"), ("twice", b"\xff\x00"), (text, b""), ("driftline.reason", b"no")]
