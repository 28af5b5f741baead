"""Records of any bytes through whole steps of the engine, with each kind of decoder in turn."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping

from monitor.checks import NullableSpec, RangeSpec, VolumeSpec
from monitor.decoders import DecodePlan, DelimitedSpec, EventTimePlan, JsonSpec, MsgpackSpec
from monitor.decoders.avro import AvroDecoder
from monitor.decoders.preparing import prepare
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.protocols import Decoder
from monitor.types import FieldType
from tests.fuzz.answers import registry_of
from tests.fuzz.records import SEPARATOR, joined
from tests.fuzz.target import Target, Try
from tests.support.formats import AVRO, COLUMNS, as_csv, as_json, as_msgpack, avro, fetch_of, framed, record
from tests.support.monitors import DETECTORS, make_baseline, make_plan

FIELDS: Mapping[str, FieldType] = {"amount": "number", "country": "category"}
PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"), max_record_bytes=8192)
DECODERS: Mapping[str, Callable[[], Decoder]] = {
    "json": lambda: JsonSpec().build(PLAN),
    "msgpack": lambda: MsgpackSpec().build(PLAN),
    "delimited": lambda: DelimitedSpec(columns=COLUMNS).build(PLAN),
    "avro": lambda: AvroDecoder(
        PLAN, registry=registry_of({"/schemas/ids/1": {"schema": json.dumps(AVRO)}}), schema=None
    ),
    "gzip": lambda: JsonSpec(compression="gzip").build(PLAN),
}


def stepping() -> Callable[[Decoder, list[bytes | None]], Engine]:
    """Return what takes records through a new engine, in two fetches, to the end."""
    plan = make_plan(
        size_ms=1_000,
        baseline=make_baseline(segments=[("country", 2, None)]),
        row_checks=(RangeSpec(field="amount", max=500.0), NullableSpec(field="country")),
        window_checks=(VolumeSpec(),),
        detectors=DETECTORS,
    )

    def step(decoder: Decoder, values: list[bytes | None]) -> Engine:
        whole = fetch_of(values)
        engine = Engine(plan, decoder)
        engine.assign(PartitionState(whole.partition, 0, 0))
        half = len(values) // 2
        for fetch in (fetch_of(values[:half]), fetch_of(values[half:], first=half)):
            if len(fetch):
                prepare(decoder, fetch)
                engine.step([fetch], 1_763_700_001_000)
        engine.finish()
        state = engine.partitions[whole.partition]
        rejects = sum(state.rejects.values())
        assert state.records == len(values) == state.rows + rejects + state.filtered, (
            "a record is lost or counted twice"
        )
        return engine

    return step


def build() -> Try:
    """Return what takes an input's records through an engine; its first byte says which decoder."""
    step = stepping()
    decoders = [make() for make in DECODERS.values()]

    def attempt(data: bytes) -> None:
        if data:
            step(decoders[data[0] % len(decoders)], [*data[1:].split(SEPARATOR)[:32], None])

    return attempt


WRITERS: Mapping[str, Callable[[Mapping[str, object]], bytes]] = {
    "json": as_json,
    "msgpack": as_msgpack,
    "delimited": as_csv,
    "avro": lambda item: framed(1, avro(AVRO)(item)),
    "gzip": lambda item: gzip.compress(as_json(item), mtime=0),
}
SEEDS = tuple(
    bytes([number]) + joined(*(write(record(i, amount=1e300 if i == 2 else i)) for i in range(3)))
    for number, write in enumerate(WRITERS.values())
)
TARGET = Target(build, SEEDS)
