"""Writes the parts of the chart that are made from something else: `python -m helm`.

Rules and dashboards are copied, since a chart can read no file outside its directory; README.md and values.schema.json
come from the comments in values.yaml. A test compares what is committed with what this writes.
"""

from __future__ import annotations
