from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from monitor.cli.logging import configure_logging


@pytest.fixture(autouse=True)
def logging_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_are_json_lines_where_nobody_watches():
    stream = io.StringIO()
    configure_logging("info", stream)
    structlog.get_logger("monitor.engine").warning("window_late", topic="t", rows=3)
    [event] = lines(stream)
    assert event.pop("at").endswith("Z")
    assert event == {"event": "window_late", "level": "warning", "topic": "t", "rows": 3}


def test_events_below_the_level_are_left_out():
    stream = io.StringIO()
    configure_logging("warning", stream)
    structlog.get_logger().info("batch_folded")
    logging.getLogger("some.library").info("hello")
    assert stream.getvalue() == ""


def test_libraries_log_in_the_same_form():
    stream = io.StringIO()
    configure_logging("info", stream)
    logging.getLogger("kafka.conn").info("chatter")
    logging.getLogger("kafka.conn").warning("broker %s gone", 1)
    [event] = lines(stream)
    assert (event["event"], event["logger"], event["level"]) == ("broker 1 gone", "kafka.conn", "warning")


def test_an_exception_is_one_line_too():
    stream = io.StringIO()
    configure_logging("info", stream)
    try:
        int("bad")
    except ValueError:
        structlog.get_logger().exception("engine_failed")
    [event] = lines(stream)
    assert event["exception"][0]["exc_type"] == "ValueError"


def test_a_terminal_gets_lines_for_people():
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    configure_logging("info", stream)
    structlog.get_logger().info("daemon_started", topic="payments")
    assert "daemon_started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_client_that_is_closed_is_no_error():
    stream = io.StringIO()
    configure_logging("info", stream)
    logging.getLogger("kafka.cluster").error("Metadata refresh: failed %s", "Cancelled")
    logging.getLogger("kafka.cluster").error("Metadata refresh: failed %s", "NodeNotReadyError")
    assert [event["event"] for event in lines(stream)] == ["Metadata refresh: failed NodeNotReadyError"]


def test_what_a_client_says_again_and_again_is_written_once_in_a_while():
    stream = io.StringIO()
    configure_logging("info", stream)
    client, handler = logging.getLogger("kafka.conn"), logging.getLogger().handlers[0]
    for n in range(50):
        client.warning("connect attempt %d to node %d failed", n, 1)
    client.warning("topic %s is unknown", "a")
    client.warning("topic %s is unknown", "b")
    logging.getLogger("uvicorn.error").error("said")
    logging.getLogger("uvicorn.error").error("said")
    later = client.makeRecord(
        "kafka.conn", logging.WARNING, __file__, 1, "connect attempt %d to node %d failed", (51, 1), None
    )
    later.created += 31
    handler.handle(later)
    said = [event["event"] for event in lines(stream)]
    first, last = "connect attempt 0 to node 1 failed", "connect attempt 51 to node 1 failed"
    assert said == [first, "topic a is unknown", "topic b is unknown", "said", "said", last]
