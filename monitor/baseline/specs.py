"""Which accumulators a field is profiled with, by its type."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.accumulators import (
    AccumulatorSpec,
    CategoriesSpec,
    ComomentSpec,
    DistinctSpec,
    FourierSpec,
    GroupFrame,
    HistogramSpec,
    LanguagesSpec,
    MomentsSpec,
    PresenceSpec,
    QuantilesSpec,
    SampleSpec,
    TextSpec,
    VectorSpec,
    WordsSpec,
)
from monitor.inner_types import WORDS, language_sample, vector_dimension
from monitor.types import FieldType

COUNTED = (HistogramSpec, CategoriesSpec, WordsSpec, LanguagesSpec, PresenceSpec)
"""The Specs of what is counted in cells, of which the correlation of rows is estimated."""


def profile_specs(path: str, kind: FieldType) -> tuple[AccumulatorSpec, ...]:
    """Return the Specs of everything that is accumulated for a field of this type in a window."""
    exact = exact_specs(path, kind)
    if kind in ("number", "integer"):
        return (*exact, QuantilesSpec(field=path), DistinctSpec(field=path))
    if vector_dimension(kind) is not None or language_sample(kind) is not None:
        return exact
    return (*exact, DistinctSpec(field=path))


def exact_specs(path: str, kind: FieldType) -> tuple[AccumulatorSpec, ...]:
    """Return those that are exact and deterministic: what baselines hold and verdicts are made of."""
    presence = PresenceSpec(field=path)
    if kind in ("number", "integer"):
        return (presence, MomentsSpec(field=path), HistogramSpec(field=path))
    if kind == "text":
        return (presence, TextSpec(field=path))
    dimension = vector_dimension(kind)
    if dimension is not None:
        return (presence, VectorSpec(field=path, dimension=dimension))
    sample = language_sample(kind)
    if sample is not None:
        return (presence, LanguagesSpec(field=path, sample=sample))
    return (presence, WordsSpec(field=path) if kind == WORDS else CategoriesSpec(field=path))


def baseline_specs(
    fields: Mapping[str, FieldType], groups: Mapping[str, GroupFrame] | None = None
) -> tuple[AccumulatorSpec, ...]:
    """Return the exact Specs of all fields, in the order of their paths, and of all groups of fields."""
    found = [spec for path, kind in sorted(fields.items()) for spec in exact_specs(path, kind)]
    for name, frame in sorted((groups or {}).items()):
        found.append(ComomentSpec(group=name, fields=frame.fields))
        if frame.features:
            found.append(FourierSpec(group=name, fields=frame.fields, features=frame.features))
        if frame.sampled:
            found.append(SampleSpec(group=name, fields=frame.fields))
    return tuple(found)
