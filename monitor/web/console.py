"""The console's pages as HTML: escaped, without anything external, readable without scripts."""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.responses import HTMLResponse

from monitor.snapshot import Snapshot
from monitor.web import text
from monitor.web.console_model import field_page, firing, overview
from monitor.web.environment import environment
from monitor.web.model_page import model_page

REFRESH_S: Final = 10


class Console:
    """Renders the pages of one monitor."""

    def __init__(self) -> None:
        """Load the templates."""
        self._environment = environment()

    def overview(self, s: Snapshot, *, alive: bool, show_all: bool = False) -> HTMLResponse:
        """Return the first page."""
        page = overview(s, alive=alive, show_all=show_all)
        return self._page(
            "overview.html", s, alive=alive, page=page, show_all=show_all, model=model_page(s, show_all=False)
        )

    def field(self, s: Snapshot, field: str, segment: str, *, alive: bool) -> HTMLResponse:
        """Return the page of a field; 404 with what there is when nothing is known of it."""
        page = field_page(s, field, segment)
        if page is None:
            return self.missing(s, f"Nothing is known of the field {text.shown(field)}", alive=alive)
        return self._page("field.html", s, alive=alive, page=page)

    def model(self, s: Snapshot, *, alive: bool, show_all: bool = False) -> HTMLResponse:
        """Return the page of the model; 404 where the monitor has none."""
        page = model_page(s, show_all=show_all)
        if page is None:
            return self.missing(s, "This monitor watches no model", alive=alive)
        alerts = tuple(a for a in firing(s.alerts) if a.labels.get("rule", "").startswith("model."))
        return self._page("model.html", s, alive=alive, page=page, alerts=alerts, show_all=show_all)

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
