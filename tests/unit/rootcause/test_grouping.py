"""What moves together: streams of one field with a common onset, then fields."""

from __future__ import annotations

from monitor.rootcause import Moving, faults, together


def stream(field, segment="", onset=0, strength=1.0, number=0):
    dimension, _, value = segment.partition("=")
    return Moving(number, field, dimension, value, onset, strength)


def test_weak_streams_may_notice_later_than_the_strongest():
    strong, late = stream("delay", "carrier=EV", -3, 9.0), stream("delay", "", 0, 1.2)
    assert [fault.streams for fault in faults([late, strong])] == [(strong, late)]


def test_what_began_long_before_is_another_fault():
    strong, old = stream("delay", "carrier=EV", -3, 9.0), stream("delay", "", -30, 1.2)
    assert [fault.anchor for fault in faults([old, strong])] == [strong, old]


def test_another_value_of_the_same_dimension_must_begin_with_it():
    strong = stream("delay", "carrier=EV", -9, 9.0)
    rival, twin = stream("delay", "carrier=UA", -2, 2.0), stream("delay", "carrier=B6", -8, 1.5)
    assert [fault.streams for fault in faults([strong, rival, twin])] == [(strong, twin), (rival,)]


def test_fields_are_apart_and_the_strongest_first():
    a, b = stream("a", strength=1.0), stream("b", strength=2.0)
    assert [fault.anchor for fault in faults([a, b])] == [b, a]
    assert faults([]) == []


def test_links_carry_on():
    assert together(5, lambda i, j: j - i == 2) == [[0, 2, 4], [1, 3]]
    assert together(3, lambda i, j: False) == [[0], [1], [2]]
    assert together(0, lambda i, j: True) == []
