"""The log: one event a line on stderr, JSON unless a person is watching; results go to stdout."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, TextIO

import structlog

LogLevel = Literal["debug", "info", "warning", "error"]
_QUIET = ("kafka", "httpx", "httpcore", "uvicorn.access")
"""Libraries that say more at `info` than an operator wants to read."""


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
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
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
    handler.addFilter(_is_news)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a library's record says something; kafka-python 3.0.12 calls its own shutdown an error."""
    return not (record.name == "kafka.cluster" and record.getMessage() == "Metadata refresh: failed Cancelled")
