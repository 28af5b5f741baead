"""Writes docs/verdict-quality.md and its picture from the results: `python -m tests.bench.verdicts.report`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.figures import Bar
from tests.bench.verdicts import results
from tests.bench.verdicts.bars import bars
from tests.bench.verdicts.data import LOADERS, UNFAULTED
from tests.bench.verdicts.losses import losses
from tests.bench.verdicts.picture import dots
from tests.bench.verdicts.words import CHECKED, CONTENDERS, CONTESTED, FAULTS, INTRODUCTION, NULLS

_DOCS = Path(__file__).parents[3] / "docs"
PAGE = _DOCS / "verdict-quality.md"
PICTURE = _DOCS / "images" / "verdict-quality" / "false-pages.svg"
SEVERITIES = ("small", "medium", "large", "gross")
OURS = ("driftline", "driftline, evidence")
Rows = Sequence[Mapping[str, str]]
Stored = Mapping[str, Rows]


def main() -> None:
    """Write the page and the picture."""
    stored = read()
    PAGE.write_text(page(stored))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(stored))


def read() -> Stored:
    """Return all stored rows by file."""
    return {name: results.read(name) for name in results.COLUMNS}


def page(stored: Stored) -> str:
    """Return the page."""
    calm, delays = stored[results.FALSE_PAGES], stored[results.DELAYS]
    parts = [
        *(INTRODUCTION, "## What was promised", "", *_bars(bars(stored)), ""),
        *_missing(stored),
        *("**Losses**, all of them:", "", *(f"- {loss}" for loss in losses(stored)), ""),
        *(CONTESTED, NULLS, *_false_pages(calm, "defaults"), ""),
        *("![False pages per 1,000 slots](images/verdict-quality/false-pages.svg)", ""),
        *("Tuned, and with hindsight:", "", *_false_pages(calm, "tuned"), "", *_false_pages(calm, "hindsight"), ""),
        *("Share of calm slots in which some column fires, with its defaults:", "", *_firing(calm), ""),
        *(FAULTS, *_all_delays(delays), ""),
        *("### Stream by stream: medium faults", "", *_by_stream(delays), ""),
        *("### Kind by kind", "", *_kinds(stored[results.KINDS]), ""),
        *(*_checked(stored[results.PEERS]), "## The streams", "", *_about(stored[results.ABOUT]), ""),
    ]
    return "\n".join(parts)


def picture(stored: Stored) -> str:
    """Return the picture of false pages with the peers' defaults."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in stored[results.FALSE_PAGES]:
        if row["league"] == "defaults":
            found[row["contender"]].append(float(row["per_1000"]))
    named = [(name.replace("**", ""), found[key]) for key, name in CONTENDERS.items() if key in found]
    return dots("False pages per 1,000 slots, a dot a stream and null; promised: 1", named, 1.0)


def _bars(found: Sequence[Bar]) -> Iterator[str]:
    yield from ("| promise | wanted | measured | |", "|---|---|---|---|")
    for bar in found:
        sign = "≥" if bar.least else "≤"
        met = "met" if bar.met else "**missed**"
        yield f"| {bar.what} | {sign} {bar.wanted:g} {bar.unit} | {bar.measured:.3g} {bar.unit} | {met} |"


def _missing(stored: Stored) -> Iterator[str]:
    """Yield what has not been measured yet, so that nobody takes its absence for a good result."""
    calm, doped = ({row["stream"] for row in stored[name]} for name in (results.FALSE_PAGES, results.DELAYS))
    for what, measured in (("without a fault", calm), ("with faults", doped)):
        names = [name for name in LOADERS if name not in measured and not (what == "with faults" and name in UNFAULTED)]
        if names:
            yield f"Not measured yet {what}: {', '.join(names)}."
            yield ""
    if not stored[results.PEERS]:
        yield "Not asked yet: the peers' own packages."
        yield ""


def _false_pages(rows: Rows, league: str) -> Iterator[str]:
    """Yield the table of a league: a row for each stream and null, a column for each contender."""
    wanted = [row for row in rows if row["league"] == league]
    names = [name for name in CONTENDERS if any(row["contender"] == name for row in wanted)]
    cells = {(row["stream"], row["null"], row["contender"]): row for row in wanted}
    places = list(dict.fromkeys((row["stream"], row["null"]) for row in wanted))
    yield "| stream | nothing changes | " + " | ".join(CONTENDERS[name] for name in names) + " |"
    yield "|---|---|" + "---:|" * len(names)
    for stream, null in places:
        yield f"| {stream} | {null} | " + " | ".join(_rate(cells.get((stream, null, name))) for name in names) + " |"


def _rate(row: Mapping[str, str] | None) -> str:
    if row is None:
        return "–"
    low, high = float(row["low"]), float(row["high"])
    return f"{_number(float(row['per_1000']))} ({_number(low)}–{_number(high)})"


def _firing(rows: Rows) -> Iterator[str]:
    wanted = [row for row in rows if row["league"] == "defaults" and row["firing"]]
    names = [name for name in CONTENDERS if any(row["contender"] == name for row in wanted)]
    yield "| stream | " + " | ".join(CONTENDERS[name] for name in names) + " |"
    yield "|---|" + "---:|" * len(names)
    cells = {(row["stream"], row["contender"]): row["firing"] for row in reversed(wanted)}
    for stream in dict.fromkeys(row["stream"] for row in wanted):
        shares = (f"{100 * float(cells[stream, name]):.1f} %" if (stream, name) in cells else "–" for name in names)
        yield f"| {stream} | " + " | ".join(shares) + " |"


