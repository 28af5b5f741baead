"""What goes over the wire is what Prometheus reads, and is made once per snapshot."""

from __future__ import annotations

import gzip
import math
import subprocess
from dataclasses import replace

import pytest
from prometheus_client import parser
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.utils import floatToGoString

from monitor.export.collector import KnownLabels, SnapshotCollector
from monitor.export.exposition import CONTENT_TYPES, Exposition, accepts_gzip, negotiate
from monitor.export.text import SeriesText, _number, render
from tests.support.prometheus import binary
from tests.support.snapshots import bad_night, hostile, huge, quiet_night

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# What Prometheus 2.42 and 3 send.
PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"  # noqa: E501
PROMETHEUS_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"  # noqa: E501


@pytest.mark.parametrize("snapshot", [bad_night(), quiet_night(), hostile()], ids=["bad", "quiet", "hostile"])
def test_both_formats_parse_and_hold_the_same_series(snapshot):
    page = Exposition()
    text = page.page(snapshot, accept="text/plain").body.decode()
    om = page.page(snapshot, accept=OPENMETRICS).body.decode()

    def series(families):
        return {
            (s.name, *sorted(s.labels.items())): s.value
            for f in families
            for s in f.samples
            if s.name.startswith("driftline_")
        }

    plain = series(parser.text_string_to_metric_families(text))
    assert plain
    assert plain == series(openmetrics_parser.text_string_to_metric_families(om))
    assert om.endswith("# EOF\n")
    assert om.count("# EOF") == 1


@pytest.mark.parametrize("snapshot", [bad_night(), hostile(), huge(4, 3)], ids=["bad", "hostile", "huge"])
def test_the_bytes_are_those_of_prometheus_client(snapshot):
    collector = SnapshotCollector(snapshot)
    assert render(collector.collect(), "text") == generate_latest(collector)
    theirs = openmetrics.generate_latest(collector)
    assert render(collector.collect(), "openmetrics") + b"# EOF\n" == theirs


def test_what_is_remembered_from_snapshot_to_snapshot_changes_no_byte():
    series, known = SeriesText(), KnownLabels()
    for snapshot in (bad_night(), huge(4, 3), huge(4, 3), hostile(), huge(3, 4), quiet_night(), bad_night()):
        for limit in (1_000_000, 40):
            fresh = SnapshotCollector(snapshot, max_series=limit)
            remembering = SnapshotCollector(snapshot, max_series=limit, known=known)
            for form in ("text", "openmetrics"):
                assert series.render(remembering.families(), form) == render(fresh.collect(), form)
            assert remembering.dropped == fresh.dropped


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-7, 0.1, 999_999.5, 1e6, -1e6, 1_234_567.25, 1e300, math.inf, -math.inf, 3]
)
def test_numbers_are_written_as_go_writes_them(value):
    assert _number(value) == floatToGoString(value)


def test_the_process_and_the_interpreter_are_exported_too():
    body = Exposition().page(bad_night()).body.decode()
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "python_info", "python_gc_collections"):
        assert f"\n{name}" in body


def test_promtool_finds_nothing_to_complain_of():
    body = Exposition().page(bad_night()).body
    run = subprocess.run([binary("promtool"), "check", "metrics"], input=body, capture_output=True, check=False)
    complaints = set((run.stdout + run.stderr).decode().splitlines())
    # The label is a promise of the interface; the rule guards summaries, and this is a gauge on purpose.
    complaints -= {'driftline_field_quantile non-summary metrics should not have "quantile" label'}
    assert complaints == set()


def test_a_snapshot_is_rendered_once_per_format(monkeypatch):
    made = []

    def counting(_self, families, form):
        assert "driftline_build_info" in [family.declared.name for family in families]
        made.append(form)
        return b""

    monkeypatch.setattr(SeriesText, "render", counting)
    page, snapshot = Exposition(), bad_night()
    for _ in range(3):
        page.page(snapshot)
        page.page(snapshot, accept_encoding="gzip")
        page.page(snapshot, accept=OPENMETRICS)
    assert made == ["text", "openmetrics"]
    page.page(replace(snapshot))
    assert made == ["text", "openmetrics", "text"]


def test_a_new_snapshot_replaces_the_old_one():
    page = Exposition()
    assert b'driftline_config_info{hash="9f31c2ab"' in page.page(bad_night()).body
    body = page.page(replace(bad_night(), config_hash="other")).body
    assert b'driftline_config_info{hash="other"' in body
    assert b"9f31c2ab" not in body


def test_dropped_series_add_up_over_scraped_snapshots_and_not_over_scrapes():
    page, snapshot = Exposition(max_series=100), huge(20, 2)

    def dropped(shown, **headers):
        for family in parser.text_string_to_metric_families(page.page(shown, **headers).body.decode()):
            for sample in family.samples:
                if sample.name == "driftline_series_dropped_total" and sample.labels["reason"] == "limit":
                    return sample.value
        return None

    once = dropped(snapshot)
    assert once > 0
    page.page(snapshot, accept=OPENMETRICS)
    assert dropped(snapshot) == once
    assert dropped(replace(snapshot)) == 2 * once


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_gzip_is_one_member_with_everything_in_it(accept):
    page, snapshot = Exposition(), bad_night()
    for _ in range(2):
        packed = page.page(snapshot, accept=accept, accept_encoding="gzip")
        assert packed.gzipped
        body = gzip.decompress(packed.body).decode()
        assert "driftline_build_info" in body
        assert "process_cpu_seconds_total" in body
        assert body.endswith("# EOF\n") == bool(accept)
    assert not page.page(snapshot, accept_encoding="br").gzipped


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text"),
        ("*/*", "text"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text"),
        ("text/plain;version=0.0.4", "text"),
        (OPENMETRICS, "openmetrics"),
        ("Application/OpenMetrics-Text", "openmetrics"),
        (PROMETHEUS_2, "openmetrics"),
        (PROMETHEUS_3, "openmetrics"),
        ("application/openmetrics-text;version=2.0.0", "text"),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", "text"),
        ("application/openmetrics-text;q=nonsense", "text"),
        ("application/openmetrics-text;q=0", "text"),
        (",;;=,", "text"),
    ],
)
def test_the_format_follows_the_accept_header(accept, form):
    assert negotiate(accept) == form
    assert Exposition().page(quiet_night(), accept=accept).content_type == CONTENT_TYPES[form]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("", False), ("identity", False), ("*", False)],
)
def test_gzip_is_sent_only_when_accepted(header, accepted):
    assert accepts_gzip(header) is accepted
