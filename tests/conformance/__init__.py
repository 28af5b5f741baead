"""Driftline's drift numbers beside those of scipy and of other tools, each tool run in an environment of its own.

`make conformance` (or `python -m tests.conformance`) runs the tools anew on the samples of `cases` and rewrites
tests/data/conformance/ and the section of docs/compare.md that is made of it. The ordinary tests read those files
only: none of the tools is a dependency of Driftline.
"""
