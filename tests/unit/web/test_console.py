"""The console says what is wrong first, and trusts nothing it shows."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from monitor.export.exposition import Exposition
from monitor.snapshot import Snapshot
from monitor.types import Level
from monitor.web.app import create_app
from monitor.web.console_model import MAX_ROWS, field_rows, field_url, headline, overview
from monitor.web.environment import web_link
from monitor.web.settings import HttpSpec
from tests.support.asgi import ask
from tests.support.snapshots import HOSTILE, bad_night, field_view, hostile, huge, quiet_night, verdict


def page(snapshot: Snapshot, path: str = "/", *, alive: bool = True):
    """Return a page of the console."""
    return ask(create_app(lambda: snapshot, alive=lambda: alive, metrics=Exposition(), spec=HttpSpec()), path)


class Elements(HTMLParser):
    """Collects a page's tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_first_page_says_what_fires_and_lists_the_worst_field_first():
    answer = page(bad_night())
    assert answer.status_code == 200
    assert "1 critical and 1 warning alerts firing" in answer.text
    assert "amount has drifted" in answer.text
    assert "items has drifted" not in answer.text, "a resolved alert does not fire"
    fields = re.findall(r'<td class="name"><a href="/fields/([^"?]+)', answer.text)
    assert fields[:2] == ["amount", "merchant.mcc"]
    assert fields.index("note") < fields.index("items"), "unknown is more urgent than ok"


def test_a_verdict_on_the_rows_of_windows_has_a_line_and_a_page():
    night = quiet_night()
    rows = replace(night.verdicts[0], field="", segment="", detector="page_hinkley_rows", level=Level.WARNING)
    snapshot = replace(night, verdicts=(*night.verdicts, rows))
    assert '<a href="/fields/">rows of a window</a>' in page(snapshot).text
    answer = page(snapshot, "/fields/")
    assert (answer.status_code, "page_hinkley_rows" in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("snapshot", "alive", "words", "level"),
    [
        (bad_night(), False, "does not answer", Level.CRITICAL),
        (replace(quiet_night(), ready=False, ready_reason="restoring"), True, "Not ready: restoring", Level.UNKNOWN),
        (replace(quiet_night(), caught_up=False), True, "Catching up", Level.UNKNOWN),
        (replace(quiet_night(), last_window=None), True, "first window", Level.UNKNOWN),
        (replace(bad_night(), alerts=()), True, "1 partition is stalled", Level.WARNING),
        (replace(quiet_night(), verdicts=(verdict("a", level=Level.WARNING),)), True, "not clean", Level.WARNING),
        (quiet_night(), True, "All quiet.", Level.OK),
    ],
)
def test_the_headline_never_calls_quiet_what_is_not(snapshot, alive, words, level):
    text, shown = headline(snapshot, alive=alive)
    assert words in text
    assert shown is level
    assert words in page(snapshot, alive=alive).text


def test_levels_are_told_by_word_and_shape_and_not_by_colour_alone():
    html = page(bad_night()).text
    for word, glyph in (("critical", "◆"), ("warning", "▲"), ("ok", "✓"), ("unknown", "?")):
        assert f'<span class="pill {word}"><span aria-hidden="true">{glyph}</span>{word}</span>' in html


def test_a_field_page_has_chart_table_and_verdicts():
    answer = page(bad_night(), "/fields/amount")
    assert answer.status_code == 200
    elements = Elements(answer.text)
    bars = [attrs for tag, attrs in elements.tags if tag == "rect" and attrs["class"] in {"was", "now"}]
    assert len(bars) == 2 * 10 + 2, "two for each cell, two in the legend"
    assert "(100, 250]: baseline 10.0 %, now 31.2 %" in elements.text
    assert "+21.2" in elements.text
    assert "country=DE" in elements.text


def test_a_segment_has_its_own_page():
    answer = page(bad_night(), "/fields/amount?segment=country%3DDE")
    assert answer.status_code == 200
    assert "39.1" in answer.text
    assert page(bad_night(), "/fields/amount?segment=nope").status_code == 404


@pytest.mark.parametrize("field", ["nope", "..%2f..%2fetc", "%3Cscript%3E", "a/b", "%00"])
def test_an_unknown_field_is_404_as_a_page(field):
    answer = page(bad_night(), f"/fields/{field}")
    assert answer.status_code == 404
    assert "Nothing is known" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["a/b", "a?b#c", "ünï 日本", 'q"uote', "a%2Fb", "a&b=c", "<b>", "a b"])
