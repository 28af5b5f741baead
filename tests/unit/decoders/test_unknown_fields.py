"""Unknown fields are noticed in a sample that depends on offsets only."""

from __future__ import annotations

from monitor.decoders import EventTimePlan
from tests.support.decoding import NOW_MS, decode

FIELDS = {"a": "number", "m.x": "number"}


def test_top_level_keys_that_no_path_begins_with_are_named_in_order():
    records = [b'{"z":1,"a":2,"m":{"y":1},"x":{"a":1},"\\u0062":0,"t":%d}' % NOW_MS]
    assert decode(records, FIELDS, EventTimePlan("t")).unknown_fields == ("b", "x", "z")


def test_the_sample_is_one_in_64_by_offset():
    records = [b'{"z%d":1}' % offset for offset in range(2_048)]
    sampled = [*range(16), *range(1_024, 1_040)]
    assert decode(records, FIELDS).unknown_fields == tuple(sorted(f"z{offset}" for offset in sampled))


def test_a_fetch_without_sampled_offsets_names_none():
    assert decode([b'{"z":1}'] * 1_000, FIELDS, first_offset=16).unknown_fields == ()


def test_rejects_before_a_sampled_record_do_not_shift_the_sample():
    assert decode([b"{bad", None, b"[]", b'{"z":1}'], FIELDS, first_offset=1_020).unknown_fields == ()
    assert decode([b"{bad", None, b"[]", b'{"z":1}'], FIELDS, first_offset=1_021).unknown_fields == ("z",)


def test_malformed_records_name_nothing():
    assert decode([b'{"z":1', b'{"y":1,}', b'["x"]'], FIELDS).unknown_fields == ()


def test_an_object_that_is_configured_in_part_is_known():
    assert decode([b'{"m":{"whatever":1}}', b'{"a":null}', b"{}"], FIELDS).unknown_fields == ()


def test_long_names_are_cut():
    assert decode([b'{"%s":1}' % (b"z" * 5_000)], FIELDS).unknown_fields == ("z" * 200,)


def test_every_sampled_record_that_has_the_field_is_known_by_its_offset():
    records = [b'{"z":1}' if n % 3 == 0 else b"{bad" if n % 3 == 1 else b'{"y":1}' for n in range(1_030)]
    decoded = decode(records, FIELDS)
    sampled = [*range(16), *range(1_024, 1_030)]
    found = {name: offsets.tolist() for name, offsets in decoded.unknown_offsets.items()}
    assert found == {"y": [n for n in sampled if n % 3 == 2], "z": [n for n in sampled if n % 3 == 0]}
