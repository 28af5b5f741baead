"""Records made to break the decoder: each is accounted for, and none harms its neighbours."""

from __future__ import annotations

import gzip
import json
import time

import numpy as np
import pytest

from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.types import Presence
from tests.support.decoding import NOW_MS, cells, fetch_of, reasons
from tests.support.poison import FAILURES, REJECTS, STRANGE
from tests.support.poison import TIME_MS as POISON_MS

TIME = b'"event_time":%d' % POISON_MS
PLAN = DecodePlan({"amount": "number", "country": "category", "on": "boolean"}, EventTimePlan("event_time"))
GOOD = [b'{%s,"amount":%d,"country":"DE","on":true}' % (TIME, i) for i in range(40)]
MB = 1 << 20


def with_time(*members: bytes) -> bytes:
    return b"{" + b",".join((TIME, *members)) + b"}"


BOMBS = {
    "brackets that never close": b"[" * (MB - 1),
    "braces that never close": b'{"a":' * 200_000,
    "brackets as deep as they are many": with_time(b'"x":' + b"[" * 500_000 + b"]" * 500_000),
    "deep by turns": with_time(b'"x":' + b'[{"a":' * 70_000 + b"1" + b"}]" * 70_000),
    "shallow and wide": with_time(b'"x":[' + b",".join([b"[]"] * 300_000) + b"]"),
    "quotes": b'"' * MB,
    "escaped quotes": with_time(b'"x":"' + b'\\"' * 500_000 + b'"'),
    "backslashes": with_time(b'"x":"' + b"\\" * 1_000_000 + b'"'),
    "an escape at the end": with_time(b'"x":"\\'),
    "commas": b"{" + b"," * 1_000_000 + b"}",
    "texts that end in commas and brackets": with_time(b'"amount":"' + b",}" * 500_000 + b'"'),
    "a field name a hundred thousand times": with_time(*[b'"amount":"1"'] * 80_000),
    "a field name with spaces before its colon": with_time(b'"amount"' + b" " * 1_000_000 + b':"1"'),
    "a number of a million digits": with_time(b'"amount":' + b"7" * 1_000_000),
    "an exponent of a million digits": with_time(b'"amount":1e' + b"7" * 1_000_000),
    "a number with a million leading zeros": with_time(b'"amount":0.' + b"0" * 1_000_000 + b"1"),
    "a hundred thousand keys": with_time(*(b'"k%d":0' % i for i in range(70_000))),
    "a key of a megabyte": with_time(b'"' + b"k" * 1_000_000 + b'":1'),
    "an escaped key of a megabyte": with_time(b'"' + b"\\u006b" * 170_000 + b'":1'),
    "zero characters": with_time(b'"country":"' + b"\\u0000" * 170_000 + b'"'),
    "zero bytes": b"\x00" * MB,
    "compressed": gzip.compress(GOOD[0]),
    "overlong UTF-8": with_time(b'"country":"\xc0\x80"'),
    "a surrogate in UTF-8": with_time(b'"country":"\xed\xa0\x80"'),
    "beyond Unicode": with_time(b'"country":"\xf5\x80\x80\x80"'),
    "UTF-8 cut short": with_time(b'"country":"\xf0\x9f\x92'),
    "a broken megabyte in Chinese": ("{" + "数" * 340_000).encode(),
    "SQL": with_time(b'"country":"\'); DROP TABLE batch; --"'),
    "a path": with_time(b'"$":{"country":"x"},"/country":"y","$.country":"z"'),
    "another encoding": json.dumps({"event_time": POISON_MS}).encode("utf-32"),
}
ALL = {**REJECTS, **FAILURES, **STRANGE, **BOMBS}


