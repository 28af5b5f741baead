"""alibi-detect's KSDrift on the numbers, which is all that it takes."""

from __future__ import annotations

import numpy as np
from alibi_detect.cd import KSDrift
from turns import NUMBERS, columns, serve


def matrix(lines):
    """Return the numbers of a window, a column each."""
    found = columns(lines)
    return np.column_stack([found[name] for name in NUMBERS])


serve("alibi-detect", lambda lines: KSDrift(matrix(lines)), matrix, lambda detector, window: detector.predict(window))
