"""What a budget of false pages costs: the verdicts that only it has, and the bytes of its streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from monitor.checks import WINDOW_CHECKS
from monitor.config.tree import Config
from monitor.policy import BudgetPolicySpec

_LAG_BYTES, _BIN_BYTES, _OTHER_BYTES = 4 * (64 + 65), 12, 200


def statistics(config: Config, segments: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield statistic, field and segment of every verdict that only a budget has; none without one."""
    if not isinstance(config.policy, BudgetPolicySpec):
        return
    checks = [check.name for check in config.checks if not isinstance(check, WINDOW_CHECKS)]
    checks += [check.name for path, field in config.fields.items() for check in field.checks(path)]
    yield "late_share", "", ""
    if config.time.field is not None:
        yield "delay_p99_s", "", ""
    for segment in segments:
        yield "volume_change", "", segment
        for path in config.fields:
            yield from ((what, path, segment) for what in ("missing_share", "invalid_share"))
        yield from (("failure_share", name, segment) for name in checks)


def budget_bytes(config: Config, detectors: Sequence[Any], segments: Sequence[str]) -> int:
    """Return what the streams keep, at most: two of every detector and segment, and those of the statistics."""
    policy = config.policy
    if not isinstance(policy, BudgetPolicySpec):
        return 0
    rules = policy.build().rules(config.window.size)
    streams = 2 * len(detectors) * len(segments) + len(list(statistics(config, segments))) + len(segments)
    each = 4 * rules.capacity + 8 * rules.lag + _LAG_BYTES + _BIN_BYTES * rules.bins + _OTHER_BYTES
    return min(streams, policy.max_streams) * each
