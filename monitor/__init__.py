"""Driftline: a streaming data-quality monitor and drift-alerting daemon."""

import os

__version__ = "0.1.0"

# One data thread computes, and sums must not depend on how many cores a machine has. On a busy one, OpenBLAS's own
# threads also wait for each other: a product that takes 1 ms on one of them took 30. Read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
