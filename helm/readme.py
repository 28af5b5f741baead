"""Makes the chart's README.md: what is written by hand, and a table of all values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from helm.values import Value

_LONGEST = 60


def readme_text(head: str, values: Sequence[Value]) -> str:
    """Return the README: `head`, then the values with their defaults in the order of values.yaml."""
    lines = [head.rstrip("\n"), "", "## Values", "", "| value | default | what it is |", "|---|---|---|"]
    lines += [f"| `{value.name}` | {_default(value.default)} | {_cell(value.text)} |" for value in values]
    return "\n".join(lines) + "\n"


def _default(default: Any) -> str:
    text = json.dumps(default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
