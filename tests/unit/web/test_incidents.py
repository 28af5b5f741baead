"""Incidents on the API and the console: what is promised, and nothing trusted."""

from __future__ import annotations

from dataclasses import replace

from monitor.export.exposition import Exposition
from monitor.snapshot import ProfileView, SegmentPart, Snapshot
from monitor.web.app import create_app
from monitor.web.settings import HttpSpec
from tests.support.asgi import ask
from tests.support.snapshots import HOSTILE, alert, bad_night, hostile, incident

ID = "0123456789abcdef"


def get(snapshot: Snapshot, path: str):
    """Return the answer over a fixed snapshot."""
    return ask(create_app(lambda: snapshot, alive=lambda: True, metrics=Exposition(), spec=HttpSpec()), path)


def snapshot() -> Snapshot:
    """Return a bad night with an incident."""
    part = SegmentPart("country=DE", 1, 2, 0, 1, named=True)
    words = {"summary": "amount drifted", "cause": "Since an hour amount of country=DE rose", "incident": ID}
    return replace(
        bad_night(),
        incidents=(incident("amount", "country=DE"),),
        alerts=(alert("amount", annotations=words), alert("country")),
        profiles=(
            ProfileView("amount", "", ("a", "b"), (0.5, 0.5), (0.75, 0.25), (part,)),
            ProfileView("amount", "country=DE", ("a", "b"), (0.5, 0.5), (0.5, 0.5)),
        ),
    )


def test_the_listing_has_cause_streams_segments_and_alerts():
    document = get(snapshot(), "/api/v1/incidents").json()
    (found,) = document["incidents"]
    assert found["id"] == ID
    assert found["onset"].endswith("Z")
    assert found["primary"] == {"field": "amount", "segment": "country=DE", "detector": "psi"}
    assert found["streams"][0] == {
        "field": "amount", "segment": "country=DE", "detector": "psi", "level": "critical", "strength": 4.5,
    }  # fmt: skip
    assert [part["named"] for part in found["segments"]] == [True, False]
    assert (found["mix_share"], found["within_share"]) == (-0.1, 1.1)
    assert found["cells"][0] == {"cell": "≥ 90", "share": 0.4}
    assert found["related"] == [{"field": "country", "correlation": None}]
    assert found["alerts"] == [alert("amount").fingerprint]


def test_without_incidents_the_listing_is_empty():
    assert get(replace(snapshot(), incidents=()), "/api/v1/incidents").json()["incidents"] == []


def test_an_alert_names_its_incident_and_cause():
    first, second = get(snapshot(), "/api/v1/alerts").json()["alerts"]
    assert (first["incident"], first["cause"]) == (ID, "Since an hour amount of country=DE rose")
    assert (second["incident"], second["cause"]) == (None, None)


def test_a_profile_has_contributions_attribution_and_incidents():
    whole = get(snapshot(), "/api/v1/profile?field=amount").json()
    assert [cell["contribution"] for cell in whole["cells"]] == [0.5, -0.5]
    assert whole["attribution"][0]["segment"] == "country=DE"
    assert whole["incidents"] == []
    segment = get(snapshot(), "/api/v1/profile?field=amount&segment=country=DE").json()
    assert [cell["contribution"] for cell in segment["cells"]] == [0, 0]
    assert (segment["attribution"], segment["incidents"]) == ([], [ID])


def test_the_console_shows_the_cause_of_an_alert():
    for path in ("/", "/fields/amount"):
        assert "Since an hour amount of country=DE rose" in get(snapshot(), path).text


def test_hostile_causes_are_escaped_and_cut():
    page = get(hostile(), "/")
    assert "<script>alert" not in page.text
    assert page.text.count("&lt;script&gt;alert") > 3
    answer = get(hostile(), "/api/v1/incidents")
    assert len(answer.content) < 100_000
    assert "\\u202e" not in answer.text
    assert answer.json()["incidents"][0]["cells"][0]["share"] is None
    assert len(answer.json()["incidents"][0]["summary"]) <= 1_000 < len(HOSTILE)
