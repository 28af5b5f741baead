"""Ratings of items by annotators: random ones, as batches and as the tables that other packages take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from monitor.decoded import Decoded
from monitor.types import Batch, Column, Fetch, TopicPartition
from tests.support.checks import column
from tests.support.monitors import FIRST_MS, FixedDecoder, record

Rating = tuple[str, str, Any, int]
"""Item, annotator, label and event time."""


def batch_of(ratings: list[Rating], partition: int = 0) -> Batch:
    """Return ratings as a batch of one partition."""
    items, who, labels, times = zip(*ratings, strict=True)
    at = np.array(times, np.int64)
    columns = {"item": column(list(items)), "who": column(list(who)), "label": column(list(labels))}
    return Batch(TopicPartition("ratings", partition), np.arange(at.size), at, at, columns)


def random_ratings(
    rng: np.random.Generator, units: int, annotators: int, classes: Any, *, missing: float = 0.3, error: float = 0.2
) -> list[Rating]:
    """Return ratings of one pane: each annotator rates some of the items, and errs in some of them."""
    truth = rng.choice(len(classes), units)
    rated = rng.random((units, annotators)) >= missing
    wrong = rng.random((units, annotators)) < error
    given = np.where(wrong, rng.choice(len(classes), (units, annotators)), truth[:, None])
    found = [(f"i{u}", f"a{a}", classes[given[u, a]], int(u % 1000)) for u, a in zip(*np.nonzero(rated), strict=True)]
    return [found[place] for place in rng.permutation(len(found)).tolist()]


def reliability(ratings: list[Rating], classes: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return ratings as annotators x items, the places of labels among the classes or the numbers; NaN: none."""
    items = {item: place for place, item in enumerate(sorted({rating[0] for rating in ratings}))}
    who = {name: place for place, name in enumerate(sorted({rating[1] for rating in ratings}))}
    table = np.full((len(who), len(items)), np.nan)
    for item, name, label, _ in sorted(ratings, key=lambda rating: rating[3]):
        table[who[name], items[item]] = classes.index(label) if isinstance(label, str) else label
    return table


def rating(item: int, who: str, label: int, at_ms: int) -> bytes:
    """Return a record that `RatingDecoder` takes for a rating; labels are 0 to 9."""
    return record(FIRST_MS + at_ms, float(10 * item + label), who)


class RatingDecoder(FixedDecoder):
    """Adds to the usual columns `item` and `label`, the amount's tens and its last digit."""

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the columns with these two."""
        decoded = super().decode(fetch)
        amounts = decoded.batch.columns["amount"]
        more = {
            "item": Column(np.floor(amounts.values / 10), amounts.presence),
            "label": Column(amounts.values % 10, amounts.presence),
        }
        return replace(decoded, batch=replace(decoded.batch, columns={**decoded.batch.columns, **more}))
