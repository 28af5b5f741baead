from __future__ import annotations

import pytest

from monitor.config.paths import checked_path, confusable


@pytest.mark.parametrize(
    "path", ["a", "merchant.mcc", "ünïcode.β", "with space", "x-y", "a.0", "$key", "$timestamp_ms", "$header.trace-id"]
)
def test_well_formed_paths_pass_unchanged(path):
    assert checked_path(path) == path


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", " a", "a. b", "a\nb", "$", "$keys", "$header.", "x" * 257]
)
def test_other_paths_are_refused(path):
    with pytest.raises(ValueError, match=r"field path|record itself"):
        checked_path(path)


@pytest.mark.parametrize(
    ("paths", "clashing"),
    [
        (["a", "b", "c.d", "c.e"], []),
        (["a.b", "b.a", "ab"], []),
        (["$header.A", "$header.a", "$key"], []),
        (["a", "A"], ["A"]),
        (["x.a", "X.b"], ["X.b"]),
        (["x.a.c", "x.A.d"], ["x.A.d"]),
        (["a", "a.b"], ["a.b"]),
        (["a.b", "a"], ["a"]),
        (["a.b.c", "a.b"], ["a.b"]),
        (["a.b.c", "A.b"], ["A.b"]),
        (["straße", "STRASSE"], ["STRASSE"]),
    ],
)
def test_paths_that_the_decoder_cannot_tell_apart_are_found(paths, clashing):
    assert [path for path, _, _ in confusable(paths)] == clashing
