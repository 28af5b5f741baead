"""How many different values a field had, by HyperLogLog."""

from __future__ import annotations

import ctypes
import math
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from monitor.accumulators.fitting import stored_array
from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import blocks
from monitor.accumulators.hashing import HashArray, hash_numbers, hash_strings
from monitor.errors import StoreError
from monitor.native import LIBRARY, address
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups

_PRECISION = 12
_REGISTERS = 1 << _PRECISION
_REST_BITS = 64 - _PRECISION
_REST_MASK = np.uint64((1 << _REST_BITS) - 1)


class DistinctSpec(Spec):
    """The approximate number of different values of a field over all rows."""

    kind: Literal["distinct"] = "distinct"
    field: str

    def build(self, frame: Frame | None, groups: int) -> Distinct:
        """Return an empty accumulator; it is not segmented."""
        return Distinct()


class Distinct:
    """HyperLogLog of group 0 with 4096 registers: standard error 1.04 / √4096 = 1.6 %, in 4 KB.

    Hashes are stable, so the registers are bit-equal under any batching and merging, in any process.
    Numbers and strings are both taken; -0.0 and 0.0 are one value.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.registers: Any = np.zeros(_REGISTERS, np.uint8)

    @property
    def standard_error_ratio(self) -> float:
        """The standard error of `estimate`, as a share of the truth."""
        return 1.04 / math.sqrt(_REGISTERS)

    @property
    def estimate(self) -> float:
        """The number of different values; 0 where there was none.

        Ertl's improved raw estimator (arXiv 1702.01284, algorithm 6), which is free of bias from a few
        values to 2^64 without tables; on few values it behaves as linear counting does.
        """
        per_rank = np.bincount(self.registers, minlength=_REST_BITS + 2)
        total = _REGISTERS * _tau(1 - per_rank[-1] / _REGISTERS)
        for count in per_rank[_REST_BITS:0:-1].tolist():
            total = (total + count) / 2
        total += _REGISTERS * _sigma(per_rank[0] / _REGISTERS)
        if total == 0:  # every register is full
            return 2.0**64
        return _REGISTERS**2 / (2 * math.log(2) * total)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable values in; an empty column changes nothing."""
        hashes = _hashes(column)
        if LIBRARY is not None:
            LIBRARY.fold_registers(address(hashes), ctypes.c_int64(hashes.size), address(self.registers))
            return
        for block in blocks(hashes.size):
            # The rank is the place of the first 1 among the 52 bits left; below 2**53 float64 is exact.
            rest_bits = np.frexp((hashes[block] & _REST_MASK).astype(np.float64))[1]
            ranks = (_REST_BITS + 1 - rest_bits).astype(np.uint8)
            np.maximum.at(self.registers, (hashes[block] >> np.uint64(_REST_BITS)).astype(np.int64), ranks)

    def merge(self, other: Distinct) -> None:
        """Fold another accumulator in: the union of the values."""
        np.maximum(self.registers, other.registers, out=self.registers)

    def state(self) -> State:
        """Return a copy of the registers, uint8 (4096)."""
        return {"registers": self.registers.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        registers = stored_array(state, "registers", self.registers)
        if registers.max() > _REST_BITS + 1:
            raise StoreError(f"a stored register exceeds {_REST_BITS + 1}; reset the checkpoint")
        self.registers = registers


def _hashes(column: Column) -> HashArray:
    """Return the hashes of the usable values; of strings already encoded, only the different ones."""
    if isinstance(column.values, np.ndarray):
        valid: FloatArray = column.valid
        return hash_numbers(valid)
    if pa.types.is_list(column.values.type):
        return hash_strings(column.valid.flatten())
    # Encoding costs more than hashing where most values differ, so it is not done for this alone.
    return hash_strings(column.encoded.dictionary if column.is_encoded else column.valid)


def _sigma(x: float) -> float:
    """Return x + Σ x^(2^k) 2^(k-1), the weight of the registers never touched; inf at 1."""
    if x == 1.0:
        return math.inf
    power, total, before = 1.0, x, -1.0
    while total != before:
        before, x = total, x * x
        total += x * power
        power *= 2
    return total


def _tau(x: float) -> float:
    """Return (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3, the weight of the saturated registers."""
    if x in (0.0, 1.0):
        return 0.0
    power, total, before = 1.0, 1 - x, -1.0
    while total != before:
        before, x, power = total, math.sqrt(x), power / 2
        total -= (1 - x) ** 2 * power
    return total / 3
