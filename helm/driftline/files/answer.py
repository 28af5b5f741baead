"""Asks the Service what `helm test` wants to know: `answer.py URL SECONDS`; fails with what was wrong."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import httpx

from monitor.config.loader import load

_PAUSE_S = 2.0
_TIMEOUT_S = 10.0
_SHOWN = 500


def asked(url: str, token: str | None) -> tuple[int, str]:
    """Return status and text of an answer; 0 and the reason where there is none."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # Whether somebody answers is asked here; the certificate is for whoever scrapes, and may name another host.
        answer = httpx.get(url, headers=headers, timeout=_TIMEOUT_S, verify=False)  # noqa: S501
    except httpx.HTTPError as error:
        return 0, f"{type(error).__name__} {error}"
    return answer.status_code, answer.text


def main(base: str, wait_s: float, config: Path = Path("/etc/driftline/driftline.yaml")) -> int:
    """Return 0 when the daemon lives, becomes ready in time, and has metrics of the configured monitor."""
    loaded = load(config)
    token = loaded.http.token.get_secret_value() if loaded.http.token is not None else None
    until_s = time.monotonic() + wait_s
    for path, wanted in (("/livez", "ok"), ("/readyz", "ok"), ("/metrics", f'monitor="{loaded.name}"')):
        status, text = asked(base + path, token)
        while (status != 200 or wanted not in text) and time.monotonic() < until_s:
            time.sleep(_PAUSE_S)
            status, text = asked(base + path, token)
        if status != 200 or wanted not in text:
            sys.stdout.write(f"{path}: {status} {text[:_SHOWN]}\n")
            return 1
        sys.stdout.write(f"{path}: ok\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
