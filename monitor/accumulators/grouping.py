"""Counts and sums per group and cell, for all segments of a batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.blocks import block_rows, blocks
from monitor.types import Column, FloatArray, Groups, IntArray

__all__ = ["block_rows", "blocks", "group_sizes", "group_sums", "grouped_counts", "grouped_sums", "valid_groups"]


def valid_groups(column: Column, groups: Groups) -> Groups:
    """Return the groups of the rows that have a usable value, aligned with `column.valid`."""
    return groups if column.all_ok else groups.take(column.ok)


def group_sizes(rows: int, groups: Groups) -> IntArray:
    """Return how many of the `rows` rows each group has, as int64 (groups)."""
    sizes = groups.coded.copy()
    sizes[0] = rows
    return sizes


def group_sums(values: FloatArray, groups: Groups) -> FloatArray:
    """Return the sum of the values of each group, as float64 (groups); group 0 is summed pairwise."""
    sums = np.zeros(groups.size)
    sums[0] = values.sum()
    for codes in groups.codes:
        for block in blocks(values.size, groups.size):
            sums += np.bincount(codes[block], values[block], minlength=groups.size)
    return sums


def grouped_counts(cells: Any, k: int, groups: Groups) -> IntArray:
    """Return how many rows each group has in each of the `k` cells, as int64 (groups x k).

    `cells` holds the cell of each row, 0 … k-1, in any integer type. Cost: one pass for all rows and one
    per dimension.
    """
    counts = np.zeros((groups.size, k), np.int64)
    counts[0] = np.bincount(cells, minlength=k)
    for codes in groups.codes:
        for block in blocks(len(cells), counts.size):
            flat = np.multiply(codes[block], k, dtype=np.int64) + cells[block]
            counts += np.bincount(flat, minlength=counts.size).reshape(counts.shape)
    return counts


def grouped_sums(cells: Any, weights: FloatArray, k: int, groups: Groups) -> FloatArray:
    """Return the sum of `weights` in each group and cell, as float64 (groups x k).

    Sums run in row order: the error is at most n·2^-53 of the sum of the magnitudes.
    """
    sums = np.zeros((groups.size, k), np.float64)
    sums[0] = np.bincount(cells, weights, minlength=k)
    for codes in groups.codes:
        for block in blocks(len(cells), sums.size):
            flat = np.multiply(codes[block], k, dtype=np.int64) + cells[block]
            sums += np.bincount(flat, weights[block], minlength=sums.size).reshape(sums.shape)
    return sums
