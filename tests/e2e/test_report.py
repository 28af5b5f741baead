"""`driftline report` on files: every field beside its baseline, nothing external, nothing from a record unescaped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import answer, invoke

HOSTILE = "<img src=x onerror=alert(1)>"
MINUTE_MS = 60_000
START_MS = 1_700_000_040_000
CONFIGURATION = """\
name: shop
source: {kind: files, paths: [RECORDS]}
time: {field: at, unit: ms, lateness: 0s}
window: {size: 1m}
segments: [{field: country, max: 5}]
baseline: {kind: file, path: DIRECTORY/baseline}
fields:
  amount: {type: number, range: [0, 1000]}
  country: {type: category}
  note: {type: category}
drift: [{kind: psi}, {kind: ks}, {kind: missing}]
checks: [{kind: volume, min_per_window: 100}]
store: {path: DIRECTORY/store}
"""


class Page(HTMLParser):
    """A page's tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def write(path: Path, minutes: range, *, seed: int, faulty: range = range(0)) -> Path:
    """Write 300 records a minute; in a faulty one the amounts of NL are doubled and a fifth of the notes is missing."""
    rng = np.random.default_rng(seed)
    with path.open("w") as out:
        for minute in minutes:
            for n in range(300):
                country = ("DE", "FR", "NL")[int(rng.integers(3))]
                amount = float(rng.gamma(4, 10))
                note = (HOSTILE, "b")[int(rng.integers(2))]
                fault = minute in faulty
                row = {
                    "at": START_MS + minute * MINUTE_MS + n * 200,
                    "amount": amount * 2 if fault and country == "NL" else amount,
                    "country": country,
                    "note": None if fault and n % 5 == 0 else note,
                }
                out.write(json.dumps(row) + "\n")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a configuration and the baseline of a quarter of an hour."""
    directory = tmp_path_factory.mktemp("report")
    text = CONFIGURATION.replace("DIRECTORY", str(directory)).replace("RECORDS", str(directory / "usual.jsonl"))
    (directory / "shop.yaml").write_text(text)
    usual = write(directory / "usual.jsonl", range(15), seed=1)
    answer("baseline", "build", "-c", directory / "shop.yaml", "--input", usual)
    return directory


@pytest.fixture(scope="module")
def html(place: Path) -> str:
    """The report of ten minutes of which the last four are faulty."""
    data = write(place / "fault.jsonl", range(20, 30), seed=2, faulty=range(26, 30))
    said = answer("report", "-c", place / "shop.yaml", "--input", data, "--output", place / "report.html")
    assert "10 windows" in said
    return (place / "report.html").read_text()


def test_the_report_stands_alone_and_runs_nothing(html):
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "object", "img"}]
    assert not [value for _, attrs in page.tags for name, value in attrs.items() if name in {"src", "action"} and value]
    assert all((attrs.get("href") or "#").startswith("#") for _, attrs in page.tags)
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "default-src 'none'" in html


def test_what_comes_from_records_is_text_and_nothing_else(html):
    assert HOSTILE not in html
    assert "&lt;img src=x" in html


def test_it_says_what_drifted_where_and_since_when(html):
    text = " ".join(Page(html).text.split())
    assert "fields drifted at some time" in text
    assert "country=NL" in text
    assert "2023-11-14 22:40:00 UTC" in text, "the first faulty minute"
    assert "20.0 %" in text, "the share of missing notes"


def test_incidents_name_what_moved_where_and_since_when(html):
    """The doubled amounts of NL, and the missing notes of everybody, both from the same minute on."""
    text = " ".join(Page(html).text.split())
    incidents = text[text.index("Incidents") : text.index("Fields worst first")]
    assert "amountcountry=NL2023-11-14 22:40:00 UTC" in incidents
    assert "note" in incidents


def test_every_field_has_its_distribution_and_its_scores_over_time(html):
    page = Page(html)
    charts = [attrs.get("aria-label") or "" for tag, attrs in page.tags if tag == "svg" and attrs.get("role") == "img"]
    for field in ("amount", "country", "note"):
        assert any(label.startswith(f"psi of {field}:") for label in charts)
    assert sum(label.startswith("Share of each cell") for label in charts) == 3
    assert any(label.startswith("Share of missing values of note") for label in charts)


def test_the_same_data_give_the_same_report(place, html):
    answer("report", "-c", place / "shop.yaml", "--input", place / "fault.jsonl", "--output", place / "again.html")
    cut = html.index("<footer>")
    assert (place / "again.html").read_text()[:cut] == html[:cut]


def test_without_records_the_report_says_so(place):
    (place / "empty.jsonl").write_text("")
    answer("report", "-c", place / "shop.yaml", "--input", place / "empty.jsonl", "--output", place / "empty.html")
    assert "No window was judged" in (place / "empty.html").read_text()


def test_where_it_cannot_be_written_nothing_is_read(place):
    result = invoke(
        "report", "-c", place / "shop.yaml", "--input", place / "fault.jsonl", "--output", place / "no/r.html"
    )
    assert result.exit_code == 2
    assert "cannot be written" in re.sub(r"[\s│]+", " ", result.output)
