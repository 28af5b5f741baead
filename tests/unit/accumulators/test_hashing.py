from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators.hashing import hash_numbers, hash_strings, mix

WORDS = ["", "a", "12345678", "123456789", "é", "日本語", "x" * 255, "x" * 256, "x" * 257, "y" * 5_000]

PINNED_NUMBERS = ["e220a8397b1dcdaf", "88d7c35bbbf3eded", "e0191234ca04fa08"]
PINNED_STRINGS = ["e220a8397b1dcdaf", "f377cec4429f41ed", "83dbec76b33f9ca3", "49075f2d8ae7de95", "1546d9cac139b512"]


def hex_of(hashes) -> list[str]:
    return [format(int(h), "016x") for h in hashes]


def test_the_mixer_is_the_published_splitmix64():
    # The first outputs of SplitMix64 seeded with 1234567, from its reference implementation.
    seeds = np.uint64(1234567) + np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mix(seeds).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_hashes_are_pinned_so_that_stored_ones_stay_valid():
    assert hex_of(hash_numbers(np.array([0.0, 1.0, -2.5]))) == PINNED_NUMBERS
    assert hex_of(hash_strings(pa.array(["", "DE", "12345678", "日本語日本語", "x" * 300]))) == PINNED_STRINGS


def test_another_process_gives_the_same_hashes():
    code = (
        "import pyarrow as pa; from monitor.accumulators.hashing import hash_strings; "
        "print(hash_strings(pa.array(['DE', 'x' * 300])).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(hash_strings(pa.array(["DE", "x" * 300])).tolist())


def test_minus_zero_is_zero():
    assert hash_numbers(np.array([-0.0]))[0] == hash_numbers(np.array([0.0]))[0]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_strings_hash_depends_on_its_bytes_only(kind):
    alone = np.concatenate([hash_strings(pa.array([w])) for w in WORDS])
    np.testing.assert_array_equal(hash_strings(pa.array(WORDS, kind)), alone)
    for start in range(len(WORDS)):
        np.testing.assert_array_equal(
            hash_strings(pa.array(["pad", *WORDS, "end"], kind).slice(start + 1, 1)), alone[[start]]
        )


def test_a_dictionarys_strings_and_views_are_taken():
    expected = hash_strings(pa.array(["a", "b"]))
    np.testing.assert_array_equal(hash_strings(pa.array(["a", "b"]).cast(pa.string_view())), expected)
    np.testing.assert_array_equal(hash_strings(pa.array(["a", "b", "a"]).dictionary_encode().dictionary), expected)


def test_bytes_under_a_null_are_not_read():
    validity = pa.py_buffer(b"\x05")
    offsets = pa.py_buffer(np.array([0, 2, 4, 6], np.int32).tobytes())
    array = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"DEXXFR"), validity)
    np.testing.assert_array_equal(hash_strings(array), hash_strings(pa.array(["DE", None, "FR"])))
    assert hash_strings(pa.array([None], pa.string()))[0] == hash_strings(pa.array([""]))[0]


def test_a_buffer_that_ends_with_its_last_byte_is_safe():
    offsets = pa.py_buffer(np.array([0, 3], np.int32).tobytes())
    exact = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(b"abc"))
    assert hash_strings(exact)[0] == hash_strings(pa.array(["abc"]))[0]


@pytest.mark.parametrize(
    "array", [pa.array([], pa.string()), pa.array(["a"]).slice(1), pa.array([], pa.large_string())]
)
def test_empty_arrays_have_no_hashes(array):
    assert hash_strings(array).shape == (0,)
    assert hash_numbers(np.zeros(0)).shape == (0,)


def test_only_empty_strings_need_no_byte_buffer():
    assert len(set(hash_strings(pa.array(["", "", ""])).tolist())) == 1


def test_blocks_do_not_change_the_hashes():
    words = pa.array([f"user-{i}" for i in range(40_000)])
    whole = hash_strings(words)
    np.testing.assert_array_equal(whole[20_000:20_100], hash_strings(words.slice(20_000, 100)))
    assert np.unique(whole).size == 40_000


def test_strings_that_differ_only_in_length_or_trailing_nul_differ():
    family = ["\0" * n for n in range(40)] + ["a" * n for n in range(1, 40)]
    assert np.unique(hash_strings(pa.array(family))).size == len(family)


def test_one_changed_bit_changes_half_of_the_hash():
    base = np.frombuffer(b"transaction-0042", np.uint8)
    ascii_bits = [(byte, bit) for byte in range(16) for bit in range(7)]
    texts = []
    for byte, bit in ascii_bits:
        changed = base.copy()
        changed[byte] ^= 1 << bit
        texts.append(changed.tobytes().decode("ascii"))
    flipped = hash_strings(pa.array(texts)) ^ hash_strings(pa.array(["transaction-0042"]))[0]
    bits = (flipped[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert abs(bits.mean() - 0.5) < 0.02
    assert bits.mean(axis=0).min() > 0.3
    assert bits.mean(axis=0).max() < 0.7


@pytest.mark.parametrize("hashes", [
    hash_strings(pa.array([str(i) for i in range(100_000)])),
    hash_numbers(np.arange(100_000.0)),
], ids=["strings", "numbers"])  # fmt: skip
def test_consecutive_values_fill_the_buckets_evenly(hashes):
    assert np.unique(hashes).size == 100_000
    for shift in (0, 26, 52):
        counts = np.bincount(((hashes >> np.uint64(shift)) & np.uint64(4095)).astype(int), minlength=4096)
        chi2 = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
        assert abs(chi2 - 4095) < 5 * np.sqrt(2 * 4095)
