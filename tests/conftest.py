"""Makes the fixtures in `tests/support` known to all tests."""

from __future__ import annotations

pytest_plugins = [
    "tests.support.system",
    "tests.support.alertmanager",
    "tests.support.flights",
    "tests.support.kafka",
    "tests.support.prometheus",
]
