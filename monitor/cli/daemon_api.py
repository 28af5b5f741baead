"""The running daemon as commands ask it: by HTTP, with its token."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import typer

from monitor.config.loader import load
from monitor.errors import SurroundingsError
from monitor.printable import printable
from monitor.urls import check_url
from monitor.web.settings import HttpSpec

DEFAULT_URL: Final = "http://127.0.0.1:9108"
_TIMEOUT_S: Final = 15.0
_TOKEN = "DRIFTLINE_TOKEN"  # noqa: S105 - the name of a variable
_USAGE: Final = frozenset({400, 404, 409, 413, 415})


class NoDaemonError(SurroundingsError):
    """No daemon answers."""


@dataclass(frozen=True)
class DaemonApi:
    """Where the daemon answers and the token to send, None for none."""

    url: str
    token: str | None

    def get(self, path: str) -> Any:
        """Return the document at a path; raises SurroundingsError."""
        return self._ask("GET", path)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """Send a document and return the answer; raises SurroundingsError, or BadParameter when it is refused."""
        return self._ask("POST", path, document)

    def delete(self, path: str) -> Any:
        """Delete what is at a path and return the answer; raises as `post` does."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Any:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            answer = httpx.request(method, f"{self.url}{path}", json=document, headers=headers, timeout=_TIMEOUT_S)
        except httpx.HTTPError as error:
            remedy = "start it, or say with --url where it is"
            raise NoDaemonError(f"no daemon answers at {self.url} ({type(error).__name__}); {remedy}") from error
        try:
            found = answer.json()
        except ValueError as error:
            raise SurroundingsError(f"{self.url} is no Driftline: it answered {answer.status_code}") from error
        if answer.is_success:
            return found
        raise self._refusal(answer.status_code, found)

    def _refusal(self, status: int, found: Any) -> Exception:
        """Return what an answer that is no success means."""
        said = found if isinstance(found, dict) else {}
        text = f"{printable(str(said.get('error', status)), 300)}; {printable(str(said.get('remedy', '')), 300)}"
        if status == httpx.codes.UNAUTHORIZED:
            text = f"the token is not the daemon's; name its configuration with -c, or set {_TOKEN}"
        if status not in _USAGE:
            return SurroundingsError(f"the daemon at {self.url} refused: {text}")
        problems = [
            f"{printable(str(each.get('path', '')), 100) or 'silence'}: {printable(str(each.get('message', '')), 300)}"
            for each in said.get("problems", ())
        ]
        return typer.BadParameter("\n".join(problems) or text)


def daemon_api(config: Path | None, url: str | None) -> DaemonApi:
    """Return the daemon of a configuration, or at a URL; raises ConfigError, or BadParameter for a bad URL.

    Without either it is the one on this machine's default address. The token of the environment is preferred.
    """
    spec = load(config).http if config is not None else None
    if url is not None:
        try:
            check_url(url)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--url") from error
    token = os.environ.get(_TOKEN)
    if token is None and spec is not None and spec.token is not None:
        token = spec.token.get_secret_value()
    where = url or (DEFAULT_URL if spec is None else local_url(spec))
    return DaemonApi(where.rstrip("/"), token)


def local_url(spec: HttpSpec) -> str:
    """Return where this machine reaches a daemon that listens as configured."""
    host, port = spec.local_address
    return f"{'https' if spec.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
