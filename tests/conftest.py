"""Makes the fixtures in `tests/support` known to all tests."""

from __future__ import annotations

import monitor  # noqa: F401 - before numpy, as in the daemon: it asks for one BLAS thread

# In the order in which they import each other: pytest rewrites the assertions of a plugin before its first import.
pytest_plugins = [
    "tests.support.kafka",
    "tests.support.apicurio",
    "tests.support.alertmanager",
    "tests.support.prometheus",
    "tests.support.flights",
    "tests.support.daemon",
    "tests.support.system",
]
