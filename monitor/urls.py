"""URLs that somebody configured."""

from __future__ import annotations

import httpx


def check_url(value: str) -> str:
    """Return an http(s) URL with a host and without credentials; raises ValueError, never quoting the value."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValueError("not a URL") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("not an http:// or https:// URL with a host")
    if url.userinfo:
        raise ValueError("credentials do not belong in a URL, which is logged; use the settings for them")
    return value
