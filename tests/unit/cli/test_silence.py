"""`driftline silence` and `driftline alerts`: against a served API, and against a store where nobody answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.alerting import AlertBook, Signal
from monitor.alerting.matching import parse_matchers
from monitor.alerting.silence import Silence
from monitor.checkpoint import Checkpoint
from monitor.cli.daemon_api import local_url
from monitor.clock import SystemClock
from monitor.export.exposition import Exposition
from monitor.gating import Silencer
from monitor.store.outbox import Outbox, SinkRoute
from monitor.store.silences import Silences
from monitor.store.sqlite import Store
from monitor.types import Level
from monitor.web.app import create_app
from monitor.web.server import HttpServer
from monitor.web.settings import HttpSpec
from tests.support.command_line import answer, invoke
from tests.support.snapshots import bad_night

TOKEN = "a-token-for-tests"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRIFTLINE_URL", "DRIFTLINE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A served API over real silences, with a token."""
    spec = HttpSpec.model_validate({"listen": "127.0.0.1:0", "token": TOKEN})
    with closing(Silences(tmp_path / "state.sqlite")) as silences:
        silencer = Silencer(silences, SystemClock(), lambda: None)
        app = create_app(bad_night, alive=lambda: True, metrics=Exposition(), spec=spec, silencer=silencer)
        server = HttpServer(app, spec)
        server.start()
        yield server.url
        server.stop()


def said(*arguments: str | Path) -> str:
    """Return what a command says on stdout, without what the daemon of this process logs there."""
    lines = answer(*arguments).splitlines()
    return "\n".join(line for line in lines if "[warning" not in line)


def write(directory: Path, url: str, token: str = TOKEN) -> Path:
    file = directory / "driftline.yaml"
    file.write_text(f"""\
name: payments
source: {{kind: files, paths: [records.jsonl]}}
checks: [{{kind: volume, min_per_window: 1}}]
alerting: {{inhibition: true}}
sinks: [{{kind: log, name: text}}]
store: {{path: {directory / "store"}}}
http: {{listen: "{url.removeprefix("http://")}", token: {token}}}
""")
    return file


def test_a_silence_is_added_listed_and_expired(url: str, tmp_path: Path) -> None:
    config = write(tmp_path, url)
    silence_id = said(
        "silence", "add", "-c", config, "field=amount", "rule=~psi|ks", "--for", "2h", "--reason", "re load"
    ).strip()
    (listed,) = json.loads(said("silence", "list", "-c", config, "-o", "json"))
    assert (listed["id"], listed["state"], listed["reason"]) == (silence_id, "active", "re load")
    assert listed["ends_at_ms"] - listed["starts_at_ms"] == 7_200_000
    assert listed["author"], "whoever runs the command"
    table = said("silence", "list", "-c", config)
    assert all(word in table for word in (silence_id, "active", 'field="amount", rule=~"psi|ks"', "re load"))
    assert f"silence {silence_id} ended at" in said("silence", "expire", "-c", config, silence_id)
    assert said("silence", "list", "-c", config) == "no silence"
    assert silence_id in said("silence", "list", "-c", config, "--expired")


