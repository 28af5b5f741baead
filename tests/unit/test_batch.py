"""What a batch takes along when rows are picked."""

from __future__ import annotations

import numpy as np

from monitor.types import Batch, Column, TopicPartition


def batch(record_hashes=None):
    numbers = np.arange(4, dtype=np.int64)
    columns = {"x": Column(numbers.astype(float), np.zeros(4, np.uint8))}
    return Batch(TopicPartition("t", 0), numbers, numbers, numbers, columns, record_hashes)


def test_picked_rows_keep_the_hashes_of_their_records():
    picked = batch(np.array([10, 11, 12, 13], np.uint64)).take(np.array([3, 1]))
    assert picked.record_hashes.tolist() == [13, 11]
    assert picked.columns["x"].values.tolist() == [3.0, 1.0]


def test_a_batch_without_hashes_of_records_stays_so():
    assert batch().take(np.array([0])).record_hashes is None
