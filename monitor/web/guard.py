"""What stands before every page: who may read it, with which methods, and what the browser is told to allow."""

from __future__ import annotations

import base64
import binascii
import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Probes come from the kubelet, which has no token, and say nothing about the data.
OPEN_PATHS = frozenset({"/livez", "/healthz", "/readyz"})

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
    """ASGI middleware: GET and HEAD only, the token where one is set, security headers on every answer."""

    def __init__(self, app: ASGIApp, *, token: SecretStr | None) -> None:
        """Guard `app`; None asks for no token."""
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

        if scope["method"] not in {"GET", "HEAD"}:
            body = {"error": "method not allowed", "remedy": "use GET or HEAD"}
            await JSONResponse(body, 405, {"Allow": "GET, HEAD"})(scope, receive, send_guarded)
        elif not self._admits(scope):
            body = {"error": "unauthorized", "remedy": "send `Authorization: Bearer <http.token>`"}
            refusal = JSONResponse(body, 401)
            # Basic as well: it is what a browser can ask its user for.
            refusal.headers.append("WWW-Authenticate", 'Bearer realm="driftline"')
            refusal.headers.append("WWW-Authenticate", 'Basic realm="driftline"')
            await refusal(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _admits(self, scope: Scope) -> bool:
        """Whether the request may be answered; tokens are compared in constant time."""
        if self._token is None or scope["path"] in OPEN_PATHS:
            return True
        return hmac.compare_digest(credential(Headers(scope=scope).get("authorization", "")), self._token)


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
