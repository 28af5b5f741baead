"""What is inferred of one field from its values."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.proposing.fields import propose_field
from monitor.proposing.kinds import Role, kind_of
from monitor.proposing.shape import leaves
from monitor.proposing.table import survey
from monitor.proposing.texts import format_of, numbers_in, placeholders_of
from tests.support.proposals import facts, gathered

RNG = np.random.default_rng(3)
N = 1200


def drawn(values: list[object], n: int = N) -> list[object]:
    return [values[i] for i in RNG.integers(0, len(values), n)]


def settings_of(values: list[object], name: str = "x") -> dict[str, tuple[str, bool]]:
    return {s.key: (s.value, s.active) for s in propose_field(facts(values, name)).settings}


@pytest.mark.parametrize(
    ("name", "values", "kind", "role"),
    [
        ("amount", RNG.lognormal(3, 1, N).round(2).tolist(), "number", Role.MEASURE),
        ("count", RNG.poisson(40, N).tolist(), "integer", Role.MEASURE),
        ("quantity", RNG.integers(1, 6, N).tolist(), "integer", Role.MEASURE),
        ("whole", RNG.poisson(40, N).astype(float).tolist(), "integer", Role.MEASURE),
        ("flag", RNG.integers(0, 2, N).tolist(), "integer", Role.CODE),
        ("status_code", drawn([200, 404, 500]), "integer", Role.CODE),
        ("ok", drawn([True, False]), "boolean", Role.CATEGORY),
        ("country", drawn(["DE", "FR", "US"]), "category", Role.CATEGORY),
        ("id", [f"{i:08x}" for i in range(N)], "text", Role.IDENTIFIER),
        ("order_id", RNG.permutation(10 * N)[:N].tolist(), "integer", Role.IDENTIFIER),
        ("note", [f"word {i % 700}" for i in range(N)], "text", Role.TEXT),
        ("total", np.cumsum(RNG.integers(0, 3, N)).tolist(), "integer", Role.TREND),
        ("month", [1 + i // 600 for i in range(N)], "integer", Role.TREND),
        ("always", [5] * N, "integer", Role.CONSTANT),
        ("never", [None] * (N - 1) + [7], "integer", Role.EMPTY),
    ],
)
def test_a_field_is_what_its_values_say(name, values, kind, role):
    found = kind_of(facts(values, name))
    assert (found.type, found.role) == (kind, role)


def test_of_mixed_types_the_majority_wins_and_the_share_of_the_others_is_said():
    found = kind_of(facts([*range(90, 0, -1), *["12"] * 10]))
    assert found.type == "integer"
    assert "10.00% of the values are of another type (text)" in found.why


def test_what_never_happened_is_bounded_by_the_rows_seen():
    proposal = propose_field(facts(drawn(["a", "b"])))
    assert {s.key: s.value for s in proposal.settings if s.active} == {
        "required": "true",
        "nullable": "false",
        "allowed": "[a, b]",
    }
    assert "99%: null in 0 of 1,200 rows, so in fewer than 1 in 260 rows" in [s.why for s in proposal.settings]


def test_what_did_happen_is_not_forbidden():
    found = settings_of([None, ..., *drawn(["a", "b"])])
    assert found.keys() == {"allowed"}


def test_of_a_few_rows_promises_stay_comments():
    found = settings_of(["a", "b"] * 20)
    assert {key: active for key, (_, active) in found.items()} == {
        "required": False,
        "nullable": False,
        "allowed": False,
    }


def test_a_list_with_a_value_seen_once_stays_a_comment():
    assert settings_of([*drawn(["a", "b"]), "c"])["allowed"] == ("[a, b, c]", False)


def test_a_list_of_long_texts_is_not_proposed():
    assert "allowed" not in settings_of(drawn(["a" * 100, "b"]))


def test_a_list_whose_values_come_and_go_stays_a_comment():
    assert settings_of(["old"] * 600 + ["new"] * 600)["allowed"] == ("[new, old]", False)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        (RNG.uniform(0.01, 0.99, N).tolist(), "[0, 1]"),
        (RNG.integers(0, 60, N).tolist(), "[0, 65]"),
        (RNG.pareto(0.8, N).tolist(), "[0, null]"),
    ],
)
def test_a_range_has_natural_ends_and_others_only_as_far_as_the_tail_allows(values, ends):
    (low, high), (wanted_low, wanted_high) = (
        text.strip("[]").split(", ") for text in (settings_of(values)["range"][0], ends)
    )
    assert low == wanted_low
    assert high == wanted_high or float(high) == pytest.approx(float(wanted_high), rel=0.1)


def test_a_range_of_numbers_on_both_sides_of_zero_is_wider_than_what_was_seen():
    values = RNG.normal(0, 10, N)
    low, high = (float(end) for end in settings_of(values.tolist())["range"][0].strip("[]").split(", "))
    assert -1000 < low < 1.1 * values.min() < 1.1 * values.max() < high < 1000


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([f"00000000-0000-4000-8000-{i:012x}" for i in range(200)], "uuid"),
        ([f"user{i}@example.org" for i in range(200)], "email"),
        ([f"10.0.{i % 7}.{i}" for i in range(200)], "ipv4"),
        ([f"2026-01-{1 + i % 28:02d}" for i in range(200)], "iso_date"),
        ([f"word{i}" for i in range(200)], None),
        ([f"user{i}@example.org" for i in range(199)] + ["nobody"], None),
        ([f"user{i}@example.org" for i in range(50)], None),
        (["AA", "AS"] * 100, None),
    ],
)
def test_a_format_is_one_that_every_value_has(values, name):
    assert format_of(facts(values)) == name


def test_placeholders_are_counted():
    assert placeholders_of(facts(["N/A"] * 5 + ["a"] * 95)) == 5
    assert placeholders_of(facts([-999] * 10 + list(range(90)))) == 10
    assert placeholders_of(facts(list(range(20_000, 20_100)))) == 0


def test_numbers_in_quotes_are_counted():
    assert numbers_in(facts(["1.5", "2", "x"])) == 2


def test_what_cannot_be_a_field_is_named_with_the_reason():
    record = {"a": {"b": 1}, "a.b": 2, "list": [1], "nothing": None, "x": 1, "X": 2, "": 3, "$key": 4}
    found, left_out = leaves(survey(gathered(record, {"x": 5})).shape)
    assert [leaf.path for leaf in found] == ["a.b", "x"]
    assert left_out.keys() == {"a.b", "list", "nothing", "X", "", "$key"}
    assert "array" in left_out["list"]


def test_a_path_that_is_mostly_an_object_is_no_field_itself():
    found, _ = leaves(survey(gathered({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": 3})).shape)
    assert [leaf.path for leaf in found] == ["a.b"]
