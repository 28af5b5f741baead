"""Groups of fields in the configuration: what is refused, and how the refusal is said."""

from __future__ import annotations

import pytest

from monitor.config.estimate import estimate
from monitor.config.loader import load
from monitor.errors import ConfigError

CONFIG = """\
name: trips
source: {kind: files, paths: [x.jsonl]}
baseline: {kind: file, path: baselines}
fields:
  distance: {type: number}
  air_time: {type: integer}
  carrier: {type: category}
groups:
  - {name: trip, fields: [distance, air_time]}
"""


def test_the_default_detectors_of_a_group_are_hotelling_and_spe():
    group = load(CONFIG, {}).groups[0]
    assert [detector.kind for detector in group.drift] == ["hotelling", "spe"]
    assert group.features == 0


def test_the_features_of_a_group_are_those_of_its_mmd():
    config = load(CONFIG.replace("air_time]}", "air_time], drift: [{kind: mmd, features: 64}]}"), {})
    assert config.groups[0].features == 64


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("baseline: {kind: file, path: baselines}\n", "", "groups", "there is none"),
        ("[distance, air_time]", "[distance]", "groups[0].fields", "at least 2"),
        ("[distance, air_time]", "[distance, distance]", "groups[0].fields[1]", "twice"),
        ("[distance, air_time]", "[distance, speed]", "groups[0].fields[1]", "not among the fields"),
        ("[distance, air_time]", "[distance, carrier]", "groups[0].fields[1]", "need number or integer"),
        ("name: trip,", "name: distance,", "groups[0].name", "a field is named distance too"),
        ("name: trip,", "name: Trip 1,", "groups[0].name", "not a name"),
        ("air_time]}", "air_time]}\n  - {name: trip, fields: [distance, air_time]}", "groups[1].name", "used twice"),
        ("air_time]}", "air_time], drift: [{kind: spe}, {kind: spe}]}", "groups[0].drift[1].kind", "used twice"),
        ("air_time]}", "air_time], drift: []}", "groups[0].drift", "at least 1"),
        ("air_time]}", "air_time], drift: [{kind: psi}]}", "groups[0].drift[0]", "unknown kind"),
        (
            "air_time]}",
            "air_time], drift: [{kind: mmd, features: 33}]}",
            "groups[0].drift[0].features",
            "multiple of 2",
        ),
    ],
)
def test_a_group_that_does_not_fit_is_refused_at_its_place(old, new, path, message):
    with pytest.raises(ConfigError) as caught:
        load(CONFIG.replace(old, new, 1), {})
    found = [problem for problem in caught.value.problems if problem.path.startswith(path)]
    assert found, [problem.path for problem in caught.value.problems]
    assert any(message in problem.message for problem in found), [problem.message for problem in found]


def test_a_group_is_capped():
    with pytest.raises(ConfigError, match="max_group_fields"):
        load(
            CONFIG.replace("distance, air_time]", "distance, air_time, time]").replace(
                "  carrier:", "  time: {type: number}\n  carrier:"
            )
            + "limits: {max_group_fields: 2}\n",
            {},
        )


def test_a_group_is_part_of_the_estimate():
    without = estimate(load(CONFIG[: CONFIG.index("groups:")], {}), 1)
    config = load(CONFIG.replace("air_time]}", "air_time], drift: [{kind: spe}, {kind: mmd, features: 256}]}"), {})
    found = estimate(config, 1)
    assert found.series > without.series
    panes = found.open_panes
    assert found.state_bytes - without.state_bytes == panes * (8 * (2 + 2 * 3 + 6) + 8 * 257)


def test_a_sequential_detector_may_watch_the_score_of_a_group_and_nothing_else_of_it():
    series = "sequential:\n  - {kind: adwin, field: trip, statistic: STATISTIC}\n"
    load(CONFIG + series.replace("STATISTIC", "score, detector: spe"), {})
    with pytest.raises(ConfigError, match="trip has no detector mmd"):
        load(CONFIG + series.replace("STATISTIC", "score, detector: mmd"), {})
    with pytest.raises(ConfigError, match="trip is not among the fields"):
        load(CONFIG + series.replace("STATISTIC", "mean"), {})
