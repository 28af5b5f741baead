"""alibi-detect's KSDrift, a detector a column, at what Bonferroni leaves each of 0.05; it knows no categories."""

from __future__ import annotations

from alibi_detect.cd import KSDrift
from slots import Slots, log_ratio, write

slots = Slots()
NUMBERS = [column for column in slots.columns if slots.is_number(column)]
ALPHA = 0.05 / len(NUMBERS)


def rows():
    """Yield the p-value's ratio and whether it is drift."""
    for column in NUMBERS:
        detector = KSDrift(slots.baseline(column)[:, None], p_val=ALPHA)
        for number in range(slots.count):
            values = slots.slot(column, number)
            if len(values):
                said = detector.predict(values[:, None])["data"]
                yield column, number, log_ratio(float(said["p_val"][0]), ALPHA), int(said["is_drift"])


write("alibi-detect", rows())
