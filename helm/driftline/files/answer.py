"""Asks the Service what `helm test` wants to know: `answer.py URL SECONDS`; fails with what was wrong."""

from __future__ import annotations

import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from monitor.config.loader import load

_PAUSE_S = 2.0


def asked(url: str, token: str | None) -> tuple[int, str]:
    """Return status and text of an answer; 0 and the reason where there is none."""
    # The certificate is for whoever scrapes; this asks whether somebody answers.
    context = ssl._create_unverified_context()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


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
            sys.stdout.write(f"{path}: {status} {text[:500]}\n")
            return 1
        sys.stdout.write(f"{path}: ok\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
