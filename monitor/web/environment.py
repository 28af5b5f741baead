"""Where every page is rendered: everything escaped, nothing undefined, values as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.types import Level
from monitor.web import text
from monitor.web.console_model import field_url
from monitor.web.model_page import interval

# Shape and word as well as colour, so that no one needs to tell red from green at night.
_GLYPHS: Final = {Level.OK: "✓", Level.WARNING: "▲", Level.CRITICAL: "◆", Level.UNKNOWN: "?"}
_TEMPLATES = Path(__file__).parent / "templates"


def environment(*folders: Path) -> Environment:
    """Return an environment for the templates in these folders and, after them, the console's."""
    made = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        shown=text.shown,
        number=text.number,
        percent=text.percent,
        duration=text.duration,
        points=text.points,
        clock=text.clock,
        word=lambda level: "none" if level is None else level.name.lower(),
        glyph=lambda level: "·" if level is None else _GLYPHS[level],
    )
    made.globals.update(field_url=field_url, interval=interval, web_link=web_link)
    return made


def web_link(url: str) -> str | None:
    """Return an address from an annotation when it may be linked to; None for `javascript:` and its like."""
    return url if url.startswith(("https://", "http://")) and len(url) < 2_000 else None
