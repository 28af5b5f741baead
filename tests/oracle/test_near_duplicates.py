"""Near duplicates against what Python and numpy say of every pair."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from monitor.checks import NearDuplicatesSpec
from monitor.checks.near_texts import band_width
from monitor.texts.minhash import HASHES, agreeing, signatures
from tests.support.checks import batch


def corpus(seed: int, n: int) -> list[str]:
    """Return texts of which every second one is an earlier one with some of its words changed."""
    random = np.random.default_rng(seed)
    words = [f"w{number}" for number in range(400)]
    texts: list[list[str]] = []
    for number in range(n):
        if number % 2 and texts:
            text = list(texts[random.integers(len(texts))])
            for place in random.integers(0, len(text), random.integers(0, 8)):
                text[place] = words[random.integers(400)]
        else:
            text = [words[place] for place in random.integers(0, 400, random.integers(20, 60))]
        texts.append(text)
    return [" ".join(text) for text in texts]


def runs(text: str, run: int) -> set[tuple[str, ...]]:
    """Return the runs of words that stand for a text."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + run]) for i in range(max(1, len(words) - run + 1))}


def jaccard(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other)


@cache
def likeness(seed: int, n: int, run: int) -> list[float]:
    """Return the similarity of each text of a corpus to the one before it that is most like it; 0 for the first."""
    texts = corpus(seed, n)
    sets = [runs(text, run) for text in texts]
    return [max((jaccard(each, before) for before in sets[:i]), default=0.0) for i, each in enumerate(sets)]


@pytest.mark.parametrize("similarity", [0.6, 0.8, 0.9])
def test_the_share_of_near_duplicates_is_within_its_bound_of_the_exact_one(similarity):
    texts = corpus(3, 600)
    spec = NearDuplicatesSpec(field="note", similarity=similarity, capacity=1_000)
    failed, evaluated = spec.build().failures(batch(note=pa.array(texts)))
    exact = np.array(likeness(3, 600, 3))
    assert evaluated.all()
    # Where the exact similarity is three standard errors off the threshold, hardly any is taken for the other.
    error = 3 * np.sqrt(similarity * (1 - similarity) / HASHES)
    sure, surely_not = exact >= similarity + error, exact <= similarity - error
    assert sure.sum() > 20
    assert surely_not.sum() > 150
    assert failed[sure].mean() >= 0.98
    assert failed[surely_not].mean() <= 0.01
    between = ~sure & ~surely_not
    assert abs(int(failed.sum()) - int((exact >= similarity).sum())) <= max(4, 0.6 * int(between.sum()))


def test_signatures_agree_as_often_as_the_sets_have_members_in_common():
    texts = corpus(5, 300)
    signed, worded = signatures(pa.array(texts), 3, 10_000)
    assert worded.all()
    sets = [runs(text, 3) for text in texts]
    random = np.random.default_rng(1)
    off = []
    for one, other in random.integers(0, 300, (3_000, 2)).tolist():
        exact = jaccard(sets[one], sets[other])
        found = float((signed[one] == signed[other]).mean())
        off.append((found - exact - (1 - exact) / 256) / np.sqrt(max(exact * (1 - exact), 1e-3) / HASHES + 4e-5))
    assert abs(float(np.mean(off))) < 0.2
    assert float(np.mean(np.abs(off) < 3.5)) > 0.99


@pytest.mark.parametrize(("likeness_of_pair", "low", "high"), [(0.9, 0.998, 1.0), (0.65, 0.0, 0.001)])
def test_the_promise_at_the_usual_similarity_is_what_binomials_say(likeness_of_pair, low, high):
    chance = likeness_of_pair + (1 - likeness_of_pair) / 256
    width = band_width(0.8)
    compared = 1 - (1 - chance**width) ** (HASHES // width)
    found = compared * stats.binom.sf(agreeing(0.8) - 1, HASHES, chance)
    assert low <= found <= high


def test_a_band_brings_similar_texts_together_at_every_similarity():
    for similarity in np.linspace(0.5, 1, 51).tolist():
        width = band_width(similarity)
        assert HASHES % width == 0
        assert 1 - (1 - similarity**width) ** (HASHES // width) >= 0.99


def test_vectors_are_compared_exactly_within_the_horizon_and_the_capacity():
    random = np.random.default_rng(8)
    vectors = random.standard_normal((900, 6))
    vectors[1::3] = vectors[0::3] * 7.0 + random.standard_normal((300, 6)) * 0.2
    times = np.cumsum(random.integers(0, 100, 900))
    spec = NearDuplicatesSpec(field="v", similarity=0.97, capacity=250, horizon="5s")
    rows = batch(v=vectors)
    rows = type(rows)(rows.partition, rows.offsets, rows.timestamps_ms, times, rows.columns)
    failed, evaluated = spec.build().failures(rows)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = directions @ directions.T
    expected = [
        any(cosines[i, j] >= 0.97 and times[i] - times[j] <= 5_000 for j in range(max(0, i - 250), i))
        for i in range(900)
    ]
    assert evaluated.all()
    assert failed.tolist() == expected
    assert 100 < sum(expected) < 800
