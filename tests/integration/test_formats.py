"""The same flights in every format, through a real broker and a real schema registry: the same verdicts."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.app import RunSettings, running
from monitor.baseline import BaselineFiles
from monitor.building import build_baseline
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.decoders import AvroSpec, DecodePlan, ProtobufSpec
from monitor.decoders.preparing import prepare
from monitor.decoders.protobuf_schema import compile_texts
from monitor.errors import Retryable
from tests.support.apicurio import Apicurio
from tests.support.command_line import answer
from tests.support.daemon import stored_windows
from tests.support.flights import Flights
from tests.support.formats import avro, decoded_by, fetch_of, framed, nullable, proto, told
from tests.support.kafka import Cluster, unique
from tests.support.registry import RegistryServer

pytestmark = [pytest.mark.xdist_group("kafka")]

FIELDS = {
    "dep_delay": "number",
    "arr_delay": "number",
    "distance": "number",
    "carrier": "category",
    "origin": "category",
    "tailnum": "category",
}
COLUMNS = ("time_hour", *FIELDS)
AVRO = {
    "type": "record",
    "name": "Flight",
    "fields": [{"name": "time_hour", "type": "string"}]
    + [{"name": name, "type": nullable("double" if kind == "number" else "string")} for name, kind in FIELDS.items()],
}
JSON_SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
CODES = 'syntax = "proto3"; package codes; message Codes { string carrier = 1; string origin = 2; }'
PROTO = """
syntax = "proto3";
package flights;
message Flight {
  string time_hour = 1;
  optional double dep_delay = 2;
  optional double arr_delay = 3;
  double distance = 4;
  string carrier = 5;
  string origin = 6;
  optional string tailnum = 7;
}
"""
CONFIG = """\
name: flights
source: {{kind: kafka, topics: [{topic}], bootstrap_servers: ["{bootstrap}"], start: earliest}}
decoder: {decoder}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: 1d}}
baseline: {{kind: file, path: {directory}/baseline}}
store: {{path: {store}}}
http: {{listen: "127.0.0.1:0"}}
fields: {fields}
drift: [{{kind: psi}}, {{kind: ks}}, {{kind: missing}}, {{kind: invalid}}]
"""


@dataclass(frozen=True)
class Form:
    """How rows are written, and the decoder that reads them."""

    write: Callable[[dict[str, Any]], bytes]
    decoder: dict[str, Any]


def as_csv(row: dict[str, Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow("" if row[name] is None else row[name] for name in COLUMNS)
    return out.getvalue().encode()


def as_json(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode()


def alike(windows: Sequence[tuple[int, int, str]]) -> list[Any]:
    """Return windows with their numbers to ten digits: null and absent, which Protobuf has for it, are summed apart."""
    return [
        (start, n, [json.loads(line, parse_float=lambda text: f"{float(text):.10g}") for line in lines.splitlines()])
        for start, n, lines in windows
    ]


def forms(registry: Apicurio) -> dict[str, Form]:
    """Return every format, its schemas registered."""
    ids = {
        "avro": registry.register("flights-avro", AVRO),
        "protobuf": registry.register("flights-proto", PROTO, kind="PROTOBUF"),
        "json": registry.register("flights-json", JSON_SCHEMA, kind="JSON"),
    }
    origin = {"schema_registry": {"url": registry.url}}
    in_avro, in_proto = avro(AVRO), proto(compile_texts(PROTO, {}), "Flight")
    return {
        "json": Form(as_json, {"kind": "json"}),
        "json schema": Form(lambda row: framed(ids["json"], as_json(row)), {"kind": "json", **origin}),
        "json in an envelope, gzipped": Form(
            lambda row: gzip.compress(as_json({"payload": {"op": "c", "after": row}}), 1),
            {"kind": "json", "compression": "gzip", "envelope": "debezium_with_schema"},
        ),
        "avro": Form(lambda row: framed(ids["avro"], in_avro(row)), {"kind": "avro", **origin}),
        "protobuf": Form(lambda row: framed(ids["protobuf"], b"\0" + in_proto(row)), {"kind": "protobuf", **origin}),
        "msgpack": Form(msgspec.msgpack.encode, {"kind": "msgpack"}),
        "csv": Form(as_csv, {"kind": "delimited", "columns": COLUMNS}),
    }


@pytest.fixture(scope="module")
def rows(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Six days of flights, of which the first two are the baseline."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    flights.write("time_hour BETWEEN '2013-07-01' AND '2013-07-06T23'", path)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: row[name] for name in COLUMNS} for row in found]


class Place:
    """Topics, configurations and the baseline that all formats share."""

    def __init__(self, directory: Path, cluster: Cluster, rows: Sequence[dict[str, Any]]) -> None:
        self.directory, self.cluster, self.rows = directory, cluster, rows

    def config(self, form: Form, topic: str) -> str:
        """Return the configuration of a format."""
        return CONFIG.format(
            topic=topic,
            bootstrap=self.cluster.bootstrap,
            decoder=json.dumps(form.decoder),
            directory=self.directory,
            store=self.directory / topic,
            fields=json.dumps({name: {"type": kind} for name, kind in FIELDS.items()}),
        )

    def produced(self, form: Form, rows: Sequence[dict[str, Any]] | None = None) -> str:
        """Write rows to a topic of their own and return it."""
        topic = self.cluster.create_topic(unique("formats"))
        self.cluster.produce(topic, [form.write(row) for row in (self.rows if rows is None else rows)])
        return topic

    def baseline(self, form: Form) -> None:
        """Build the baseline from the rows of two days in a topic."""
        topic = self.produced(form, [row for row in self.rows if row["time_hour"] < "2013-07-03"])
        config = load(self.config(form, topic))
        source = config.source.build(SystemClock())
        built = build_baseline(config, source, topic, 0)
        source.close()
        assert not built.rejects
        BaselineFiles(config.baseline.path).save(built.baseline, built.lineage)

    def verdicts(self, form: Form) -> list[tuple[int, int, str]]:
        """Return what a daemon makes of the rows in a format: start, rows and lines of every window."""
        topic = self.produced(form)
        with running(load(self.config(form, topic)), RunSettings(until_end=True)) as app:
            app.daemon.run()
            (state,) = app.daemon.engine.partitions.values()
            assert (state.rows, state.rejects.total()) == (len(self.rows), 0)
        return [(window.start_ms, window.rows, window.lines) for window in stored_windows(self.directory / topic)]


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, kafka_broker: Cluster, apicurio: Apicurio, rows: list[dict[str, Any]]
) -> Iterator[tuple[Place, dict[str, Form], list[tuple[int, int, str]]]]:
    """The place, the formats, and the verdicts on JSON."""
    place = Place(tmp_path_factory.mktemp("formats"), kafka_broker, rows)
    found = forms(apicurio)
    place.baseline(found["avro"])
    return place, found, place.verdicts(found["json"])


@pytest.mark.parametrize("name", ["json schema", "json in an envelope, gzipped", "avro", "protobuf", "msgpack", "csv"])
def test_the_same_flights_give_the_same_verdicts_in_every_format(place, name: str) -> None:
    place, forms, expected = place
    assert len(expected) >= 5
    assert any("critical" in json.dumps(lines) for _, _, lines in expected)
    assert alike(place.verdicts(forms[name])) == alike(expected)


def test_the_real_registry_serves_schemas_with_references(apicurio: Apicurio) -> None:
    part = {"type": "record", "name": "Part", "namespace": "p", "fields": [{"name": "n", "type": "long"}]}
    apicurio.register("part", part)
    whole = {"type": "record", "name": "W", "fields": [{"name": "part", "type": "p.Part"}]}
    reference = {"name": "p.Part", "subject": "part", "version": 1}
    avro_id = apicurio.register("whole", whole, references=[reference])
    apicurio.register("codes.proto", CODES, kind="PROTOBUF")
    text = (
        'syntax = "proto3"; import "codes.proto"; message Other { int32 x = 1; } message F { codes.Codes codes = 1; }'
    )
    reference = {"name": "codes.proto", "subject": "codes.proto", "version": 1}
    proto_id = apicurio.register("f.proto", text, kind="PROTOBUF", references=[reference])
    origin = {"schema_registry": {"url": apicurio.url}}
    plan = DecodePlan({"part.n": "integer", "codes.carrier": "category"})
    records = [framed(avro_id, b"\x0e"), framed(999_999, b""), framed(proto_id, b"")]
    found = told(decoded_by(AvroSpec(**origin).build(plan), fetch_of(records)))
    assert found["values"]["part.n"] == [7.0]
    assert found["rejects"] == [(1, "schema_unknown"), (2, "schema_unsupported")]
    body = b"\x02\x02" + proto(compile_texts(text, {"codes.proto": CODES}), "F")({"codes": {"carrier": "UA"}})
    found = told(decoded_by(ProtobufSpec(**origin).build(plan), fetch_of([framed(proto_id, body)])))
    assert found["values"]["codes.carrier"] == ["UA"]


def test_check_tries_the_registry(place, apicurio: Apicurio, tmp_path: Path) -> None:
    place, forms, _ = place
    topic = place.produced(forms["avro"], [])
    apicurio.register(f"{topic}-value", AVRO)
    file = tmp_path / "driftline.yaml"
    file.write_text(place.config(forms["avro"], topic))
    report = json.loads(answer("check", "-c", file, "--connect", "-o", "json"))
    assert report["ok"]
    assert f"{topic}-value is AVRO with id" in report["connect"][1]["detail"]


def test_a_daemon_waits_for_its_registry_and_then_judges_everything(place) -> None:
    place, _forms, expected = place
    in_avro = avro(AVRO)
    with RegistryServer(failing=503) as server:
        schema_id = server.register("s", AVRO)
        form = Form(
            lambda row: framed(schema_id, in_avro(row)), {"kind": "avro", "schema_registry": {"url": server.url}}
        )
        topic = place.produced(form)
        with running(load(place.config(form, topic)), RunSettings(until_end=True)) as app:
            data = threading.Thread(target=app.daemon.run)
            data.start()
            while not app.view.latest.waiting_for:
                data.join(0.05)
            assert "HTTP 503" in app.view.latest.waiting_for
            assert not app.view.latest.rejects
            server.failing = None
            data.join(150)
            assert not data.is_alive()
        windows = [(window.start_ms, window.rows, window.lines) for window in stored_windows(place.directory / topic)]
    assert alike(windows) == alike(expected)


def test_a_registry_that_is_gone_is_retryable(tmp_path_factory: pytest.TempPathFactory, apicurio: Apicurio) -> None:
    """The last test: it stops the module's registry."""
    reader = AvroSpec(schema_registry={"url": apicurio.url}).build(DecodePlan({"n": "number"}))
    apicurio.stop()
    with pytest.raises(Retryable, match="no answer"):
        prepare(reader, fetch_of([framed(1, b"")]))
