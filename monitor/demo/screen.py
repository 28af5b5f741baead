"""What the terminal shows: a live table, and the words after it."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.demo.journal import EventKind, Journal
from monitor.snapshot import FieldView, Snapshot, VerdictView
from monitor.types import Level

_STYLES = {Level.UNKNOWN: "dim", Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}
_EVENTS: Mapping[EventKind, str] = {
    "fault": "magenta",
    "healed": "cyan",
    "firing": "bold red",
    "resolved": "green",
}
_DETECTORS = ("psi", "ks", "missing")
_COLUMNS = (
    ("field", "left", 12),
    ("mean", "right", 9),
    ("usually", "right", 8),
    ("missing", "right", 8),
    ("usually", "right", 8),
    ("PSI", "right", 6),
    ("KS", "right", 6),
    ("level", "left", 9),
)
_FIXED_ROWS = 17  # header 4, table 8, explanation 2, frame of the events 2, cursor 1

_EXPLANATION = (
    "PSI and KS say how far the values have moved from the baseline: 0 is not at all,\n"
    "a PSI above {psi:g} or a KS above {ks:g}, sampling noise taken off, is critical."
)


def farewell(journal: Journal, records: int, rejects: int) -> str:
    """Return what happened in a sentence, and where to go from here."""
    return (
        f"{journal.fired} alerts fired and {journal.resolved} resolved. Of {records:,} records {rejects} were no JSON "
        "and went\nto a dead-letter topic. To watch a topic of your own, see docs/tutorial.md."
    )


def render(
    snapshot: Snapshot, usual: Mapping[str, FieldView], journal: Journal, told: str, head: str, height: int
) -> Group:
    """Return the whole screen for one instant; `usual` is the baseline, `told` the story's present sentence."""
    thresholds = {name: snapshot.thresholds.get(("amount", name, "critical"), 0.0) for name in ("psi", "ks")}
    return Group(
        Panel(
            Text.assemble((told, "bold"), "\n", (head, "dim"), no_wrap=True, overflow="ellipsis"),
            title="Driftline demo",
            title_align="left",
        ),
        _fields(snapshot, usual),
        Text(_EXPLANATION.format(**thresholds), style="dim", no_wrap=True, overflow="ellipsis"),
        _events(journal, max(3, height - _FIXED_ROWS)),
    )


def head(snapshot: Snapshot, url: str) -> str:
    """Return the counts and where to look."""
    records = sum(view.records for view in snapshot.partitions)
    rejects = sum(snapshot.rejects.values())
    return f"{records:,} records, {rejects} no JSON · windows of 2 s: {snapshot.windows_total} · {url}"


def _fields(snapshot: Snapshot, usual: Mapping[str, FieldView]) -> RenderableType:
    """Return a row for each field: what it looks like, what it usually does, and what its detectors say."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, justify, width in _COLUMNS:
        table.add_column(name, justify=justify, width=width, no_wrap=True)  # type: ignore[arg-type]
    verdicts = {(v.field, v.detector): v for v in snapshot.verdicts if not v.segment}
    now = {view.field: view for view in snapshot.fields if not view.segment}
    for path, before in usual.items():
        scores = {name: verdicts[path, name] for name in _DETECTORS if (path, name) in verdicts}
        worst = max((verdict.level for verdict in scores.values()), default=Level.UNKNOWN)
        view = now.get(path)
        table.add_row(
            path,
            *(_mean(view), _mean(before), _share(view), _share(before)),
            *(_score(scores.get(name)) for name in ("psi", "ks")),
            Text("waiting" if view is None else worst.name.lower(), style=_STYLES[worst]),
        )
    return table


def _mean(view: FieldView | None) -> str:
    return "-" if view is None or view.mean is None else f"{view.mean:,.2f}"


def _share(view: FieldView | None) -> str:
    return "-" if view is None or view.missing_ratio is None else f"{view.missing_ratio:.1%}"


def _score(verdict: VerdictView | None) -> Text:
    """Return a score, coloured by its level."""
    if verdict is None or verdict.score is None:
        return Text("-", style="dim")
    return Text(f"{verdict.score:.3f}", style=_STYLES[verdict.level])


def _events(journal: Journal, shown: int) -> Panel:
    """Return what happened last."""
    text = Text("\n", no_wrap=True, overflow="ellipsis").join(
        Text(event.line, style=_EVENTS[event.kind]) for event in journal.events[-shown:]
    )
    return Panel(text or Text("nothing yet", style="dim"), title="What happened", title_align="left")
