"""One stream made ready: its parts, Driftline's streams of the measured slots, and the peers fitted to its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitor.types import IntArray
from tests.bench.verdicts.data import SYNTHETIC, Data
from tests.bench.verdicts.leagues import Peers, Ratios
from tests.bench.verdicts.nulls import orders
from tests.bench.verdicts.streams import Ruler, Streams

SEEDS = {"measured": 1, "tuned": 2, "faults": 3}
"""The seed of the order in which slots are heard, by what they are for."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some slots of a stream, numbered anew from 0: `table` has the rows, `slots` their slots, `n` slots in all."""

    table: pa.Table
    slots: IntArray
    n: int

    @classmethod
    def of(cls, data: Data, chosen: IntArray) -> Part:
        """Take the slots out, in their order."""
        rows = data.rows_of(chosen)
        number = np.full(data.n, -1)
        number[chosen] = np.arange(len(chosen))
        return cls(data.table.filter(pa.array(rows)), number[data.slots[rows]], len(chosen))

    def first(self, n: int) -> Part:
        """Return the first `n` slots only."""
        rows = int(np.searchsorted(self.slots, n))
        return Part(self.table.slice(0, rows), self.slots[:rows], min(n, self.n))


class Bench:
    """A stream of data with everything that is fitted to its baseline."""

    def __init__(self, data: Data) -> None:
        """Split the stream and fit."""
        self.data = data
        first, second, third = data.split()
        baseline = Part.of(data, first)
        self.tuning, self.measured = Part.of(data, second), Part.of(data, third)
        self.ruler = Ruler(baseline.table, baseline.slots)
        self.peers = Peers(baseline.table, baseline.slots)

    @cached_property
    def streams(self) -> Streams:
        """Driftline's streams of the measured slots."""
        return self.ruler.streams(self.measured.table, self.measured.slots, self.measured.n)

    @cached_property
    def ratios(self) -> Ratios:
        """The peers' ratios of the measured slots."""
        return self.peers.of(self.measured.table, self.measured.slots, self.measured.n)

    @cached_property
    def tuning_ratios(self) -> Ratios:
        """The peers' ratios of the slots that thresholds are tuned on."""
        return self.peers.of(self.tuning.table, self.tuning.slots, self.tuning.n)

    def order(self, null: str, runs: int) -> IntArray:
        """Return the order of the measured slots."""
        return orders(self.data, null, np.arange(self.measured.n), runs, SEEDS["measured"])

    def tuning_order(self, null: str, runs: int) -> IntArray:
        """Return the order of the slots that thresholds are tuned on; of synthetic streams there are fewer."""
        return orders(self.data, null, np.arange(self.tuning.n), runs, SEEDS["tuned"])

    def fault_order(self, runs: int, slots: int) -> IntArray:
        """Return the order for faults: dealt anew, of synthetic streams as made."""
        null = "as made" if self.data.name in SYNTHETIC else "shuffled"
        return orders(self.data, null, np.arange(self.measured.n), runs, SEEDS["faults"], slots)
