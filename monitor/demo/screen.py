"""The live table in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.demo.journal import Journal
from monitor.snapshot import Snapshot
from monitor.types import Level

_STYLES = {Level.UNKNOWN: "dim", Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}
_EVENTS = {"fault": "magenta", "healed": "cyan", "firing": "bold red", "resolved": "green"}
_SHOWN = 10


def render(snapshot: Snapshot, journal: Journal, elapsed_s: float, url: str) -> Group:
    """Return the whole screen for one instant."""
    records = sum(view.records for view in snapshot.partitions)
    rejects = sum(snapshot.rejects.values())
    rate = sum(snapshot.records_per_second.values())
    lag = sum(view.lag_records or 0 for view in snapshot.partitions)
    head = Text.assemble(
        ("Driftline demo", "bold"),
        f"   {elapsed_s:4.0f} s   {records} records   {rate:.0f}/s   lag {lag}   {rejects} rejects   "
        f"{snapshot.windows_total} windows judged\n",
        ("Kafka topic → statistics every 2 s → compared with a baseline of good days → alerts. ", "dim"),
        (f"Console {url}  metrics {url}/metrics", "dim"),
    )
    return Group(Panel(head), _fields(snapshot), _events(journal))


def _fields(snapshot: Snapshot) -> Table:
    """Return a row for each field: what it looks like and what its detectors say."""
    table = Table(title="Last window", expand=True)
    for name, justify in (("field", "left"), ("missing", "right"), ("mean", "right"), ("PSI", "right"),
                          ("KS", "right"), ("missing shift", "right"), ("level", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    verdicts = {(v.field, v.detector): v for v in snapshot.verdicts if not v.segment}
    for view in snapshot.fields:
        if view.segment:
            continue
        own = [verdicts[view.field, d] for d in ("psi", "ks", "missing") if (view.field, d) in verdicts]
        worst = max((v.level for v in own), default=Level.UNKNOWN)
        scores = {v.detector: v for v in own}
        table.add_row(
            view.field,
            "-" if view.missing_ratio is None else f"{view.missing_ratio:.1%}",
            "-" if view.mean is None else f"{view.mean:,.2f}",
            *(_score(scores.get(d)) for d in ("psi", "ks", "missing")),
            Text(worst.name.lower(), style=_STYLES[worst]),
        )
    return table


def _score(verdict: object) -> Text:
    """Return a score, coloured by its level."""
    score, level = getattr(verdict, "score", None), getattr(verdict, "level", Level.UNKNOWN)
    return Text("-" if score is None else f"{score:.3f}", style=_STYLES[level])


def _events(journal: Journal) -> Panel:
    """Return what happened last."""
    text = Text()
    for at_s, kind, line in journal.lines[-_SHOWN:]:
        text.append(f"{at_s:5.1f} s  {line}\n", style=_EVENTS[kind])
    return Panel(text or Text("all quiet; a fault comes after a few seconds", style="dim"), title="What happened")
