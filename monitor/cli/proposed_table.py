"""What `init` proposed, as a short table on stdout."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.config.tree import Config
from monitor.proposing.draft import Draft
from monitor.proposing.scalars import shown

_NARROWEST = 100


def print_table(draft: Draft, config: Config) -> None:
    """Print one row for each configured field: type, contract and detectors."""
    table = Table(box=None, pad_edge=False)
    for heading in ("field", "type", "contract", "drift"):
        table.add_column(heading, overflow="fold")
    for proposal in draft.watched:
        field = config.fields[proposal.path]
        contract = [s.key if s.key != "nullable" else "not null" for s in proposal.settings if s.active]
        detectors = ", ".join(detector.kind for detector in config.detectors_for(proposal.path))
        cells = (shown(proposal.path), field.type, ", ".join(contract) or "-", detectors or "-")
        table.add_row(*(Text(shown(cell, 120)) for cell in cells))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(_NARROWEST, console.width))
    console.print(table)
