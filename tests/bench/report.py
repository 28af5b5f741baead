"""Writes docs/performance.md and its pictures from the results: `python -m tests.bench.report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.figures import Plot, Section, Table
from tests.bench.plot import svg
from tests.bench.results import FILE, read
from tests.bench.words import INTRODUCTION, WORDS

_DOCS = Path(__file__).parents[2] / "docs"
PAGE = _DOCS / "performance.md"
IMAGES = _DOCS / "images" / "performance"
_MINUTE_S = 60
_NAMES = {
    "us_per_record": "per record",
    "us_per_fetch": "per fetch",
    "decoding_us": "decoding",
    "mb_per_s": "JSON",
    "records_per_s": "speed",
    "times_orjson": "speed",
    "times_driftline": "cost",
    "rss_mb": "memory",
    "client_us": "client alone",
    "start_s": "start",
    "with_start": "ratio with start",
    "engine_us": "engine alone",
    "records/s": "speed",
    "bytes": "size",
}


def main() -> None:
    """Write the page, the pictures, and nothing else."""
    stored = read(FILE)
    PAGE.write_text(page(stored))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(stored).items():
        (IMAGES / name).write_text(picture)


def page(stored: Mapping[str, Any]) -> str:
    """Return the page: what was promised, then each section with its tables."""
    names = [name for name in WORDS if name in stored]
    missing = [name for name in WORDS if name not in stored]
    parts = [INTRODUCTION, "## What was promised", "", *_bars({name: Section.of(stored[name]) for name in names}), ""]
    if missing:
        parts += [f"Not measured yet: {', '.join(missing)}.", ""]
    for name in names:
        title, words = WORDS[name]
        parts += [f"## {title}", "", words, "", *_section(stored[name]), ""]
    return "\n".join(parts)


def pictures(stored: Mapping[str, Any]) -> dict[str, str]:
    """Return every picture by its file's name."""
    return {
        _image(table, plot): svg(
            table.title,
            _label(table, plot.x),
            _label(table, plot.y),
            [(row[plot.x], row[plot.y]) for row in table.rows],
        )
        for name in WORDS
        if name in stored
        for table in Section.of(stored[name]).tables
        for plot in table.plots
    }


def _bars(sections: Mapping[str, Section]) -> Iterator[str]:
    yield "| promise | wanted | measured | |"
    yield "|---|---|---|---|"
    for section in sections.values():
        for bar in section.bars:
            wanted = f"{'≥' if bar.least else '≤'} {bar.wanted:g} {bar.unit}".strip()
            met = "met" if bar.met else "**missed**"
            yield f"| {bar.what} | {wanted} | {f'{_number(bar.measured)} {bar.unit}'.strip()} | {met} |"


def _section(stored: Mapping[str, Any]) -> Iterator[str]:
    section = Section.of(stored)
    for table in section.tables:
        yield f"**{table.title}.** {table.n[0].upper()}{table.n[1:]}."
        yield ""
        yield "| " + " | ".join(_label(table, column) for column in table.units) + " |"
        yield "|" + "|".join("---:" if unit else "---" for unit in table.units.values()) + "|"
        for row in table.rows:
            yield "| " + " | ".join(_cell(row.get(column)) for column in table.units) + " |"
        yield ""
        for plot in table.plots:
            what = f"{table.title}: {_label(table, plot.y)} against {plot.x}"
            yield f"![{what}](images/performance/{_image(table, plot)})"
            yield ""
    for remark in section.remarks:
        yield remark
        yield ""
    yield _how(stored)


def _how(stored: Mapping[str, Any]) -> str:
    """Return with what command, when and on what machine a section was measured."""
    machine = dict(stored["machine"])
    where = f"{machine.pop('processor')}, {machine.pop('cores')} cores, {machine.pop('system')}"
    versions = ", ".join(f"{name} {version}" for name, version in machine.items())
    return (
        f"*`{stored['command']}`, {stored['took_s'] / _MINUTE_S:.1f} minutes on {stored['measured']}; "
        f"load average before {stored['load_before']:g}. {where}. {versions}.*"
    )


def _label(table: Table, column: str) -> str:
    """Return a column's name for people, with its unit."""
    unit = table.units[column]
    words = column.split("_")
    if len(words) > 1 and words[-1] in ("s", "ms", "us", "mb"):
        words.pop()
    name = _NAMES.get(column, " ".join(words))
    return f"{name} ({unit})" if unit else name


def _image(table: Table, plot: Plot) -> str:
    return f"{table.name}-{plot.y.replace('_', '-')}.svg"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return _number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _number(value: float) -> str:
    """Return a number with three digits that count; large ones whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
