"""Arrays of numbers that are all of one length are proposed as vectors, and other arrays are not."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.proposing.shape import leaves
from monitor.proposing.table import survey
from tests.support.proposals import facts, field_of, gathered, proposed


def vectors(n: int, dimension: int = 8) -> list[list[float]]:
    return np.random.default_rng(1).standard_normal((n, dimension)).round(4).tolist()


def kinds(values: list[object]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kind of every leaf of records with these values, and why the rest is left out."""
    found, left_out = leaves(survey(gathered(*({"n": 1, "e": value} for value in values))).shape)
    return {leaf.path: leaf.kind for leaf in found}, left_out


@pytest.mark.parametrize(
    "values",
    [
        vectors(50),
        [[1, 2, 3, 4, 5, 6, 7, 8]] * 50,
        [*vectors(48), None, None],
        [*vectors(48), [1.0], "text"],
        [*vectors(20), *([[float(i) for i in range(8)]] * 20)],
    ],
    ids=["floats", "integers", "nulls", "a few broken", "both"],
)
def test_arrays_of_eight_numbers_or_more_are_vectors(values):
    assert kinds(values)[0]["e"] == "vector"
    assert facts(values, "e").leaf.dimension == 8


@pytest.mark.parametrize(
    "values",
    [
        vectors(50, 7),
        [[1.0] * (8 + i % 5) for i in range(50)],
        [["a"] * 8] * 50,
        [[True] * 8] * 50,
        [[[1.0] * 8]] * 50,
        [[]] * 50,
        [*vectors(30), *["text"] * 10],
        vectors(3, 2049),
    ],
    ids=["short", "of many lengths", "texts", "booleans", "nested", "empty", "too many others", "over the cap"],
)
def test_other_arrays_are_not(values):
    found, left_out = kinds(values)
    assert found.get("e") != "vector"
    assert "e" in found or "all of one length" in left_out["e"]


def test_a_vector_within_an_object_and_under_an_odd_name_is_found():
    held = gathered(*({"a": {"0": vector, "b/c~d": vector}} for vector in vectors(20)))
    found, _ = leaves(survey(held).shape)
    assert {leaf.path: (leaf.kind, leaf.dimension) for leaf in found} == {
        "a.0": ("vector", 8),
        "a.b/c~d": ("vector", 8),
    }


def test_the_proposal_loads_with_dimension_and_frechet_and_raises_no_alert_on_its_sample():
    made = proposed({"e": vectors(4000), "amount": list(np.random.default_rng(2).normal(5, 1, 4000).tolist())})
    assert field_of(made.config, "e").items() >= {"type": "vector", "dimension": 8}.items()
    assert [detector.kind for detector in made.config.detectors_for("e")] == ["missing", "frechet"]
    assert not made.trial.alerts


def test_without_vectors_frechet_is_not_proposed():
    made = proposed({"amount": list(np.random.default_rng(2).normal(5, 1, 1000).tolist())})
    assert "frechet" not in made.text
