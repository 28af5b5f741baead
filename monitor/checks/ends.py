"""The two ends of what is fine, of which at least one is given."""

from __future__ import annotations


def require_ends(least: float | None, most: float | None) -> None:
    """Raise ValueError, with the remedy, where neither end is given or the least is above the most."""
    if least is None and most is None:
        raise ValueError("neither min nor max is given; give one of them")
    if least is not None and most is not None and least > most:
        raise ValueError(f"min {least:g} is above max {most:g}; exchange them")
