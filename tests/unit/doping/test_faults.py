"""The catalogue of faults: what all of them keep to, and how severe they are made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.doping import FAULTS, SEVERITIES, severity_of
from monitor.doping.cells import Cells, distance

ROWS = 20_000
HOUR_MS = 3_600_000
FIELD_OF = {"number": "amount", "text": "country", "any": "amount", "time": "at"}
EVERY = pytest.mark.parametrize("name", FAULTS)
OTHERWISE = {"correlation_break", "one_producer", "rounding", "clipping"}
"""Their severity is not by the cells of the column alone."""
MARGINAL = [name for name, fault in FAULTS.items() if not fault.rows and name not in OTHERWISE]


def rows(n: int = ROWS, seed: int = 1) -> pa.Table:
    """Rows with two correlated numbers, whole numbers, a category, a constant, and a time every second."""
    rng = np.random.default_rng(seed)
    amount = rng.gamma(3.0, 10.0, n)
    return pa.table(
        {
            "amount": amount,
            "tax": amount * 0.2 + rng.normal(0, 1, n),
            "pieces": rng.poisson(3, n).astype(np.int64),
            "country": np.array(["DE", "FR", "US", "IT"])[rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])],
            "constant": np.full(n, 7.0),
            "at": 1_700_000_000_000 + np.arange(n) * 1_000,
            "place": np.arange(n),
        }
    )


def applied(name: str, severity: float, table: pa.Table, field: str | None = None, seed: int = 3) -> pa.Table:
    fault = FAULTS[name]
    return fault.apply(table, field or FIELD_OF[fault.scope], severity, np.random.default_rng(seed))


def test_there_are_at_least_fifteen_kinds_and_four_severities():
    assert len(FAULTS) >= 15
    assert len(SEVERITIES) == 4


@EVERY
def test_a_fault_of_no_severity_changes_nothing(name: str):
    table = rows(500)
    assert applied(name, 0.0, table).equals(table)


@EVERY
def test_a_fault_changes_rows_but_neither_its_argument_nor_a_type_and_other_columns_stay_with_their_rows(name: str):
    table, same = rows(500), rows(500)
    doped = applied(name, 0.5, table)
    assert table.equals(same)
    assert doped.schema == table.schema
    assert not doped.equals(table)
    field = FIELD_OF[FAULTS[name].scope]
    others = [column for column in table.column_names if column != field]
    assert doped.select(others).equals(table.take(doped["place"]).select(others))


@EVERY
def test_a_fault_is_the_same_with_the_same_seed_and_another_with_another(name: str):
    table = rows(500)
    assert applied(name, 0.3, table).equals(applied(name, 0.3, table))
    if name not in {"mean_shift", "scale", "rounding", "clipping", "one_producer"}:  # they are in all rows alike
        assert not applied(name, 0.3, table, seed=3).equals(applied(name, 0.3, table, seed=4))


@EVERY
def test_a_fault_of_no_rows_is_no_rows(name: str):
    assert applied(name, 0.5, rows(10).slice(0, 0)).num_rows == 0


@EVERY
def test_a_field_without_any_value_stays_without(name: str):
    table = rows(100)
    field = FIELD_OF[FAULTS[name].scope]
    place = table.column_names.index(field)
    empty = table.set_column(place, field, pa.nulls(100, table[field].type))
    assert applied(name, 0.5, empty).num_rows <= 200


@pytest.mark.parametrize("name", MARGINAL)
@pytest.mark.parametrize("noncentrality", [10.0, 100.0])
def test_the_severity_makes_what_was_asked_for(name: str, noncentrality: float):
    table, field = rows(), FIELD_OF[FAULTS[name].scope]
    severity = severity_of(FAULTS[name], table, field, noncentrality, 1_000)
    assert severity is not None
    cells = Cells.of(table[field])
    found = 1_000 * distance(cells.shares(table[field]), cells.shares(applied(name, severity, table)[field]))
    if name == "null_ramp":  # half of the rows are still on the way there
        found *= 1.8
    if name == "vanished_segment":
        assert found <= noncentrality * 1.3
        return
    assert noncentrality * 0.6 <= found <= noncentrality * 1.5


def test_the_same_noncentrality_needs_less_of_what_is_rarer():
    table = rows()
    nulls = severity_of(FAULTS["null_burst"], table, "amount", 10, 1_000)
    flips = severity_of(FAULTS["label_flip"], table, "country", 10, 1_000)
    assert nulls == pytest.approx(10 / 4 / 1_000, rel=0.01)
    assert flips > 3 * nulls


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("volume_drop", 0.0973),
        ("duplicates", 0.1025),
        ("late_rows", 0.0025),
        ("clock_shift", 0.0025),
    ],
)
def test_faults_of_rows_are_as_severe_as_counts_show_them(name: str, share: float):
    assert severity_of(FAULTS[name], rows(), "at", 10, 1_000) == pytest.approx(share, rel=0.02)


def test_a_correlation_is_broken_by_fishers_z():
    table = rows()
    severity = severity_of(FAULTS["correlation_break"], table, "amount", 100, 1_000)
    doped = applied("correlation_break", severity, table)
    before, after = (np.corrcoef(t["amount"].to_numpy(), t["tax"].to_numpy())[0, 1] for t in (table, doped))
    assert 1_000 * (np.arctanh(before) - np.arctanh(after)) ** 2 == pytest.approx(100, rel=0.3)
    assert np.array_equal(np.sort(doped["amount"].to_numpy()), np.sort(table["amount"].to_numpy()))


def test_what_stays_within_a_cell_is_seen_by_the_mean():
    table = rows()
    share = severity_of(FAULTS["clipping"], table, "amount", 10, 1_000)
    assert 0.03 <= share <= 0.11
    moved = pc.mean(table["amount"]).as_py() - pc.mean(applied("clipping", share, table)["amount"]).as_py()
    assert 5 <= 1_000 * (moved / table["amount"].to_numpy().std()) ** 2 <= 15


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("mean_shift", "country"),
        ("new_category", "amount"),
        ("scale", "constant"),
        ("correlation_break", "pieces"),
        ("stuck", "constant"),
    ],
)
def test_where_a_fault_does_not_fit_or_changes_nothing_there_is_no_severity(name: str, field: str):
    assert severity_of(FAULTS[name], rows(2_000), field, 10, 1_000) is None


def test_whole_numbers_stay_whole_and_keep_the_mean_that_they_should_have():
    table = rows()
    doped = applied("mean_shift", 0.2, table, "pieces")
    assert doped["pieces"].type == pa.int64()
    moved = pc.mean(doped["pieces"]).as_py() - pc.mean(table["pieces"]).as_py()
    assert moved == pytest.approx(0.2 * table["pieces"].to_numpy().std(), rel=0.1)


def test_a_producer_is_the_rows_with_one_value_of_another_column():
    table = rows(1_000)
    doped = applied("one_producer", 2.0, table)
    moved = doped["amount"].to_numpy() != table["amount"].to_numpy()
    assert set(np.asarray(table["country"])[moved]) == {"DE"}
    assert moved.sum() == (np.asarray(table["country"]) == "DE").sum()


def test_late_rows_keep_their_times_and_come_an_hour_later():
    table = rows(10_000)
    doped = applied("late_rows", 0.1, table)
    times = doped["at"].to_numpy()
    behind = np.maximum.accumulate(times) - times
    assert pc.sum(doped["place"]).as_py() == pc.sum(table["place"]).as_py()
    assert (behind > HOUR_MS // 2).sum() == pytest.approx(1_000 * (1 - 1_800 / 10_000), rel=0.2)


@pytest.mark.parametrize(
    ("values", "earlier"),
    [
        (["2013-06-01T05:00:00Z", "2013-06-01T06:30:00Z"], ["2013-06-01T04:00:00.000Z", "2013-06-01T05:30:00.000Z"]),
        (["2013-06-01 05:00:00", None], ["2013-06-01T04:00:00.000Z", None]),
        ([1_370_062_800, 1_370_062_801], [1_370_059_200, 1_370_059_201]),
        ([1_370_062_800_000], [1_370_059_200_000]),
        ([1_370_062_800_000_000_000], [1_370_059_200_000_000_000]),
        ([1_370_062_800.5], [1_370_059_200.5]),
    ],
)
def test_a_clock_is_an_hour_behind_in_any_form_of_time(values: list, earlier: list):
    doped = applied("clock_shift", 1.0, pa.table({"at": values}))
    assert doped["at"].to_pylist() == earlier
