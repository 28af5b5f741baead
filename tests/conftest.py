"""Makes the fixtures in `tests/support` known to all tests."""

from __future__ import annotations

import pytest

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

_WAITING = (
    "tests/e2e/test_demo.py",
    "tests/faults/test_kill.py",
    "tests/faults/test_rolling.py",
    "tests/faults/test_suite.py",
    "tests/integration/",
)
_APART = 2
"""How many files that compute lie between two that wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the files that wait among those that compute, so that a core always has something to do.

    What is left for the end computes and is quick, so all workers end at about the same time. The order depends on the
    names alone, since every worker has to come to the same one.
    """
    of = [item.nodeid.partition("::")[0] for item in items]
    files = list(dict.fromkeys(of))
    waiting = [file for file in files if file.startswith(_WAITING)]
    places = {file: _APART * place for place, file in enumerate(waiting)}
    computing = [file for file in files if file not in places]
    order = sorted(files, key=(places | {file: place for place, file in enumerate(computing)}).__getitem__)
    rank = {file: place for place, file in enumerate(order)}
    ranks = [rank[file] for file in of]
    items[:] = [items[i] for i in sorted(range(len(items)), key=ranks.__getitem__)]
