"""Proving what a configuration would catch: faults injected into the user's own records, judged by the same engine."""