@pytest.fixture(scope="module")
def decoder():
    return JsonSpec().build(PLAN)


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_record_is_accounted_for_and_its_neighbours_are_unharmed(decoder, name):
    decoded = decoder.decode(fetch_of([*GOOD[:20], ALL[name], *GOOD[20:]]))
    assert len(decoded.batch) + len(decoded.rejects) == 41
    assert decoded.batch.offsets[decoded.batch.offsets != 20].tolist() == [*range(20), *range(21, 41)]
    keep = np.flatnonzero(decoded.batch.offsets != 20)
    columns = decoded.batch.take(keep).columns
    assert cells(columns["amount"]) == [float(i) for i in range(40)]
    assert cells(columns["country"]) == ["DE"] * 40
    assert cells(columns["on"]) == ["true"] * 40


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_record_alone_gets_the_same_verdict(decoder, name):
    alone, among = decoder.decode(fetch_of([ALL[name]])), decoder.decode(fetch_of([GOOD[0], ALL[name]]))
    assert list(reasons(alone).values()) == list(reasons(among).values())
    assert len(alone.batch) == len(among.batch) - 1


@pytest.mark.parametrize("name", REJECTS)
def test_what_is_no_row_is_rejected(decoder, name):
    assert len(decoder.decode(fetch_of([REJECTS[name]])).rejects) == 1


@pytest.mark.parametrize("name", [*FAILURES, *STRANGE])
def test_what_is_a_row_is_kept_and_its_failure_counted(decoder, name):
    decoded = decoder.decode(fetch_of([ALL[name]]))
    assert len(decoded.batch) == 1
    assert (decoded.batch.columns["amount"].presence[0] != Presence.OK) == (name in FAILURES)


def test_all_of_them_at_once_and_in_any_order(decoder):
    records = [*ALL.values(), None, *GOOD]
    expected = decoder.decode(fetch_of(records))
    verdict = dict.fromkeys(range(len(records)), "")
    verdict.update(reasons(expected))
    order = np.random.default_rng(7).permutation(len(records)).tolist()
    shuffled = decoder.decode(fetch_of([records[i] for i in order]))
    assert len(shuffled.batch) + len(shuffled.rejects) + shuffled.filtered == len(records)
    assert shuffled.filtered == 1
    assert {order[place]: why for place, why in reasons(shuffled).items()} == reasons(expected)
    at = {offset: row for row, offset in enumerate(expected.batch.offsets.tolist())}
    rows = [at[order[place]] for place in shuffled.batch.offsets.tolist()]
    for path, column in expected.batch.columns.items():
        assert cells(shuffled.batch.columns[path]) == cells(column.take(np.array(rows)))


@pytest.mark.parametrize("share", [1, 10])
@pytest.mark.parametrize(
    "poison",
    [
        b"{bad",
        b"\xff",
        b"[]",
        b'{%s,"amount":"1"}' % TIME,
        b'{%s,"amount":1,}' % TIME,
        b'{%s,"x":%s}' % (TIME, b"[" * 80 + b"]" * 80),
    ],
    ids=["malformed", "encoding", "not_object", "wrong_type", "comma", "nesting"],
)
def test_poison_does_not_slow_its_batch_out_of_proportion(decoder, poison, share):
    """A hundredth or a tenth of poison must not cost many times the clean batch (it was up to seven times)."""
    clean = GOOD * 500
    poisoned = [poison if i % 100 < share else record for i, record in enumerate(clean)]

    def cost_s(records):
        fetch, best = fetch_of(records), float("inf")
        for _ in range(3):
            began = time.thread_time()
            decoder.decode(fetch)
            best = min(best, time.thread_time() - began)
        return best

    assert cost_s(poisoned) < 4 * cost_s(clean) + 0.05


def test_unknown_names_are_bounded_by_the_sample(decoder):
    decoded = decoder.decode(fetch_of([BOMBS["a hundred thousand keys"], BOMBS["a key of a megabyte"]]))
    assert max(map(len, decoded.unknown_fields)) <= 200


def test_the_poison_is_of_our_time():
    assert abs(NOW_MS - POISON_MS) < 100 * 86_400_000
    assert POISON_MS < NOW_MS
