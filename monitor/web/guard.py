"""What stands before every page: who may read it, with which methods, and what the browser is told to allow."""

from __future__ import annotations

import base64
import binascii
import hmac
import re

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Probes come from the kubelet, which has no token, and say nothing about the data.
OPEN_PATHS = frozenset({"/livez", "/healthz", "/readyz"})

# Which paths take which methods besides GET and HEAD; only with the token, and only as a bearer's.
_WRITES = (
    (re.compile(r"/-/reload"), "POST"),
    (re.compile(r"/api/v1/silences"), "POST"),
    (re.compile(r"/api/v1/silences/[^/]+"), "DELETE"),
)

_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware: who may ask for what, and security headers on every answer.

    GET and HEAD need the token where one is set. What changes something needs a token that is set, and sent as a
    bearer's: no page of another site can make a browser send that, as it can a password that the browser remembers.
    """

    def __init__(self, app: ASGIApp, *, token: SecretStr | None) -> None:
        """Guard `app`; None asks for no token, and allows nothing to be changed."""
        self._app = app
        self._token = token.get_secret_value().encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request itself where it is refused, else pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Return why the request is refused, None when it is not."""
        if scope["method"] in {"GET", "HEAD"}:
            return None if self._admits(scope) else _unauthorized()
        allowed = ("GET", "HEAD", *written(scope["path"]))
        if scope["method"] not in allowed:
            listed = ", ".join(allowed)
            return _refused(405, "method not allowed", f"use {listed}", {"Allow": listed})
        if self._token is None:
            return _refused(403, "without a token nothing can be changed", "set http.token in the configuration")
        headers = Headers(scope=scope)
        authorization = headers.get("authorization", "")
        if not authorization.lower().startswith("bearer ") or not self._knows(authorization):
            return _unauthorized(writing=True)
        # No browser of ours writes, so a page of any site that does is not ours either.
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return _refused(403, "the request comes from another site", "send it with `driftline silence` or curl")
        return None

    def _admits(self, scope: Scope) -> bool:
        """Whether the request may be answered; tokens are compared in constant time."""
        if self._token is None or scope["path"] in OPEN_PATHS:
            return True
        return self._knows(Headers(scope=scope).get("authorization", ""))

    def _knows(self, authorization: str) -> bool:
        return self._token is not None and hmac.compare_digest(credential(authorization), self._token)


def written(path: str) -> tuple[str, ...]:
    """Return the methods that a path takes besides GET and HEAD."""
    return tuple(method for pattern, method in _WRITES if pattern.fullmatch(path))


def _refused(status: int, error: str, remedy: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": error, "remedy": remedy}, status, headers)


def _unauthorized(*, writing: bool = False) -> JSONResponse:
    """Return 401; to whoever would read, also that a browser may ask its user for the token."""
    refusal = _refused(401, "unauthorized", "send `Authorization: Bearer <http.token>`")
    refusal.headers.append("WWW-Authenticate", 'Bearer realm="driftline"')
    if not writing:
        refusal.headers.append("WWW-Authenticate", 'Basic realm="driftline"')
    return refusal


def credential(authorization: str) -> bytes:
    """Return the token of a Bearer header or the password of a Basic one; nothing where there is none."""
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip().encode("latin-1", "replace")
        case "basic":
            try:
                return base64.b64decode(value, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return b""
        case _:
            return b""
