"""Driftline: a streaming data-quality monitor and drift-alerting daemon."""

__version__ = "0.1.0"
