"""Vectors in any JSON against Python's own parser: the flagged second look misses nothing."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.decoding import cells, decode

finite = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6).map(lambda x: round(x, 4)))
odd = st.sampled_from(
    [None, True, False, "1", "2.5", "NaN", "tf", "", "]", '"', [], [1], {}, {"e": [1]}, math.nan, math.inf, -math.inf]
)
elements = st.one_of(finite, finite, finite, odd)
values = st.one_of(
    st.lists(finite, min_size=3, max_size=3),
    st.lists(elements, min_size=3, max_size=3),
    st.lists(elements, max_size=5),
    st.sampled_from([None, 5, 2.5, True, "[1,2,3]", "text", {"e": [1, 2, 3]}, {}]),
)
others = st.one_of(st.none(), st.lists(elements, max_size=3), st.just({"e": ["a", True]}), st.just("e: [1, 2, 3]"))


@st.composite
def records(draw) -> tuple[bytes, Any]:
    """Return a record as text, in one of several spellings, and what it holds."""
    item: dict[str, Any] = {}
    if draw(st.booleans()):
        item["other"] = draw(others)
    if draw(st.integers(0, 9)):
        item["e"] = draw(values)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))
    text = json.dumps(item, separators=separators, indent=draw(st.sampled_from([None, 1])))
    if draw(st.integers(0, 5)) == 0:
        text = text.replace('"e"', '"\\u0065"')
    return text.encode(), item


def expected(item: dict[str, Any]) -> Any:
    """Return the vector, or the name of what is wrong with it."""
    value = item.get("e")
    if value is None:
        return "NULL" if "e" in item else "ABSENT"
    if not isinstance(value, list) or len(value) != 3:
        return "WRONG_TYPE"
    if any(isinstance(element, bool) or not isinstance(element, int | float) for element in value):
        return "WRONG_TYPE"
    if any(math.isnan(element) for element in value):
        return "NAN"
    if math.inf in value:
        return "POSITIVE_INFINITY"
    return "NEGATIVE_INFINITY" if -math.inf in value else [float(element) for element in value]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(found=st.lists(records(), min_size=1, max_size=40))
def test_every_vector_is_what_pythons_parser_says(found):
    decoded = decode([text for text, _ in found], {"e": "vector[3]"})
    assert not len(decoded.rejects)
    assert cells(decoded.batch.columns["e"]) == [expected(item) for _, item in found]
