"""Asks a daemon's probes over HTTP.

A container runtime does this every few seconds for ever, so of the configuration only what says where the daemon is
listening is looked at, and nothing is imported that is slow.
"""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from monitor.config.document import read_document
from monitor.config.files import read_text
from monitor.errors import ConfigError, Problem
from monitor.web.settings import HttpSpec

_SAID_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Address:
    """Where a daemon answers; `verified` when its certificate must be good for that host."""

    host: str
    port: int
    tls: bool = False
    verified: bool = True


def address_of(url: str) -> Address:
    """Return the address in `http://host:port` or `https://host:port`; raises BadParameter for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if parts.path.strip("/") or parts.query or parts.username is not None or parts.scheme not in ("http", "https"):
            host = None
    if not host:
        raise typer.BadParameter("--url is not like http://host:9108, without path and password")
    tls = parts.scheme == "https"
    return Address(host, port or (443 if tls else 80), tls)


def configured_address(file: Path, env: Mapping[str, str] | None = None) -> Address:
    """Return where the daemon with this configuration answers on this machine; nothing but `http` is looked at.

    The certificate is not verified: the daemon asks itself, and the name in it is for others. Raises ConfigError for a
    file that cannot be read, for an `http` section with mistakes and for a port that only the daemon knows.
    """
    document = read_document(read_text(file), os.environ if env is None else env)
    section = document.value.get("http", {}) if isinstance(document.value, dict) else None
    try:
        spec = HttpSpec.model_validate(section)
    except ValidationError as error:
        problem = Problem("http", "is not valid", remedy="`driftline check` says what is wrong with it")
        raise ConfigError([problem], file=str(file)) from error
    host, port = spec.local_address
    if port == 0:
        problem = Problem("http.listen", "port 0 is known to the daemon alone", remedy="name a port, or ask with --url")
        raise ConfigError([problem], file=str(file))
    return Address(host, port, spec.tls is not None, verified=False)


def probe(address: Address, path: str, timeout_s: float) -> tuple[bool, str]:
    """Return whether the daemon answered 200, and what it said, or why there was no answer.

    No proxy is asked, whatever the environment says.
    """
    connection = _connection(address, timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read(_SAID_CHARACTERS).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"driftline: no answer from {address.host}:{address.port}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    return answer.status == http.HTTPStatus.OK, said


def _connection(address: Address, timeout_s: float) -> http.client.HTTPConnection:
    if not address.tls:
        return http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    context = ssl.create_default_context()
    if not address.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(address.host, address.port, timeout=timeout_s, context=context)
