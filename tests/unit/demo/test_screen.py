from __future__ import annotations

import io

import pytest
from rich.console import Console

from monitor.demo.journal import Journal
from monitor.demo.screen import farewell, head, render
from monitor.snapshot import FieldView, Snapshot, VerdictView
from monitor.types import Alert, Level

USUAL = {
    path: FieldView(path, "", 20_000, 0.002, 0.0, mean=36.96) for path in ("amount", "country", "method", "a", "b")
}
THRESHOLDS = {("amount", "psi", "critical"): 0.25, ("amount", "ks", "critical"): 0.2}


def snapshot(**changes: object) -> Snapshot:
    return Snapshot("demo", "0", "0", 0, thresholds=THRESHOLDS, **changes)  # type: ignore[arg-type]


def shown(shot: Snapshot, journal: Journal, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(render(shot, USUAL, journal, "All is well.", head(shot, "http://127.0.0.1:9108"), height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def busy() -> Journal:
    journal = Journal()
    for i in range(20):
        alerts = (Alert("firing", str(i), "critical", 0, annotations={"summary": "x" * 100}),)
        journal.see(float(i), snapshot(alerts=alerts), faulty=False)
    return journal


def test_before_the_first_window_every_field_waits():
    lines = shown(snapshot(), Journal())
    assert sum("waiting" in line for line in lines) == len(USUAL)
    assert any("36.96" in line for line in lines)


def test_a_window_is_shown_beside_what_is_usual():
    fields = (FieldView("amount", "", 2000, 0.0, 0.0, mean=1482.8), FieldView("amount", "country=DE", 9, 1.0, 0.0))
    verdicts = (
        VerdictView("amount", "", "psi", Level.CRITICAL, "", 0.777, 0.7, 0.0, 0.0, 1, 1),
        VerdictView("amount", "", "ks", Level.WARNING, "", 0.402, 0.3, 0.0, 0.0, 1, 1),
    )
    [row] = [line for line in shown(snapshot(fields=fields, verdicts=verdicts), Journal()) if line.startswith("amount")]
    assert row.split() == ["amount", "1,482.80", "36.96", "0.0%", "0.2%", "0.777", "0.402", "critical"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (100, 30)])
def test_it_fits_the_terminal_and_shows_what_happened_last(width, height):
    lines = shown(snapshot(), busy(), width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert " 19 s" in lines[-2]


def test_the_end_says_what_was_seen_and_where_to_go():
    assert farewell(busy(), 30_000, 30).startswith("20 alerts fired and 19 resolved. Of 30,000 records 30 were no JSON")
