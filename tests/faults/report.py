"""Writes docs/reliability.md and its pictures from the results: `python -m tests.faults.report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.plot import svg
from tests.faults.results import FILE, read
from tests.faults.suite.everything import FAULTS
from tests.faults.words import INTRODUCTION, OTHERS, SOAK, TABLE

_DOCS = Path(__file__).parents[2] / "docs"
PAGE = _DOCS / "reliability.md"
IMAGES = _DOCS / "images" / "reliability"
_PLOTS = {
    "rss_mb": ("memory", "resident (MB)"),
    "lag_records": ("lag", "records still to be read"),
    "delay_s": ("delay", "event time to statistics, mean of 2 s (s)"),
}
_POINTS = 150
_MINUTE_S = 60


def main() -> None:
    """Write the page, the pictures, and nothing else."""
    stored = read(FILE)
    PAGE.write_text(page(stored))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(stored).items():
        (IMAGES / name).write_text(picture)


def page(stored: Mapping[str, Any]) -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, TABLE, *_table(stored["faults"]), ""]
    parts += [_machine(stored["machine"]), ""]
    if "soak" in stored:
        parts += [SOAK, *_soak(stored["soak"])]
    return "\n".join([*parts, OTHERS])


def pictures(stored: Mapping[str, Any]) -> dict[str, str]:
    """Return every picture by its file's name."""
    if "soak" not in stored:
        return {}
    samples = stored["soak"]["samples"]
    found = {}
    for key, (name, label) in _PLOTS.items():
        points = [(sample["t_s"] / _MINUTE_S, sample[key]) for sample in samples if sample.get(key) is not None]
        points = points[:: max(1, len(points) // _POINTS)]
        if points and max(y for _, y in points) > 0:
            found[f"{name}.svg"] = svg(f"Soak: {label}", "minutes", label, points)
    return found


def _table(lines: Mapping[str, Any]) -> Iterator[str]:
    yield "| fault | what is done | client | times | outcome | what was seen |"
    yield "|---|---|---|---:|---|---|"
    for fault in FAULTS.values():
        for client in fault.clients:
            line = lines.get(f"{fault.name} {client}")
            if line is None:
                yield f"| `{fault.name}` | {fault.what} | {client} | 0 | not run yet | |"
                continue
            outcome = line["outcome"] if line["outcome"] != "failed" else "**failed**"
            seen = "; ".join(filter(None, [line.get("reason", ""), _seen(line), _exception(fault.exception, line)]))
            seen = seen.replace("|", "\\|").replace("\n", " ")
            yield f"| `{fault.name}` | {fault.what} | {client} | {line['times']} | {outcome} | {seen} |"


def _seen(line: Mapping[str, Any]) -> str:
    """Return what a line saw, as words."""
    seen = dict(line["seen"])
    if not seen:
        return ""
    words = [f"{seen.pop('records'):,} records"]
    if missed := seen.pop("missed", 0):
        words.append(f"{missed:,} offsets missed")
    if seen.get("alerts"):
        told = ", ".join(f"{seen[name]} {name}" for name in ("delivered", "superseded", "repeated") if seen[name])
        words.append(f"{seen['alerts']} changes of alerts: {told}")
    known = {"rows", "filtered", "late_rows", "rejects", "alerts", "delivered", "superseded", "repeated"}
    words += [f"{name}: {value:,}" for name, value in seen.items() if name not in known]
    return ", ".join([*words, f"{line['rss_mb']} MB"])


def _exception(words: str, line: Mapping[str, Any]) -> str:
    return f"*exception*: {words}" if words and line["outcome"] == "held" else ""


def _soak(soak: Mapping[str, Any]) -> Iterator[str]:
    """Return what came of the long run."""
    done = ", ".join(f"{name} {n} times" for name, n in sorted(soak["faults"].items()))
    yield f"- {soak['minutes']:g} minutes, {soak['records_per_s']:,} records a second, client {soak['client']}"
    yield f"- faults: {sum(soak['faults'].values())} in all ({done})"
    yield f"- outcome: **{soak['outcome']}**{'; ' + soak['reason'] if 'reason' in soak else ''}"
    if "afterwards" in soak:
        yield f"- afterwards: {soak['afterwards']}"
    if "seen" in soak:
        seen = soak["seen"]
        yield f"- {seen['records']:,} records, {seen['rejects']:,} of them rejects, {seen['late_rows']:,} late rows"
        yield (
            f"- {seen['alerts']:,} changes of alerts: {seen['delivered']:,} delivered, "
            f"{seen['superseded']:,} superseded, {seen['repeated']:,} repeated"
        )
    yield f"- memory: at most {soak['rss_most_mb']:g} MB resident"
    yield (
        f"- run on {soak['run']}; others used the two cores as well (load average {soak['load_after']:g} at the end), "
        "so the delays and the catching up are those of a machine that is overloaded"
    )
    yield ""
    for name, label in _PLOTS.values():
        yield f"![Soak: {label} against minutes](images/reliability/{name}.svg)"
        yield ""


def _machine(machine: Mapping[str, Any]) -> str:
    rest = dict(machine)
    where = f"{rest.pop('processor')}, {rest.pop('cores')} cores, {rest.pop('system')}"
    return f"*{where}. {', '.join(f'{name} {version}' for name, version in rest.items())}.*"


if __name__ == "__main__":
    main()
