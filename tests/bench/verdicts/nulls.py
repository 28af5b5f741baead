"""Orders of slots in which nothing changes: dealt anew, whole weeks drawn again, or as a process made them."""

from __future__ import annotations

import numpy as np

from monitor.types import IntArray
from tests.bench.verdicts.data import SYNTHETIC, Data

RUN_SLOTS = 1008
"""The slots of a run: whole weeks of days and of quarters of days."""
_MORE = 0.75
"""With this chance a block is followed by the one that really followed it: runs of four blocks on average."""


def kinds(data: Data) -> tuple[str, ...]:
    """Return the nulls that a stream has."""
    return ("as made",) if data.name in SYNTHETIC else ("shuffled", "weeks")


def orders(data: Data, kind: str, pool: IntArray, runs: int, seed: int, slots: int = RUN_SLOTS) -> IntArray:
    """Return which slot of the data stands at each place (runs x slots).

    `shuffled`: each is drawn from the pool by itself, so that there is no order. `weeks`: blocks of the pool are drawn
    with those that follow them (a stationary bootstrap, Politis & Romano 1994), so that day and hour stay in place.
    `as made`: the runs are pieces of the synthetic stream, one after the other, as many as there are.
    """
    rng = np.random.default_rng([seed, len(pool), runs])
    if kind == "shuffled":
        return np.asarray(rng.choice(pool, (runs, slots)))
    if kind == "as made":
        slots = min(slots, len(pool) // data.block * data.block)
        whole = len(pool) // slots
        return np.asarray(pool[: whole * slots].reshape(whole, slots)[:runs])
    blocks = pool.reshape(-1, data.block)
    many = -(-slots // data.block)
    places = np.empty((runs, many), np.int64)
    places[:, 0] = rng.integers(0, len(blocks), runs)
    for at in range(1, many):
        jumped = rng.random(runs) >= _MORE
        places[:, at] = np.where(jumped, rng.integers(0, len(blocks), runs), (places[:, at - 1] + 1) % len(blocks))
    return np.asarray(blocks[places].reshape(runs, -1)[:, :slots])
