"""NannyML's univariate drift: Jensen-Shannon on every column, and KS on numbers; a window is one chunk."""

from __future__ import annotations

from nannyml import UnivariateDriftCalculator
from turns import CATEGORIES, NUMBERS, frame, serve

_COLUMNS = [*NUMBERS, *CATEGORIES]


def fitted(lines):
    """Return the calculator, which knows the baseline."""
    calculator = UnivariateDriftCalculator(
        column_names=_COLUMNS,
        chunk_number=1,
        continuous_methods=["jensen_shannon", "kolmogorov_smirnov"],
        categorical_methods=["jensen_shannon"],
    )
    return calculator.fit(frame(lines)[_COLUMNS])


serve("nannyml", fitted, lambda lines: frame(lines)[_COLUMNS], lambda fit, window: fit.calculate(window).to_df())
