"""What is written in C reads and writes nothing but its own buffers, whatever the records are."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.native import compile_target, run_target

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """Return the compiled target; only outside of CI a compiler may be missing."""
    path = tmp_path_factory.mktemp("fuzz") / "native"
    if not compile_target(path):
        assert "CI" not in os.environ, "CI must have a C compiler with -fsanitize=address,undefined"
        pytest.skip("there is no C compiler with sanitizers here")
    return path


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_records_in_buffers_of_their_exact_size_do_no_harm(target, seed):
    done = run_target(target, 120, 100_000, seed)
    assert (done.returncode, done.stderr) == (0, "")
    taken, refused = map(int, done.stdout.split())
    assert min(taken, refused) > 10_000, "most records are of one kind: the damage is too great or too small"


def test_an_overrun_by_one_byte_is_caught(target):
    done = run_target(target, "overrun")
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_a_wrong_result_is_caught(target):
    done = run_target(target, "wrong")
    assert done.returncode != 0
    assert "not so" in done.stderr
