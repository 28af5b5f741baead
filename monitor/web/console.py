"""The console's pages as HTML: escaped, without anything external, readable without scripts."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from monitor.snapshot import Snapshot
from monitor.types import Level
from monitor.web import text
from monitor.web.console_model import field_page, field_url, overview

REFRESH_S: Final = 10
# Shape and word as well as colour, so that no one needs to tell red from green at night.
_GLYPHS: Final = {Level.OK: "✓", Level.WARNING: "▲", Level.CRITICAL: "◆", Level.UNKNOWN: "?"}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=text.shown,
        number=text.number,
        percent=text.percent,
        duration=text.duration,
        points=text.points,
        clock=text.clock,
        word=lambda level: "none" if level is None else level.name.lower(),
        glyph=lambda level: "·" if level is None else _GLYPHS[level],
    )
    environment.globals.update(field_url=field_url, web_link=web_link)
    return environment


def web_link(url: str) -> str | None:
    """Return an address from an annotation when it may be linked to; None for `javascript:` and its like."""
    return url if url.startswith(("https://", "http://")) and len(url) < 2_000 else None


class Console:
    """Renders the pages of one monitor."""

    def __init__(self) -> None:
        """Load the templates."""
        self._environment = _environment()

    def overview(self, s: Snapshot, *, alive: bool, show_all: bool = False) -> HTMLResponse:
        """Return the first page."""
        page = overview(s, alive=alive, show_all=show_all)
        return self._page("overview.html", s, alive=alive, page=page, show_all=show_all)

    def field(self, s: Snapshot, field: str, segment: str, *, alive: bool) -> HTMLResponse:
        """Return the page of a field; 404 with what there is when nothing is known of it."""
        page = field_page(s, field, segment)
        if page is None:
            return self.missing(s, f"Nothing is known of the field {text.shown(field)}", alive=alive)
        return self._page("field.html", s, alive=alive, page=page)

    def missing(self, s: Snapshot, what: str, *, alive: bool) -> HTMLResponse:
        """Return a page that says what was not found."""
        return self._page("missing.html", s, status=404, alive=alive, what=what)

    def _page(self, template: str, s: Snapshot, *, status: int = 200, **values: Any) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        html = self._environment.get_template(template).render(s=s, nonce=nonce, refresh_s=REFRESH_S, **values)
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        body = html.encode("utf-8", "replace")
        return HTMLResponse(body, status, {"content-security-policy": policy})
