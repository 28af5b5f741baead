"""Stands in the way of the pandas that only the tests' data set needs: pyarrow would import it into every process."""

from __future__ import annotations

raise ImportError("driftline is installed without pandas")
