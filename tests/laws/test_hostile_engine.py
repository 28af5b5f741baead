"""No exception leaves the engine: whatever the bytes and the decoder, a step ends and every record is accounted for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.types import TopicPartition
from tests.fuzz.targets.engine import DECODERS, WRITERS, stepping
from tests.support.formats import record
from tests.support.monitors import make_baseline

STEP = stepping()
MADE = {name: make() for name, make in DECODERS.items()}
PARTITION = TopicPartition("t", 0)

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=8),
    st.sampled_from([1e308, -1e308, 5e-324, "x" * 3000, "\u202e\x00\x1b[31m", "<script>", "'; DROP TABLE x; --"]),
)


@st.composite
def records(draw, name):
    """Return random bytes, good records, odd ones and damaged ones, as they come."""
    made = [draw(st.binary(max_size=40)) for _ in range(draw(st.integers(0, 4)))]
    for number in range(draw(st.integers(0, 6))):
        changes = {"amount": draw(odd_values)} if name in ("json", "msgpack", "delimited") else {}
        good = WRITERS[name](record(number, **changes))
        if draw(st.booleans()):
            at = draw(st.integers(0, len(good)))
            good = good[:at] + draw(st.binary(max_size=4)) + good[at + draw(st.integers(0, 3)) :]
        made.append(good)
    return [*draw(st.permutations(made)), *([None] if draw(st.booleans()) else [])]


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_exception_leaves_the_engine_whatever_the_bytes(name, data):
    STEP(MADE[name], data.draw(records(name)))


def test_the_engine_takes_good_records_in_every_format():
    for name, decoder in MADE.items():
        engine = STEP(decoder, [WRITERS[name](record(number)) for number in range(4)])
        assert engine.partitions[PARTITION].rows == 4, name


def test_bombs_of_names_and_categories_leave_the_engine_small():
    writer = WRITERS["json"]
    values = [
        writer({**record(i % 900), "country": f"c{i}", **{f"k{i}-{j}": 0 for j in range(20)}}) for i in range(2_000)
    ]
    engine = STEP(MADE["json"], values)
    assert engine.partitions[PARTITION].rows == 2_000
    assert len(engine.unknown_fields) <= 1_000
    baseline = make_baseline(segments=[("country", 2, None)])
    assert len(baseline.segmenter.labels) <= 4, "what a producer writes makes no segment"
