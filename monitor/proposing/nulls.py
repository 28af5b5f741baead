"""What a CSV file writes for null: a word among numbers makes the whole column text."""

from __future__ import annotations

from collections import Counter

import numpy as np

from monitor.checks import NumericTextSpec
from monitor.proposing.facts import Facts
from monitor.proposing.gathering import Gathered
from monitor.proposing.shape import leaves
from monitor.proposing.table import survey, tabled
from monitor.proposing.texts import failing

_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None", "\\N", "-", "?")


def null_words(gathered: Gathered) -> tuple[str, ...]:
    """Return the words that stand among numbers, as null would, in columns that hold nothing else."""
    found, _ = leaves(survey(gathered).shape)
    texts = [leaf for leaf in found if leaf.kind == "text"]
    if not texts:
        return ()
    table = tabled(gathered, texts)
    words: Counter[str] = Counter()
    for leaf in texts:
        facts = Facts(leaf, table.columns[leaf.path], np.zeros(len(table), np.int64))
        seen = {str(value): n for value, n in facts.counts if value in _WORDS}
        numbers = failing(NumericTextSpec, facts) if seen else 0
        if seen and numbers and numbers + sum(seen.values()) == facts.usable:
            words.update(seen)
    return tuple(sorted(words))
