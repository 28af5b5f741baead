"""Whoever is paged: hangs, fails, is busy, is slow, or speaks another TLS than it should."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.suite.fault import Fault, register
from tests.faults.suite.scene import Scene
from tests.support.receiver import Behaviour, Reply, always

_SLOW_S = 0.7
"""Less than the sink's time-out of 1 s."""


def failing(behave: Behaviour, least_s: float = 12.0, most_s: float = 16.0) -> Callable[[Scene], None]:
    """Return what lets the receiver behave so for a while, in which alerts fire."""

    def disturb(scene: Scene) -> None:
        well = scene.receiver.behave
        scene.receiver.behave = behave
        scene.wait(least_s, most_s)
        scene.receiver.behave = well
        scene.until_reading(200)

    return disturb


def slow(_request: object) -> Reply:
    """Answer late."""
    time.sleep(_SLOW_S)
    return Reply()


HANGS: Behaviour = lambda _: Reply(hang=True)  # noqa: E731 - a value like `always(…)`

register(Fault("sink-500", "the webhook answers 500 for 12 to 16 s", failing(always(500)), repeats=2))
register(Fault("sink-429", "the webhook answers 429, Retry-After: 3", failing(always(429, Retry_After="3")), repeats=2))
register(Fault("sink-hangs", "the webhook accepts and never answers", failing(HANGS), repeats=2))
register(Fault("sink-slow", "the webhook takes 0.7 s for each answer", failing(slow), repeats=2))


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """Return a new certificate for the loopback, signed by itself, and its key."""
    made, key = directory / f"{name}.pem", directory / f"{name}.key"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def by_tls(scene: Scene) -> None:
    """Let the receiver speak TLS with a certificate that the sink trusts, and have another one at hand."""
    for name in ("good", "strange"):
        certificate(scene.directory, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scene.directory / "good.pem", scene.directory / "good.key")
    scene.receiver.speak_tls(context)
    url = f"{scene.receiver.url.replace('http:', 'https:')}/page"
    pager = {"kind": "webhook", "name": "pager", "url": url, "timeout": "1s"}
    scene.change(sinks=[{"kind": "log"}, pager | {"ca_file": str(scene.directory / "good.pem")}])
    scene.tls = context


def strange(scene: Scene) -> None:
    """Show a certificate that nobody trusts for a while, by which nothing may be told."""
    scene.until_reading(200)
    for name, last_s in (("strange", 14.0), ("good", 0.0)):
        scene.tls.load_cert_chain(scene.directory / f"{name}.pem", scene.directory / f"{name}.key")
        scene.receiver.hang_up()
        told = len(scene.receiver.requests)
        scene.wait(last_s)
        assert name == "good" or len(scene.receiver.requests) <= told + 1, "told to a stranger"
    scene.until_reading(200)


register(
    Fault(
        "sink-tls",
        "the webhook shows a certificate that is not trusted, for 14 s",
        strange,
        repeats=2,
        prepare=by_tls,
    )
)
