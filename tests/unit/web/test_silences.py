"""Silences over HTTP: who may, what is refused, and what is kept."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from monitor.clock import ManualClock
from monitor.export.exposition import Exposition
from monitor.gating import Silencer
from monitor.printable import iso
from monitor.store.silences import Silences
from monitor.web.app import create_app
from monitor.web.settings import HttpSpec
from tests.support.asgi import ask
from tests.support.snapshots import T0_MS, bad_night

TOKEN = "a-token-for-tests"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/silences"
GOOD = {"matchers": ["field=amount"], "for": "2h", "reason": "reload", "author": "ada"}
HOUR_MS = 3_600_000


class Site:
    """The app over real silences, and a count of how often the dispatcher was woken."""

    def __init__(self, path: Path, token: str | None = TOKEN) -> None:
        self.silences = Silences(path, limit=3)
        self.clock = ManualClock(T0_MS)
        self.woken = 0
        silencer = Silencer(self.silences, self.clock, self._wake)
        spec = HttpSpec.model_validate({} if token is None else {"token": token})
        shown = bad_night()
        self.app = create_app(lambda: shown, alive=lambda: True, metrics=Exposition(), spec=spec, silencer=silencer)

    def _wake(self) -> None:
        self.woken += 1

    def post(self, document: Any, headers: Mapping[str, str] = AUTHORIZED) -> httpx.Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        typed = {"content-type": "application/json", **headers}
        return ask(self.app, PATH, method="POST", headers=typed, content=body)

    def delete(self, silence_id: str, headers: Mapping[str, str] = AUTHORIZED) -> httpx.Response:
        return ask(self.app, f"{PATH}/{silence_id}", method="DELETE", headers=headers)

    def listed(self) -> list[dict[str, Any]]:
        return ask(self.app, PATH, headers=AUTHORIZED).json()["silences"]  # type: ignore[no-any-return]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state.sqlite")
    with closing(made.silences):
        yield made


def test_a_silence_is_created_listed_and_ended(site: Site) -> None:
    with capture_logs() as logs:
        answer = site.post(GOOD)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["state"], made["matchers"], made["reason"]) == ("active", ['field="amount"'], "reload")
    assert (made["starts_at_ms"], made["ends_at_ms"]) == (T0_MS, T0_MS + 2 * HOUR_MS)
    assert [log["event"] for log in logs] == ["silence_created"]
    assert site.listed() == [made]
    site.clock.advance(60_000)
    ended = site.delete(made["id"])
    assert (ended.status_code, ended.json()["state"]) == (200, "expired")
    assert ended.json()["ends_at_ms"] == T0_MS + 60_000
    assert site.delete(made["id"]).json() == ended.json()
    assert site.woken >= 2


def test_a_silence_may_begin_later_and_end_at_a_time(site: Site) -> None:
    made = site.post(
        {
            "matchers": ["rule=~psi|ks", "segment!=x"],
            "starts_at": iso(T0_MS + HOUR_MS),
            "ends_at": iso(T0_MS + 3 * HOUR_MS),
            "reason": "a",
            "author": "b",
        }
    ).json()
    assert (made["state"], made["starts_at_ms"], made["ends_at_ms"]) == (
        "pending",
        T0_MS + HOUR_MS,
        T0_MS + 3 * HOUR_MS,
    )


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (b"{", [""]),
        (b"[]", [""]),
        (b"\xff", [""]),
        ({}, ["matchers", "reason", "author"]),
        (
            {**GOOD, "matchers": ["field", "rule=~["], "reason": " ", "x": 1},
            ["matchers.0", "matchers.1", "reason", "x"],
        ),
        ({**GOOD, "matchers": []}, ["matchers"]),
        ({**GOOD, "matchers": ["field=~.*"]}, ["matchers"]),
        ({**GOOD, "matchers": ["field=x"] * 21}, ["matchers"]),
        ({**GOOD, "for": "soon"}, ["for"]),
        ({**GOOD, "for": "0s"}, ["for"]),
        ({**GOOD, "for": "9000h"}, [""]),
        ({**GOOD, "for": None}, [""]),
        ({**GOOD, "ends_at": iso(T0_MS + HOUR_MS)}, [""]),
        ({**GOOD, "for": None, "ends_at": iso(T0_MS - 1)}, [""]),
        ({**GOOD, "for": None, "ends_at": "2026-12-01T00:00:00"}, ["ends_at"]),
        ({**GOOD, "starts_at": iso(T0_MS - 2 * HOUR_MS)}, [""]),
        ({**GOOD, "reason": "x" * 501}, ["reason"]),
    ],
)
def test_all_that_is_wrong_is_said_at_once(site: Site, document: Any, paths: list[str]) -> None:
    answer = site.post(document)
    assert answer.status_code == 400
    assert [each["path"] for each in answer.json()["problems"]] == paths
    assert answer.json()["remedy"]
    assert site.listed() == []


def test_there_are_only_so_many(site: Site) -> None:
    assert [site.post(GOOD).status_code for _ in range(4)] == [201, 201, 201, 409]


def test_a_body_that_is_too_large_or_no_json_is_refused(site: Site) -> None:
    assert site.post(b" " * 20_000).status_code == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert site.post(GOOD, {**AUTHORIZED, "content-type": kind}).status_code == 415
    assert site.post(GOOD, {**AUTHORIZED, "content-type": "application/json; charset=utf-8"}).status_code == 201


def test_nothing_is_written_without_a_token_that_is_configured_and_sent_as_a_bearers(
    site: Site, tmp_path: Path
) -> None:
    basic = "Basic " + base64.b64encode(f"x:{TOKEN}".encode()).decode()
    for authorization in ("", "Bearer wrong", "Bearer", basic, TOKEN):
        for answer in (
            site.post(GOOD, {"authorization": authorization}),
            site.delete("x", {"authorization": authorization}),
        ):
            assert answer.status_code == 401
            assert answer.headers.get_list("www-authenticate") == ['Bearer realm="driftline"'], "no browser is to ask"
    assert ask(site.app, PATH, headers={"authorization": basic}).status_code == 200, "reading is as ever"
    open_site = Site(tmp_path / "other.sqlite", token=None)
    with closing(open_site.silences):
        for answer in (open_site.post(GOOD), open_site.post(GOOD, {}), open_site.delete("x")):
            assert answer.status_code == 403
            assert "http.token" in answer.json()["remedy"]
        assert ask(open_site.app, PATH).json() == {"silences": []}


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
def test_a_page_of_another_site_cannot_write(site: Site, site_of_origin: str) -> None:
    assert site.post(GOOD, {**AUTHORIZED, "sec-fetch-site": site_of_origin}).status_code == 403
    assert site.post(GOOD, {**AUTHORIZED, "sec-fetch-site": "none"}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", PATH, "GET, HEAD, POST"),
        ("DELETE", PATH, "GET, HEAD, POST"),
        ("OPTIONS", PATH, "GET, HEAD, POST"),
        ("POST", f"{PATH}/x", "GET, HEAD, DELETE"),
        ("POST", f"{PATH}/", "GET, HEAD"),
        ("DELETE", f"{PATH}/x/y", "GET, HEAD"),
        ("POST", "/api/v1/alerts", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_only_these_methods_on_these_paths_write(site: Site, method: str, path: str, allow: str) -> None:
    answer = ask(site.app, path, method=method, headers=AUTHORIZED)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_an_id_that_does_not_exist_is_404_and_says_where_to_look(site: Site) -> None:
    answer = site.delete("%3Cscript%3E")
    assert answer.status_code == 404
    assert "GET /api/v1/silences" in answer.json()["remedy"]


def test_a_locked_store_is_said_and_nothing_is_lost(site: Site) -> None:
    site.silences._file.connection.execute("PRAGMA busy_timeout = 10")
    path = site.silences._file.connection.execute("PRAGMA database_list").fetchone()[2]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert site.post(GOOD).status_code == 503
        assert site.delete("x").status_code == 503
        other.execute("ROLLBACK")
    assert site.post(GOOD).status_code == 201


def test_an_alert_says_that_it_is_held_and_why(site: Site) -> None:
    alerts = ask(site.app, "/api/v1/alerts", headers=AUTHORIZED).json()
    by_field = {alert["labels"]["field"]: alert["held"] for alert in alerts["alerts"]}
    assert by_field["amount"] == []
    assert [(hold["kind"], hold["by"], hold["reason"], hold["sinks"]) for hold in by_field["merchant.mcc"]] == [
        ("silence", "51ce", "reload", ["am"])
    ]
    assert [pending["rule"] for pending in alerts["pending"]] == ["ks"]
    page = ask(site.app, "/", headers=AUTHORIZED).text
    assert "held</span> silence until" in page
    assert "<h2>Muted" in page
