"""Every entry of foreign bytes, replayed: what once broke it, and the seeds of the fuzzer. `make fuzz` finds more."""

from __future__ import annotations

import time

import pytest
import structlog

from tests.fuzz.target import NAMES, crashers, load


@pytest.fixture(autouse=True)
def _logs_of_targets():
    """Undo that targets keep their logs silent."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("name", NAMES)
def test_what_once_broke_an_entry_and_what_the_fuzzer_begins_with_keep_every_promise(name):
    target = load(name)
    attempt = target.build()
    inputs = [b"", *target.seeds, *(path.read_bytes() for path in crashers(name))]
    for data in inputs:
        attempt(data)
    for data in inputs:
        began_s = time.process_time()
        attempt(data)
        assert time.process_time() - began_s < target.max_cpu_s, "an input costs more CPU than it may"


def test_an_input_that_breaks_a_promise_is_a_finding():
    attempt = load("json_scanner").build()
    with pytest.raises(AssertionError, match="has changed"):
        _spoil(attempt)


def _spoil(attempt):
    """Let the target compare with what it was not given."""
    names = attempt.__code__.co_freevars
    expected = attempt.__closure__[names.index("expected")].cell_contents
    expected["amount"] = ["something else"]
    attempt(b"{}")


def test_only_small_inputs_are_kept():
    kept = [path for name in NAMES for path in crashers(name)]
    assert 10 < len(kept) < 100
    assert max(path.stat().st_size for path in kept) < 20_000
