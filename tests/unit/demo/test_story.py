from __future__ import annotations

import pytest

from monitor.demo.story import Story


def test_the_story_says_what_comes_next():
    story = Story()
    assert "In 8 s a bad release" in story.told(0.0, 0, None)
    assert "make an alert fire" in story.told(9.0, 0, 30.0)
    assert "the alerts fire" in story.told(12.0, 3, 30.0)
    assert "resolve the alerts" in story.told(17.0, 3, 30.0)
    assert "ends in 8 s" in story.told(22.0, 0, 30.0)
    assert "In 46 s a bad release" in story.told(22.0, 0, None)
    assert story.faulty(68.0)
    assert not story.faulty(76.0)


@pytest.mark.parametrize(
    ("elapsed_s", "duration_s", "resolved", "over"),
    [
        (1e6, None, True, False),
        (29.9, 30.0, True, False),
        (30.0, 30.0, True, True),
        (30.0, 30.0, False, False),
        (149.9, 30.0, False, False),
        (150.0, 30.0, False, True),
    ],
)
def test_the_demo_ends_in_time_or_after_the_first_alerts_are_resolved(elapsed_s, duration_s, resolved, over):
    assert Story().over(elapsed_s, duration_s, resolved=resolved) is over
