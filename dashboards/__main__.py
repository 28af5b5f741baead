"""Writes every dashboard as classic JSON; a test compares the committed files with what is written."""

from __future__ import annotations

from pathlib import Path

from dashboards.rendering import DASHBOARDS, render

if __name__ == "__main__":
    for name in DASHBOARDS:
        Path(__file__).with_name(f"{name}.json").write_text(render(name))
