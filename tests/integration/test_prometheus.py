"""A real Prometheus scrapes the HTTP server and answers queries about drift."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.export.exposition import Exposition
from monitor.snapshot import Snapshot
from monitor.web.app import create_app
from monitor.web.server import HttpServer
from monitor.web.settings import HttpSpec
from tests.support.prometheus import StartPrometheus
from tests.support.snapshots import bad_night, hostile

pytestmark = pytest.mark.prometheus
TOKEN = "a-token-for-tests"


class Published:
    """Holds the snapshot that is published now."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def latest(self) -> Snapshot:
        return self.snapshot


@pytest.fixture
def serve():
    """Return a function that serves what is published, and returns the server."""
    servers: list[HttpServer] = []

    def start(published: Published, **settings: str) -> HttpServer:
        spec = HttpSpec.model_validate({"listen": "127.0.0.1:0", **settings})
        app = create_app(published.latest, alive=lambda: True, metrics=Exposition(), spec=spec)
        server = HttpServer(app, spec)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def test_prometheus_scrapes_drift_and_drops_series_that_vanish(serve, start_prometheus: StartPrometheus):
    published = Published(bad_night())
    prometheus = start_prometheus([serve(published, token=TOKEN).url], token=TOKEN)
    prometheus.wait_until_scraped()

    score = prometheus.wait_for('driftline_drift_score{field="amount",detector="psi",segment=""}')
    assert [(s.value, s.labels["monitor"]) for s in score] == [(0.47, "payments")]
    level = prometheus.query('driftline_drift_level{field="amount",detector="psi",segment="country=DE"}')
    assert [s.value for s in level] == [1.0]
    assert [s.value for s in prometheus.query("driftline_verdict_unknown")] == [1.0]
    assert prometheus.query('driftline_drift_level{field="note"}') == []
    median = prometheus.query("histogram_quantile(0.5, driftline_record_delay_seconds_bucket)")
    assert len(median) == 1
    assert 0.5 < median[0].value <= 1.0
    metadata = prometheus.api("targets/metadata")
    kinds = {item["metric"]: item["type"] for item in metadata}
    assert kinds["driftline_record_delay_seconds"] == "histogram"

    published.snapshot = replace(bad_night(), verdicts=())
    prometheus.wait_for('absent(driftline_drift_score{field="amount",detector="psi",segment=""})')


def test_prometheus_takes_in_hostile_names(serve, start_prometheus: StartPrometheus):
    prometheus = start_prometheus([serve(Published(hostile())).url])
    prometheus.wait_until_scraped()
    rows = prometheus.wait_for('driftline_field_rows{field="amount"}')
    assert len(rows) == 2
    assert all(len(s.labels["segment"]) <= 200 for s in rows)


def test_prometheus_without_the_token_is_refused(serve, start_prometheus: StartPrometheus):
    prometheus = start_prometheus([serve(Published(bad_night()), token=TOKEN).url])
    assert prometheus.wait_for("up == 0")
    assert prometheus.query("driftline_build_info") == []
