"""docs/performance.md and its pictures say what the results say."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from tests.bench import report, results
from tests.bench.__main__ import SECTIONS
from tests.bench.figures import Bar, Plot, Section, Table
from tests.bench.plot import svg
from tests.bench.words import WORDS

STORED = results.read()


def test_the_page_is_generated_from_the_results():
    assert report.PAGE.read_text() == report.page(STORED), "run: python -m tests.bench.report"


def test_the_pictures_are_generated_from_the_results():
    assert {file.name: file.read_text() for file in report.IMAGES.glob("*.svg")} == report.pictures(STORED)


def test_every_section_has_its_words():
    assert SECTIONS.keys() == WORDS.keys() >= STORED.keys()


@pytest.mark.parametrize("name", STORED)
def test_every_figure_has_a_number_of_records_a_unit_and_a_command(name):
    assert STORED[name]["command"].startswith(f"python -m tests.bench --only {name}")
    for table in Section.of(STORED[name]).tables:
        assert table.n
        for row in table.rows:
            assert row.keys() == table.units.keys()
            assert all(table.units[column] for column, value in row.items() if isinstance(value, float))


def test_sections_are_merged_into_one_file(tmp_path):
    file = tmp_path / "results.json"
    table = Table("t", "A table", "3 records", {"what": "", "us": "µs"}, [{"what": "x", "us": 1.23456789}])
    section = Section([table], [Bar("fast", 1.0, 2.0, "×"), Bar("small", 1.0, 2.0, "MB", least=False)], ["so"])
    for name in ("growth", "engine", "growth"):
        results.merge(file, name, section, size="full", command=f"measure {name}", took_s=61.0, load=0.5)
    stored = json.loads(file.read_text())
    assert stored.keys() == {"growth", "engine"}
    assert Section.of(stored["growth"]).tables[0].rows == [{"what": "x", "us": 1.2346}]
    page = report.page(stored)
    assert "Not measured yet: peers, broker, latency, memory, formats." in page
    assert "| fast | ≥ 1 × | 2 × | met |" in page
    assert "| small | ≤ 1 MB | 2 MB | **missed** |" in page
    assert "`measure engine`, 1.0 minutes" in page


@pytest.mark.parametrize("points", [[(1, 2.0), (100, 350.0)], [(5, 0.001)], [(1, 1.0), (2, 1.0)]])
def test_a_picture_is_an_image_with_its_points_inside(points):
    root = ET.fromstring(svg("A < B", "fields", "µs", points))  # noqa: S314 - written by the line itself
    circles = root.findall("{*}circle")
    assert len(circles) == len(points)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert all(0 <= float(c.attrib["cx"]) <= width and 0 <= float(c.attrib["cy"]) <= height for c in circles)


def test_a_table_can_be_drawn():
    table = Table("memory", "Memory", "3 windows", {"minutes": "min", "rss_mb": "MB"}, [], (Plot("minutes", "rss_mb"),))
    assert Section.of(Section([table]).stored()).tables[0].plots == [Plot("minutes", "rss_mb")]
