"""The quick part of the fault suite (`make faults` runs all of it), and the page that its results are written into."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.faults import report, results
from tests.faults.suite import invariants
from tests.faults.suite.everything import FAULTS
from tests.faults.suite.fault import Fault
from tests.faults.suite.registry_faults import encoded
from tests.faults.suite.running import run
from tests.support.kafka import Cluster

STORED = results.read(results.FILE)


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
# kafka-python leaves the sockets of failed connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if fault.short], ids=lambda fault: fault.name)
def test_what_must_hold_holds_after_a_fault(kafka_broker: Cluster, fault: Fault) -> None:
    """Once each; what is done more often, and what takes longer, is in `make faults`."""
    if fault.proxied and not all(kafka_broker.front):
        pytest.skip("the broker is not ours: no proxy can stand before it")
    line = run(fault, fault.short, kafka_broker, 1)
    assert line["outcome"] == "held"
    assert line["seen"]["records"] > 0


def test_the_page_is_generated_from_the_results() -> None:
    assert report.PAGE.read_text() == report.page(STORED), "run: python -m tests.faults.report"


def test_the_pictures_are_generated_from_the_results() -> None:
    pictures = report.pictures(STORED)
    assert {file.name: file.read_text() for file in report.IMAGES.glob("*.svg")} == pictures
    for picture in pictures.values():
        ET.fromstring(picture)  # noqa: S314 - written by us


def test_every_result_is_of_a_fault_that_there_is() -> None:
    known = {f"{fault.name} {client}" for fault in FAULTS.values() for client in fault.clients}
    assert STORED["faults"].keys() <= known


def test_what_a_receiver_believes_is_what_it_was_told_last() -> None:
    told = [("a", "warning", "firing", 1), ("b", "critical", "firing", 1), ("a", "warning", "resolved", 1)]
    assert invariants.firing(told) == {("b", "critical", 1)}
    assert invariants.firing([*told, ("a", "warning", "firing", 9)]) == {("b", "critical", 1), ("a", "warning", 9)}


def test_changes_of_alerts_are_found_in_a_log() -> None:
    line = (
        '{"status": "firing", "labels": {"severity": "warning"}, "fingerprint": "f", "starts_at_ms": 5, '
        '"event": "alert_changed"}'
    )
    assert invariants.transitions(f"noise\n{line}\n{line}\n") == {("f", "warning", "firing", 5)}


def test_the_suite_s_avro_is_avro() -> None:
    row = {"at": 300, "amount": 1.5, "country": "DE"}
    assert encoded(row) == b"\xd8\x04" + b"\x00\x00\x00\x00\x00\x00\xf8?" + b"\x02\x04DE"
    assert encoded(row | {"country": None})[-1:] == b"\x00"