def test_the_daemon_and_the_token_may_be_named_by_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_URL", url)
    monkeypatch.setenv("DRIFTLINE_TOKEN", TOKEN)
    until = ("--until", "2999-01-01T00:00:00Z", "--reason", "x", "--author", "ada", "-o", "json")
    assert invoke("silence", "add", "field=amount", *until).exit_code == 2, "no longer than a year"
    made = json.loads(
        said("silence", "add", "field=amount", "--for", "1h", "--reason", "x", "--author", "ada", "-o", "json")
    )
    assert made["author"] == "ada"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("field=amount", "--reason", "x"), "must end"),
        (("field=amount", "--reason", "x", "--for", "1h", "--until", "2026-01-01T00:00:00Z"), "must end"),
        (("field", "rule=~[", "--reason", "x", "--for", "1h"), "matchers.0"),
        (("field", "rule=~[", "--reason", "x", "--for", "1h"), "matchers.1"),
        (("field=~.*", "--reason", "x", "--for", "1h"), "would match every alert"),
        (("field=amount", "--reason", "x", "--for", "soon"), "for: not a duration"),
    ],
)
def test_what_is_no_silence_is_a_mistake_of_usage(
    url: str, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = invoke("silence", "add", "-c", write(tmp_path, url), *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_a_token_that_is_wrong_or_missing_says_where_it_is_taken_from(url: str, tmp_path: Path) -> None:
    for arguments in (("-c", write(tmp_path, url, "another-token")), ("--url", url)):
        result = invoke("silence", "list", *arguments)
        assert result.exit_code == 69
        assert "DRIFTLINE_TOKEN" in result.output


def test_no_daemon_is_69_and_a_bad_address_2(tmp_path: Path) -> None:
    result = invoke("silence", "list", "--url", NOWHERE)
    assert result.exit_code == 69
    assert f"no daemon answers at {NOWHERE}" in result.output
    assert invoke("alerts", "--url", NOWHERE, "-c", write(tmp_path, NOWHERE)).exit_code == 69, "a URL was asked for"
    assert invoke("silence", "list", "--url", "ftp://x").exit_code == 2
    assert invoke("silence", "expire", "--url", NOWHERE).exit_code == 2


def test_an_unknown_silence_cannot_be_expired(url: str, tmp_path: Path) -> None:
    result = invoke("silence", "expire", "-c", write(tmp_path, url), "a?c")
    assert result.exit_code == 2
    assert "no silence a?c" in " ".join(result.output.split())


def test_alerts_are_shown_with_why_they_are_held(url: str, tmp_path: Path) -> None:
    config = write(tmp_path, url)
    table = answer("alerts", "-c", config)
    held = next(line for line in table.splitlines() if "merchant.mcc" in line)
    assert "warning" in held
    assert "silence until" in held
    assert any(line.startswith("pending") and "1 of 2 windows" in line for line in table.splitlines())
    found = json.loads(answer("alerts", "-c", config, "-o", "json"))
    assert found["source"] == "daemon"
    assert {alert["labels"]["field"] for alert in found["alerts"]} >= {"merchant.mcc", "amount"}


def test_without_a_daemon_the_store_says_what_it_knows(tmp_path: Path) -> None:
    config = write(tmp_path, NOWHERE)
    result = invoke("alerts", "-c", config)
    assert (result.exit_code, "there is no store" in result.output) == (69, True)

    book = AlertBook("payments")
    fired = book.step(0, 60_000, [Signal("psi", "amount", "", Level.WARNING, annotations={"summary": "moved"})])
    book.step(60_000, 120_000, [Signal("ks", "items", "", Level.WARNING, raise_after=3)])
    now_ms = SystemClock().now_ms()
    with closing(Store(tmp_path / "store")) as store:
        store.commit(
            Checkpoint(json.dumps({"book": book.state()}).encode(), {}, alerts=fired),
            [SinkRoute("text")],
            now_ms=now_ms,
        )
        with closing(Silences(store.path)) as silences, closing(Outbox(store.path)):
            one = Silence("s1", parse_matchers(["field=amount"]), now_ms, now_ms + 60_000, "reload", "ada", now_ms)
            silences.add(one, now_ms)
        found = json.loads(answer("alerts", "-c", config, "-o", "json"))  # also while the store is in use
    assert found["source"] == "store"
    assert [(alert["labels"]["rule"], alert["held"][0]["by"]) for alert in found["alerts"]] == [("psi", "s1")]
    assert [(pending["rule"], pending["windows"]) for pending in found["pending"]] == [("ks", 1)]
    table = invoke("alerts", "-c", config)
    assert "moved" in table.output
    assert "what its store says" in table.output


@pytest.mark.parametrize(
    ("listen", "tls", "expected"),
    [
        ("0.0.0.0:9108", False, "http://127.0.0.1:9108"),
        (":9108", False, "http://127.0.0.1:9108"),
        ("[::]:9108", False, "http://[::1]:9108"),
        ("10.1.2.3:80", True, "https://10.1.2.3:80"),
    ],
)
def test_this_machine_reaches_a_daemon_where_it_listens(listen: str, tls: bool, expected: str) -> None:
    files = {"tls": {"cert_file": "a", "key_file": "b"}} if tls else {}
    assert local_url(HttpSpec.model_validate({"listen": listen, **files})) == expected
