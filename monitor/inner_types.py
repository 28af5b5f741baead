"""The types of columns that nobody writes in a configuration: they follow from it."""

from __future__ import annotations

from typing import cast

from monitor.types import FieldType


def vector_type(dimension: int) -> FieldType:
    """Return the type of vectors of `dimension` numbers, spelled `vector[384]`.

    In configuration it is `vector`, with the dimension beside it; decoders, accumulators and baselines are given
    this one, so that vectors of two dimensions are of two types.
    """
    return cast("FieldType", f"vector[{dimension}]")


WORDS: FieldType = cast("FieldType", "words")
"""The type of the words of a text field, which nobody configures: an Arrow list of strings a row."""


def language_type(sample: int) -> FieldType:
    """Return the type of the languages of a text field, of at most `sample` texts a window: `language[1000]`.

    Its columns hold the texts themselves, with a hash of where each lies; who counts them tells their languages.
    """
    return cast("FieldType", f"language[{sample}]")


def language_sample(kind: str) -> int | None:
    """Return how many texts a window are looked at for their language; None for any other type."""
    return int(kind[9:-1]) if kind.startswith("language[") else None


def are_values(kind: str) -> bool:
    """Return whether a column of a type has one value a row, which checks and segments can read."""
    return kind != WORDS and language_sample(kind) is None


def vector_dimension(kind: str) -> int | None:
    """Return how many numbers the vectors of a type have; None for any other type."""
    return int(kind[7:-1]) if kind.startswith("vector[") else None
