"""How much of a whole's movement is mix (segments changed their size) and how much within (they changed themselves)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Attribution:
    """The movement of the whole's shares, split exactly: `mix` and `within` are segments x cells.

    Over the segments, `mix + within` adds up to `movement`, the change of the whole's share of each cell.
    """

    mix: FloatArray
    within: FloatArray
    movement: FloatArray

    def of(self, cells: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Return mix and within of each segment, and the whole's movement, summed over cells with weights."""
        return self.mix @ cells, self.within @ cells, float(self.movement @ cells)


def attribute(before: IntArray, now: IntArray) -> Attribution:
    """Return the split of the change from `before` to `now`, both counts (segments x cells).

    With w, w' a segment's share of all rows and p, q its shares by cell, the whole changes by Σ(w'q - wp), of which
    (w' - w)·(p + q)/2 is mix and (w' + w)/2·(q - p) within: the average of the two orders in which size and shares can
    be changed, so neither comes first. The mix of a segment is measured against the whole's shares, (P + Q)/2, which
    changes no sum: a segment counts for being unlike the whole and growing or shrinking, not for growing alone.

    A segment with rows on one side only is all mix. Without any rows on one side everything is zero.
    Guarantee: exact but for rounding, and antisymmetric: exchanging the sides changes all signs.
    Source: the Shapley value of two factors; Oaxaca (1973) in its symmetric form.
    """
    rows_before, rows_now = before.sum(axis=1), now.sum(axis=1)
    if not rows_before.sum() or not rows_now.sum():
        nothing = np.zeros(before.shape)
        return Attribution(nothing, nothing.copy(), np.zeros(before.shape[1]))
    w, w_now = rows_before / rows_before.sum(), rows_now / rows_now.sum()
    p = before / np.maximum(rows_before, 1)[:, None]
    q = now / np.maximum(rows_now, 1)[:, None]
    p, q = np.where(rows_before[:, None] > 0, p, q), np.where(rows_now[:, None] > 0, q, p)
    whole_before, whole_now = before.sum(axis=0) / rows_before.sum(), now.sum(axis=0) / rows_now.sum()
    mix = (w_now - w)[:, None] * ((p + q) - (whole_before + whole_now)) / 2
    within = (w_now + w)[:, None] * (q - p) / 2
    return Attribution(mix, within, whole_now - whole_before)
