"""Records that no producer should send: what becomes of each is written beside it."""

from __future__ import annotations

TIME_MS = 1_760_000_000_000
_TIME = f'"event_time":{TIME_MS}'.encode()


def _object(*members: bytes) -> bytes:
    return b"{" + b",".join((_TIME, *members)) + b"}"


REJECTS: dict[str, bytes] = {
    "no JSON": b"<html>502 Bad Gateway</html>",
    "an array": b"[1,2]",
    "a text": b'"payment"',
    "a null": b"null",
    "a number": b"17",
    "cut short": b"{" + _TIME + b',"amount":',
    "two objects": _object() + _object(),
    "a trailing comma": b"{" + _TIME + b",}",
    "single quotes": b"{'event_time':1760000000000}",
    "Latin-1": _object('"country":"Köln"'.encode("latin-1")),
    "UTF-16": _object().decode().encode("utf-16-le"),
    "a byte-order mark": b"\xef\xbb\xbf" + _object(),
    "zero bytes": b"\x00\x00\x00",
    "a nesting bomb": _object(b'"a":' + b"[" * 100_000 + b"]" * 100_000),
    "an open nesting bomb": b"[" * 200_000,
    "too many bytes": _object(b'"note":"' + b"x" * 2_000_000 + b'"'),
    "half a surrogate pair": _object(b'"country":"\\ud800"'),
    "no event time": b'{"amount":1}',
    "a null event time": b'{"event_time":null}',
    "an event time in quotes": f'{{"event_time":"{TIME_MS}"}}'.encode(),
    "a negative event time": b'{"event_time":-5}',
    "an event time beyond the year 9999": b'{"event_time":99999999999999999}',
    "an infinite event time": b'{"event_time":1e400}',
    "an event time that is NaN": b'{"event_time":NaN}',
}
"""Records that are no rows."""

FAILURES: dict[str, bytes] = {
    "a number in quotes": _object(b'"amount":"12"'),
    "an infinite number": _object(b'"amount":1e400'),
    "a number that is NaN": _object(b'"amount":NaN'),
    "a number with 400 digits": _object(b'"amount":' + b"9" * 400),
    "an object for a number": _object(b'"amount":{"value":1}'),
    "a boolean for a number": _object(b'"amount":true'),
}
"""Rows whose `amount` is not usable."""

STRANGE: dict[str, bytes] = {
    "a list for a category": _object(b'"amount":1,"country":["DE"]'),
    "a key twice": _object(b'"amount":1,"amount":"2"'),
    "a zero character": _object(b'"amount":1,"country":"D\\u0000E"'),
    "an empty text": _object(b'"amount":1,"country":""'),
    "a thousand unknown fields": _object(b'"amount":1', *(f'"u{i}":0'.encode() for i in range(1000))),
    "as much nesting as is allowed": _object(b'"amount":1,"a":' + b"[" * 60 + b"]" * 60),
}
"""Rows whose `amount` is fine."""
