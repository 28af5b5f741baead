"""Probes, API and protection of the HTTP app."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from monitor.export.exposition import Exposition
from monitor.snapshot import LettersView, RejectsView, Snapshot
from monitor.web.app import create_app
from monitor.web.settings import HttpSpec
from tests.support.asgi import ask
from tests.support.snapshots import T0_MS, bad_night, hostile

TOKEN = "a-token-for-tests"
STARTING = Snapshot(monitor="payments", version="1", config_hash="0", taken_at_ms=T0_MS, ready_reason="2 of 4 restored")
API = ["/api/v1/status", "/api/v1/verdicts", "/api/v1/alerts", "/api/v1/incidents", "/api/v1/profile?field=amount"]
PROTECTED = ["/", "/metrics", "/fields/amount", "/nowhere", *API]
PROBES = ["/livez", "/healthz", "/readyz", "/readyz?verbose"]


def app(snapshot: Snapshot | None = None, *, alive: bool = True, **settings):
    """Return the app over a fixed snapshot."""
    shown = bad_night() if snapshot is None else snapshot
    spec = HttpSpec.model_validate(settings)
    return create_app(lambda: shown, alive=lambda: alive, metrics=Exposition(), spec=spec)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
def test_alive_means_that_the_data_thread_beats_and_nothing_else(path):
    assert ask(app(STARTING), path).status_code == 200
    stale = ask(app(alive=False), path)
    assert stale.status_code == 503
    assert "heartbeat" in stale.text


def test_ready_only_when_assigned_restored_and_alive():
    waiting = ask(app(STARTING), "/readyz")
    assert (waiting.status_code, waiting.text) == (503, "2 of 4 restored\n")
    assert ask(app(), "/readyz").status_code == 200
    assert ask(app(alive=False), "/readyz").status_code == 503


def test_verbose_readiness_lists_the_conditions():
    waiting = ask(app(STARTING), "/readyz?verbose")
    assert waiting.status_code == 503
    assert "[-] assigned and restored: 2 of 4 restored" in waiting.text
    ready = ask(app(), "/readyz?verbose")
    assert ready.status_code == 200
    assert "[+] assigned and restored" in ready.text


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        TOKEN,
        basic("wrong"),
        "Basic !!!",
        "Basic w6k=",
        "Bearer é",
    ],
)
def test_without_the_token_everything_but_the_probes_is_refused(path, authorization):
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
    answer = ask(app(token=TOKEN), path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == ['Bearer realm="driftline"', 'Basic realm="driftline"']
    assert "payments" not in answer.text


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(TOKEN)])
@pytest.mark.parametrize("path", ["/", "/metrics", *API])
def test_with_the_token_everything_is_shown(path, authorization):
    assert ask(app(token=TOKEN), path, headers={"authorization": authorization}).status_code == 200


@pytest.mark.parametrize("path", PROBES)
def test_probes_need_no_token(path):
    assert ask(app(token=TOKEN), path).status_code == 200


@pytest.mark.parametrize("path", [*PROTECTED, *PROBES])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_get_and_head_are_allowed(path, method):
    answer = ask(app(), path, method=method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics", "/livez", *API])
def test_head_has_the_headers_of_get_and_no_body(path):
    answer = ask(app(), path, method="HEAD")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*PROTECTED, *PROBES])
@pytest.mark.parametrize("settings", [{}, {"token": TOKEN}])
def test_every_answer_carries_the_security_headers(path, settings):
    headers = ask(app(**settings), path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_an_error_of_ours_tells_the_client_nothing():
    def broken() -> Snapshot:
        raise RuntimeError("secret detail")

    answer = ask(create_app(broken, alive=lambda: True, metrics=Exposition(), spec=HttpSpec()), "/api/v1/status")
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error", "remedy": "see the daemon's log"}
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_metrics_are_negotiated():
    plain = ask(app(), "/metrics", headers={"accept-encoding": "identity"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept, Accept-Encoding"
    openmetrics = ask(app(), "/metrics", headers={"accept": "application/openmetrics-text"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.headers["content-encoding"] == "gzip"
    assert openmetrics.text.endswith("# EOF\n")
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_the_status_has_the_documented_keys():
    status = ask(app(), "/api/v1/status").json()
    assert {
        "monitor", "version", "config_hash", "baseline_version", "baseline", "epoch", "last_load", "taken_at",
        "taken_at_ms", "alive",
        "ready",
        "ready_reason", "caught_up", "watermark", "watermark_ms", "watermark_age_s", "last_window", "windows_total",
        "lag_records", "lag_s", "levels", "alerts_firing", "partitions", "records_per_second", "bytes_per_second",
        "rejects", "dead_letters", "letters", "late_rows", "rows_after_verdict", "filtered", "unknown_fields",
        "notifications", "notifications_held", "outbox_size", "silences", "sink_open", "checkpoint", "rebalances",
        "waiting_for", "series_dropped",
    } == set(status)  # fmt: skip
    assert status["levels"] == {"unknown": 2, "ok": 11, "warning": 3, "critical": 3}
    assert status["watermark_age_s"] == 31
    assert status["lag_records"] == 3 * 40 + 104_040
    assert datetime.fromisoformat(status["taken_at"]).timestamp() * 1000 == status["taken_at_ms"] == T0_MS


def test_the_status_sums_up_rejects_by_reason_and_what_became_of_their_letters():
    places = tuple(RejectsView(p, 10 * p, 10 * p + 5) for p in range(150))
    counts = {("payments.dead", "delivered"): 440, ("payments.dead", "suppressed"): 3, ("old.dead", "failed"): 9}
    snapshot = replace(
        bad_night(),
        reject_offsets={("payments", "undecodable"): places},
        dead_letters=counts,
        letters=LettersView("payments.dead", 7, (("payments", "max_ratio"),)),
    )
    status = ask(app(snapshot), "/api/v1/status").json()
    first, second = status["rejects"]
    assert first == {"topic": "payments", "reason": "not_an_object", "count": 12, "partitions": []}
    assert (second["reason"], second["count"], len(second["partitions"])) == ("undecodable", 431, 100)
    assert second["partitions"][1] == {"partition": 1, "first_offset": 10, "last_offset": 15}
    assert status["letters"] == {
        "topic": "payments.dead",
        "delivered": 440,
        "failed": 0,
        "suppressed": 3,
        "pending": 7,
        "suppressing": [{"topic": "payments", "limit": "max_ratio"}],
    }
    assert "Dead letters suppressed" in ask(app(snapshot), "/").text
    assert ask(app(), "/api/v1/status").json()["letters"] is None


def test_lag_is_unknown_when_one_partition_has_none():
    snapshot = bad_night()
    first, *others = snapshot.partitions
    unknown = replace(snapshot, partitions=(replace(first, end_offset=None), *others))
    assert ask(app(unknown), "/api/v1/status").json()["lag_records"] is None


def test_verdicts_can_be_filtered():
    document = ask(app(), "/api/v1/verdicts").json()
    assert len(document["verdicts"]) == len(bad_night().verdicts)
    assert document["window"]["rows"] == 252_000
    chosen = ask(app(), "/api/v1/verdicts?field=amount&segment=&level=critical").json()["verdicts"]
    assert [(v["field"], v["detector"], v["level"], v["score"]) for v in chosen] == [
        ("amount", "psi", "critical", 0.47)
    ]
    assert chosen[0]["thresholds"] == {"warning": 0.1, "critical": 0.25}
    unknown = ask(app(), "/api/v1/verdicts?level=unknown").json()
    assert [v["score"] for v in unknown["verdicts"]] == [None]
    assert [c["check"] for c in unknown["checks"]] == ["freshness"]
    wrong = ask(app(), "/api/v1/verdicts?level=bad")
    assert wrong.status_code == 400
    assert "critical" in wrong.json()["remedy"]


def test_alerts_have_both_kinds_of_time():
    alerts = ask(app(), "/api/v1/alerts").json()["alerts"]
    assert [a["status"] for a in alerts] == ["firing", "firing", "resolved"]
    assert alerts[0]["starts_at"] == "2026-11-20T23:53:00.000Z"
    assert alerts[0]["ends_at"] is None
    assert alerts[0]["labels"]["field"] == "merchant.mcc"


def test_a_profile_is_baseline_against_current():
    document = ask(app(), "/api/v1/profile?field=country").json()
    moved = sum(abs(cell["current"] - cell["baseline"]) for cell in document["cells"])
    contribution = pytest.approx(-0.05 / moved)
    assert document["cells"][0] == {"label": "DE", "baseline": 0.41, "current": 0.36, "contribution": contribution}
    assert document["statistics"]["rows"] == 4_210
    assert [v["detector"] for v in document["verdicts"]] == ["psi"]
    segmented = ask(app(), "/api/v1/profile", headers=None)
    assert segmented.status_code == 400
    of_segment = ask(app(), "/api/v1/profile?field=amount&segment=country%3DDE").json()
    assert of_segment["segment"] == "country=DE"


@pytest.mark.parametrize(
    ("query", "remedy"),
    [("field=nope", '"amount", "country"'), ("field=amount&segment=country%3DXX", '"", "country=DE"')],
)
def test_an_unknown_profile_is_404_with_what_there_is(query, remedy):
    answer = ask(app(), f"/api/v1/profile?{query}")
    assert answer.status_code == 404
    assert remedy in answer.json()["remedy"]


def test_without_profiles_the_remedy_is_to_wait():
    answer = ask(app(STARTING), "/api/v1/profile?field=amount")
    assert answer.status_code == 404
    assert "first window" in answer.json()["remedy"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/", "/metrics/", "/static/../../etc/passwd", "/api/v2/status"])
def test_an_unknown_page_is_404_as_json(path):
    answer = ask(app(), path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "no such page"


def test_without_the_console_the_rest_stays():
    assert ask(app(console=False), "/").status_code == 404
    assert ask(app(console=False), "/fields/amount").status_code == 404
    assert ask(app(console=False), "/metrics").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/verdicts", "/api/v1/alerts", "/readyz", "/metrics"])
def test_hostile_texts_and_numbers_come_out_short_and_valid(path):
    answer = ask(app(hostile()), path)
    assert answer.status_code == 200
    assert len(answer.content) < 200_000
    assert b"\x1b" not in answer.content
    assert b"\x00" not in answer.content
    if path.startswith("/api"):
        document = json.loads(answer.content, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        assert document["taken_at_ms"] == T0_MS


def test_a_time_out_of_any_calendar_is_null_beside_its_milliseconds():
    status = ask(app(hostile()), "/api/v1/status").json()
    assert (status["watermark"], status["watermark_ms"]) == (None, 2**62)


def keys(document: object) -> set[str]:
    """Return every key in a document that is a name of ours and not of the data."""
    if isinstance(document, list):
        return set().union(*map(keys, document))
    if isinstance(document, dict):
        return {key for key in document if key.isidentifier()}.union(*map(keys, document.values()))
    return set()


@pytest.mark.parametrize("path", API)
def test_every_key_is_documented(path):
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()
    ours = replace(bad_night(), alerts=(replace(bad_night().alerts[0], labels={}, annotations={}),), unknown_fields={})
    by_name = {"payments", "am", "oncall", "category", "amount", "country"}
    undocumented = {key for key in keys(ask(app(ours), path).json()) - by_name if f"`{key}`" not in page}
    assert undocumented == set()