def _all_delays(rows: Rows) -> Iterator[str]:
    """Yield a table for each league, weighted by the streams' runs; of their medians the middle one."""
    severities = [name for name in SEVERITIES if any(row["severity"] == name for row in rows)]
    if missing := [name for name in SEVERITIES if name not in severities]:
        yield f"Not measured yet: {', '.join(missing)} faults."
        yield ""
    for league in ("defaults", "tuned", "hindsight"):
        yield f"**{league.capitalize()}**: paged within 50 slots · median delay (p90) · right column first."
        yield ""
        yield "| contender | " + " | ".join(severities) + " |"
        yield "|---|" + "---|" * len(severities)
        for contender, name in CONTENDERS.items():
            cells = [
                _cell(
                    [r for r in rows if (r["contender"], r["league"], r["severity"]) == (contender, league, severity)]
                )
                for severity in severities
            ]
            if any(cell != "–" for cell in cells):
                yield f"| {name} | " + " | ".join(cells) + " |"
        yield ""


def _cell(rows: Rows) -> str:
    if not rows:
        return "–"
    soon = weighted(rows, "within_50")
    median, late = (sorted(float(row[name]) for row in rows)[len(rows) // 2] for name in ("median", "p90"))
    first = weighted([row for row in rows if row["first"]], "first")
    named = "–" if first is None else f"{100 * first:.0f} %"
    return f"{100 * (soon or 0):.0f} % · {median:g} ({late:g}) · {named}"


def weighted(rows: Rows, name: str) -> float | None:
    """Return the mean of a column over the runs of all rows; None without any."""
    runs = sum(int(row["runs"]) for row in rows)
    return sum(float(row[name]) * int(row["runs"]) for row in rows) / runs if runs else None


def _by_stream(rows: Rows) -> Iterator[str]:
    yield "| stream | contender | league | within 50 | median | p90 | right first | among three | onset off by |"
    yield "|---|---|---|---:|---:|---:|---:|---:|---:|"
    order = {name: place for place, name in enumerate(CONTENDERS)}
    for row in sorted(
        (row for row in rows if row["severity"] == "medium" and row["league"] != "hindsight"),
        key=lambda row: (row["stream"], row["league"] != "defaults", order[row["contender"]]),
    ):
        shares = [f"{100 * float(row[name]):.0f} %" if row[name] else "–" for name in ("first", "among_three")]
        onset, soon = row["onset_error"] or "–", f"{100 * float(row['within_50']):.0f} %"
        cells = (row["stream"], CONTENDERS[row["contender"]], row["league"], soon, row["median"], row["p90"])
        yield f"| {' | '.join((*cells, *shares, onset))} |"


def _kinds(rows: Rows) -> Iterator[str]:
    """Yield medium faults by kind: runs paged within 50 slots, over all streams."""
    shown = [("driftline", "defaults"), ("driftline, evidence", "defaults"), ("nannyml", "defaults")]
    shown += [(name, "tuned") for name in ("ks", "psi", "evidently", "nannyml", "psi-chart", "river ADWIN")]
    yield "Medium faults paged within 50 slots, all streams."
    yield ""
    yield (
        "| kind | runs | "
        + " | ".join(f"{CONTENDERS[name]}{'' if of == 'defaults' else ', tuned'}" for name, of in shown)
        + " |"
    )
    yield "|---|---:|" + "---:|" * len(shown)
    medium = [row for row in rows if row["severity"] == "medium"]
    for kind in dict.fromkeys(row["kind"] for row in medium):
        cells, runs = [], 0
        for name, league in shown:
            own = [r for r in medium if (r["kind"], r["contender"], r["league"]) == (kind, name, league)]
            runs = sum(int(row["runs"]) for row in own)
            cells.append(f"{100 * sum(int(row['caught']) for row in own) / runs:.0f} %" if runs else "–")
        yield f"| {kind} | {runs} | " + " | ".join(cells) + " |"


def _checked(rows: Rows) -> Iterator[str]:
    if not rows:
        return
    streams = {row["stream"] for row in rows}
    yield CHECKED.format(slots=max(int(row["slots"]) for row in rows), streams=len(streams))
    yield "| peer | version | columns and slots | same | difference |"
    yield "|---|---|---:|---:|---:|"
    for peer in dict.fromkeys(row["peer"] for row in rows):
        own = [row for row in rows if row["peer"] == peer]
        slots = sum(int(row["slots"]) for row in own)
        same = sum(int(row["same"]) for row in own) / slots
        differences = [float(row["difference"]) for row in own if row["difference"]]
        worst = f"{max(differences):.2g}" if differences else "–"
        yield f"| {peer} | {own[0]['version']} | {slots:,} | {100 * same:.1f} % | {worst} |"
    yield ""


def _about(rows: Rows) -> Iterator[str]:
    yield "| stream | what | slots | rows a slot | fields | Driftline's streams | CPU |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for row in rows:
        yield (
            f"| {row['stream']} | {row['what']} | {int(row['slots']):,} | {row['rows_per_slot']} | {row['fields']} "
            f"| {row['streams']} | {row['cpu_s']} s |"
        )
    yield ""
    if rows:
        yield f"*Measured on {max(row['measured'] for row in rows)}; seeds {rows[0]['seeds']}.*"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    main()
