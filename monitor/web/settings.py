"""What can be configured about the HTTP server."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.spec import Spec

_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:/\s]*):(?P<port>\d{1,5})")


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[ipv6]:port` or `:port` (every address).

    Raises ValueError for anything else, with what is allowed.
    """
    match = _LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) > 65_535:
        raise ValueError("not an address to listen on; write host:port such as 127.0.0.1:9108 or [::1]:9108")
    host = match["host"]
    if host.startswith("["):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    return host or "0.0.0.0", int(match["port"])  # noqa: S104 - no host is how an operator says every address


def _checked(listen: str) -> str:
    split_listen(listen)
    return listen


class TlsSpec(Spec):
    """The certificate the server shows; both files are PEM and read at start."""

    cert_file: str = Field(min_length=1, description="Certificate chain, PEM.")
    key_file: str = Field(min_length=1, description="Private key, PEM.")


class HttpSpec(Spec):
    """The HTTP server: where it listens, who may read it, what it shows."""

    listen: Annotated[str, AfterValidator(_checked)] = Field(
        "0.0.0.0:9108", description="Address and port; port 0 takes a free one."
    )
    token: SecretStr | None = Field(
        None, description="Needed for everything but /livez, /healthz and /readyz; bearer, or the password of basic."
    )
    tls: TlsSpec | None = Field(None, description="Serve HTTPS with this certificate.")
    reload: bool = Field(False, description="Serve POST /-/reload, which needs the token; SIGHUP does the same.")
    console: bool = Field(True, description="Serve the console at /.")

    @model_validator(mode="after")
    def _reload_has_a_token(self) -> Self:
        if self.reload and self.token is None:
            raise ValueError("reload is for those who know the token, and there is none; set http.token, or use SIGHUP")
        return self

    @model_validator(mode="after")
    def _token_is_a_secret(self) -> Self:
        if self.token is not None:
            text = self.token.get_secret_value()
            if len(text) < 8 or text != text.strip() or not text.isprintable():
                raise ValueError("token is no secret; use at least 8 printable characters without blanks around them")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_listen(self.listen)

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port at which this machine reaches it: where it listens on every address, its own."""
        host, port = self.address
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - compared, not listened on
