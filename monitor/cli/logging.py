"""The log: one event a line on stderr, JSON unless a person is watching; results go to stdout."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal, TextIO

import structlog

LogLevel = Literal["debug", "info", "warning", "error"]
_QUIET = ("kafka", "httpx", "httpcore", "uvicorn.access")
"""Libraries that say more at `info` than an operator wants to read."""
_REPETITIVE = ("kafka", "librdkafka")
_REPEAT_S = 30.0
_MAX_REMEMBERED = 1_000
# Without the variables of each frame, which structlog adds unless told not to: among them are passwords and records.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9]+")


def configure_logging(level: LogLevel = "info", stream: TextIO | None = None, *, as_json: bool | None = None) -> None:
    """Send structlog's events and the libraries' log records to `stream` (stderr) in one form.

    `as_json` is decided by whether the stream is a terminal unless given. Events below `level` cost
    next to nothing; libraries are heard from `warning` on.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if as_json is None else as_json
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Any] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler.setFormatter(formatter)
    handler.addFilter(_News())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


class _News:
    """Lets through what a Kafka client says for the first time in a while; while something lasts, it says so all along.

    kafka-python (3.0.12) repeats itself ten times a second without a broker or a topic, and calls its own shutdown
    an error. Remembers at most `_MAX_REMEMBERED` different messages.
    """

    def __init__(self) -> None:
        self._said_s: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record says something new; those of other libraries always do."""
        if record.name.split(".")[0] not in _REPETITIVE:
            return True
        text = record.getMessage()
        if record.name == "kafka.cluster" and text == "Metadata refresh: failed Cancelled":
            return False
        # the text without its numbers, in which repetitions differ: ports, counts, times, addresses of objects
        key = (record.name, _NUMBERS.sub("", text))
        if record.created - self._said_s.get(key, float("-inf")) < _REPEAT_S:
            return False
        if len(self._said_s) >= _MAX_REMEMBERED:
            self._said_s.clear()
        self._said_s[key] = record.created
        return True