def test_a_field_of_any_name_can_be_reached_by_its_link(name):
    snapshot = replace(quiet_night(), fields=(field_view(name), field_view(name, f"x={name}")), verdicts=())
    for segment in ("", f"x={name}"):
        url = field_url(name, segment)
        assert url is not None
        assert page(snapshot, url).status_code == 200


@pytest.mark.parametrize("path", ["/", "/?all", "/fields/amount", "/fields/nope"])
@pytest.mark.parametrize("snapshot", [hostile(), bad_night()], ids=["hostile", "bad"])
def test_scripts_and_styles_are_ours_and_nothing_is_external(snapshot, path):
    answer = page(snapshot, path)
    nonce = re.search(r"script-src 'nonce-([^']+)'", answer.headers["content-security-policy"])
    assert nonce is not None
    elements = Elements(answer.text)
    for tag, attrs in elements.tags:
        if tag in {"script", "style"}:
            assert attrs["nonce"] == nonce[1]
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        assert "src" not in attrs
        link = attrs.get("href")
        if tag == "a":
            assert link is not None
            assert link.startswith(("/", "https://runbooks.example/"))
        elif link is not None:
            assert link.startswith("data:image/svg+xml,")
    assert [tag for tag, _ in elements.tags].count("script") == 1
    assert not {"img", "iframe", "object", "form", "base"} & {tag for tag, _ in elements.tags}


def test_hostile_texts_are_escaped_and_cut():
    for path in ("/", "/?all"):
        answer = page(hostile(), path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert" in answer.text
        assert len(answer.content) < 100_000
        for character in ("\x00", "\x1b", "\u202e"):
            assert character not in answer.text


def test_a_profile_with_hostile_labels_and_numbers_is_drawn():
    snapshot = replace(hostile(), profiles=(replace(hostile().profiles[0], field="amount", segment=""),))
    answer = page(snapshot, "/fields/amount")
    assert answer.status_code == 200
    for _, attrs in Elements(answer.text).tags:
        for name in ("x", "y", "width", "height"):
            value = attrs.get(name)
            assert value is None or 0 <= float(value) < 10_000


def test_two_answers_have_two_nonces():
    policies = {page(quiet_night()).headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3


def test_the_page_is_bounded_however_many_segments_there_are():
    snapshot = huge(60, 10)
    shown = overview(snapshot, alive=True, show_all=True)
    assert len(shown.rows) == MAX_ROWS
    assert shown.hidden == 600 - MAX_ROWS
    assert len(page(snapshot, "/?all").content) < 1_000_000


def test_segments_that_are_ok_are_left_out_at_first():
    rows = overview(bad_night(), alive=True, show_all=False).rows
    assert [(r.field, r.segment) for r in rows if r.segment] == [("amount", "country=DE")]
    quiet = overview(quiet_night(), alive=True, show_all=False)
    assert [r for r in quiet.rows if r.segment] == []
    assert quiet.hidden == 1


def test_a_verdict_without_statistics_and_statistics_without_a_verdict_both_have_a_row():
    snapshot = replace(quiet_night(), fields=(field_view("a"),), verdicts=(verdict("b"),))
    assert [(r.field, r.level) for r in field_rows(snapshot, ["psi"])] == [("b", Level.OK), ("a", None)]


def test_a_page_before_the_first_window_works():
    answer = page(Snapshot(monitor="m", version="1", config_hash="0", taken_at_ms=0))
    assert answer.status_code == 200
    assert "No field has statistics yet" in answer.text


@pytest.mark.parametrize(
    ("url", "linked"),
    [("https://a/b", True), ("http://a", True), ("javascript:alert(1)", False), ("//evil", False), ("", False),
     ("data:text/html,x", False), ("https://" + "a" * 3_000, False), (HOSTILE, False)],
)  # fmt: skip
def test_only_web_addresses_become_links(url, linked):
    assert (web_link(url) is not None) is linked


def test_it_says_what_is_in_force_and_that_the_file_is_not():
    night = bad_night()
    text = page(night).text
    assert "The configuration in the file is not in force" in text
    assert "window.size: not a duration" in text
    assert "fields.amount.range: [0, 100] -&gt; [0, 200]" in text
    loaded = replace(night.last_load, successful=True, problems=())
    assert "not in force" not in page(replace(night, last_load=loaded, epoch=None)).text
