"""alibi-detect's answers, from its offline detectors, which report distances and p-values as float32."""

from __future__ import annotations

import numpy as np
from alibi_detect.cd import ChiSquareDrift, KSDrift
from rows import Answers, inputs

answers = Answers("alibi-detect")


def predicted(name, case, given, statistic, detector):
    """Note distance and p-value of one detector; it stops at None, and takes NaN."""
    baseline, current = (np.array([x for x in side if x is not None])[:, None] for side in case[given])
    found = detector(baseline).predict(current)["data"]
    answers.value(name, case, given, statistic, found["distance"][0])
    answers.value(name, case, given, f"{statistic}_p", found["p_val"][0])


for name, case in inputs().items():
    if case["numbers"]:
        predicted(name, case, "own", "ks", KSDrift)
        predicted(name, case, "steps", "ks", KSDrift)
    else:
        predicted(name, case, "own", "chi2", ChiSquareDrift)
    predicted(name, case, "cells", "chi2", ChiSquareDrift)
answers.write()
