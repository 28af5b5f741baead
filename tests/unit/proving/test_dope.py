"""`driftline dope`: what it prints, what is required, and when it ends with 1."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from monitor.proving.findings import Findings, detections, false_pages
from monitor.proving.limits import Limit
from monitor.proving.plot import svg
from monitor.proving.requirements import answer, parse
from monitor.proving.survey import Tried
from monitor.proving.trial import Caught
from tests.support.command_line import invoke
from tests.support.proving import build_orders

FEW = ("--within", "5", "--onsets", "1", "--injections", "1", "--severity", "gross")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Orders with a baseline."""
    return build_orders(tmp_path_factory.mktemp("orders"), windows=16)


def dope(made, *options, config=None):
    return invoke("dope", "-c", config or made.config(), "--input", made.input, *FEW, *options)


def test_the_answer_is_the_same_every_time_and_another_with_another_seed(made):
    few = ("--json", "--no-limits", "--faults", "label_flip,null_burst")
    first, again, other = (dope(made, *few, *seed) for seed in ((), (), ("--seed", "5")))
    assert first.stdout == again.stdout
    assert json.loads(other.stdout)["seed"] == 5


def test_every_fault_is_tried(made):
    done = dope(made, "--json", "--no-limits")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["monitor"], found["windows"], found["blind"]) == ("orders", 16, False)
    assert set(found["left_out"]) <= {"correlation_break", "category_swap", "vanished_segment", "label_flip"}
    caught = {item["fault"] for item in found["faults"] if item["caught"]}
    assert {"mean_shift", "null_burst", "placeholder", "unit_change", "one_producer", "new_category"} <= caught
    assert all(item["lower"] <= item["ratio"] <= item["upper"] for item in found["faults"])


def test_the_smallest_that_is_caught_is_found_by_field_and_printed_with_a_picture(made, tmp_path):
    file = tmp_path / "dope.svg"
    done = dope(made, "--faults", "null_burst", "--fields", "country", "--plot", file, "--require", "nulls<0.3")
    assert done.exit_code == 0, done.output
    assert "null_burst" in done.stdout
    assert "smallest caught" in done.stdout
    assert "holds: nulls<0.3" in done.stdout
    assert "null_burst" in file.read_text()


def test_a_configuration_that_can_catch_nothing_is_blind_and_fails_what_is_required(made):
    config = made.config("blind", drift="[{kind: psi, warning: 50, critical: 90}]")
    done = dope(made, "--faults", "mean_shift", "--fields", "pieces", "--require", "recall>=0.9", config=config)
    assert done.exit_code == 1
    assert "This configuration is blind" in done.stdout
    assert "FAILS: recall>=0.9 (found 0)" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--faults", "nul_burst"), "did you mean null_burst?"),
        (("--severity", "awful"), "small, medium, large, gross"),
        (("--require", "recal>=1"), "is no requirement"),
        (("--fields", "county"), "no such field: county"),
        (("--plot", "/nowhere/at/all.svg"), "cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_refused(made, options, says):
    done = dope(made, *options)
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())


def test_too_little_input_is_refused(made):
    done = invoke("dope", "-c", made.config(), "--input", made.input, "--within", "40")
    assert done.exit_code == 69
    assert "16 windows" in done.output


def test_enveloped_records_are_refused(made):
    config = made.config("envelope")
    config.write_text(config.read_text() + "decoder: {kind: json, envelope: debezium}\n")
    done = dope(made, config=config)
    assert done.exit_code == 78
    assert "decoder.envelope" in done.output


def tried(fault, level, delay, *, field="a", first=True):
    caught = None if delay is None else Caught(delay, (field,))
    return Tried(fault, level, 10.0, 0.1, field, 0, caught, first and delay is not None, delay is not None)


FOUND = [
    tried("null_burst", "small", None),
    tried("null_burst", "gross", 1),
    tried("null_burst", "gross", 3),
    tried("stuck", "gross", 8, first=False),
]
LIMITS = (Limit("a", "nulls", 0.02), Limit("b", "nulls", None), Limit("b", "shift", None))
FINDINGS = Findings("m", 100, 50, 10, 3, 0, false_pages(2, 100), detections(FOUND), LIMITS, (), tuple(FOUND))


@pytest.mark.parametrize(
    ("text", "found", "holds"),
    [
        ("recall>=0.75", 0.75, True),
        ("recall>0.75", 0.75, False),
        ("recall.gross >= 1", 1.0, True),
        ("recall.null_burst.small<0.1", 0.0, True),
        ("delay<=3", 3.0, True),
        ("named>=0.7", 2 / 3, False),
        ("false_pages<=20", 20.0, True),
        ("nulls.a<=0.02", 0.02, True),
        ("nulls<=0.5", float("inf"), False),
        ("recall.other>=0", float("nan"), False),
    ],
)
def test_a_requirement_is_about_what_was_found(text, found, holds):
    said = answer(parse(text), FINDINGS)
    assert (said.found, said.holds) == (pytest.approx(found, nan_ok=True), holds)


@pytest.mark.parametrize("text", ["", "recall", "recall=1", "colour>=1", "recall>=1.2.3", "recall>=x"])
def test_what_is_no_requirement_is_refused(text):
    with pytest.raises(ValueError, match="is no"):
        parse(text)


def test_injections_add_up_with_an_interval():
    small, gross, stuck = FINDINGS.detections
    assert (small.caught, small.injections, small.median_delay) == (0, 1, None)
    assert (gross.caught, gross.median_delay, gross.worst_delay, gross.named_first) == (2, 2.0, 3, 1.0)
    assert 0.2 < gross.lower < gross.ratio == 1.0 <= gross.upper
    assert stuck.named_first == 0.0
    assert FINDINGS.blind_fields == ("b",)
    assert not FINDINGS.blind


def test_false_pages_have_garwoods_interval():
    pages = false_pages(2, 1_000)
    assert (pages.lower, pages.upper) == (pytest.approx(0.2422, abs=1e-3), pytest.approx(7.2247, abs=1e-3))
    assert (false_pages(0, 100).lower, false_pages(0, 100).upper) == (0.0, pytest.approx(36.89, abs=0.01))


def test_the_picture_is_an_svg_with_a_cell_for_each_kind_and_severity():
    root = ET.fromstring(svg(FINDINGS))  # noqa: S314 - our own
    texts = [element.text for element in root.iter() if element.text]
    assert "2/2, 2" in texts
    assert "null_burst, gross: 100% caught (95 %: 34% to 100%)" in texts
