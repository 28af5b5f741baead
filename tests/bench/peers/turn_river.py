"""river, record by record: mean, variance, least, greatest, median and ADWIN of each number, counts of categories."""

from __future__ import annotations

from collections import Counter

import orjson
from river import drift, stats
from turns import CATEGORIES, NUMBERS, serve


def flat(lines):
    """Return a dict for each record, which is what river learns from."""
    rows = []
    for line in lines:
        row = orjson.loads(line)
        merchant = row.pop("merchant")
        row["merchant.mcc"], row["merchant.risk"] = merchant["mcc"], merchant["risk"]
        rows.append(row)
    return rows


def learn(_, rows):
    """Feed every value to what keeps it."""
    kept = {name: [stats.Mean(), stats.Var(), stats.Min(), stats.Max(), stats.Quantile(0.5)] for name in NUMBERS}
    watched = {name: drift.ADWIN() for name in NUMBERS}
    counted = {name: Counter() for name in CATEGORIES}
    for row in rows:
        for name in NUMBERS:
            value = row[name]
            for statistic in kept[name]:
                statistic.update(value)
            watched[name].update(value)
        for name in CATEGORIES:
            counted[name][row[name]] += 1


serve("river", lambda _: None, flat, learn)
