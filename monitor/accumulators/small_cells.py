"""Which neighbouring cells are compared as one because the baseline has too few rows in them."""

from __future__ import annotations

from monitor.types import IntArray, MaskArray

SMALL_CELL = 5
"""Cells that held fewer baseline rows than this are merged, as chi-square theory asks."""


def merge_small(starts: IntArray, counts: IntArray, atoms: MaskArray) -> IntArray:
    """Return the starts that remain after small cells were merged.

    Cell i begins at `starts[i]`, held `counts[i]` rows in the baseline and, where `atoms[i]`, can hold one value only.
    Successive cells of fewer than 5 rows are gathered until they reach 5. What does not reach it is merged into its
    left neighbour, or into its right one where there is none or only the left one is an atom. An empty first or last
    cell is kept as it is and takes nothing in, and so is a small one whose only neighbour is an atom: else a few
    outliers would hide that all values leave a constant.
    """
    runs = _runs(counts)
    ends = {run[0] for run in runs if run[0] in (0, len(counts) - 1) and len(run) == 1 and not counts[run[0]]}
    kept: list[list[int]] = []
    for place, run in enumerate(runs):
        if counts[run].sum() >= SMALL_CELL or run[0] in ends:
            kept.append(run)
            continue
        right = runs[place + 1] if place + 1 < len(runs) and runs[place + 1][0] not in ends else None
        left = kept[-1] if kept and kept[-1][0] not in ends else None
        at_an_end = run[0] == 0 or run[-1] == len(counts) - 1
        if at_an_end and (left is None) != (right is None) and _is_atom(left or right or [], atoms):
            kept.append(run)
            ends.add(run[0])
        elif left is None or (right is not None and _is_atom(left, atoms) and not _is_atom(right, atoms)):
            if right is None:
                kept.append(run)
            else:
                runs[place + 1] = run + right
        else:
            left.extend(run)
    return starts[[run[0] for run in kept]]


def _runs(counts: IntArray) -> list[list[int]]:
    """Return the cells in their order, small ones gathered with small ones until they reach 5 rows."""
    runs: list[list[int]] = []
    short, held, last = False, 0, len(counts) - 1
    for i, count in enumerate(counts.tolist()):
        small = count < SMALL_CELL and not (count == 0 and i in (0, last))
        if small and short and held < SMALL_CELL:
            runs[-1].append(i)
            held += count
        else:
            runs.append([i])
            held = count
        short = small
    return runs


def _is_atom(run: list[int], atoms: MaskArray) -> bool:
    return len(run) == 1 and bool(atoms[run[0]])
