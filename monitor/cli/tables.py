"""Tables on stdout: as wide as the terminal, or as they need where nobody looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.printable import printable

_WIDE = 200
_CELL_CHARS = 300


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; texts are folded, never interpreted."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell, _CELL_CHARS)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(_WIDE, console.width))
    console.print(table)
