"""Every exported metric, in one list; the order is the order of importance when series are capped."""

from __future__ import annotations

from typing import Final

from monitor.export.agreement_metrics import AGREEMENT
from monitor.export.balance_metrics import BALANCE
from monitor.export.budget_metrics import BUDGET
from monitor.export.cell_metrics import CELLS
from monitor.export.daemon_metrics import DAEMON
from monitor.export.declaration import Declared
from monitor.export.field_metrics import FIELDS
from monitor.export.model_metrics import JOINS, MODELS
from monitor.export.selftest_metrics import SELF_TEST
from monitor.export.topic_metrics import PARTITIONS, TOPICS
from monitor.export.verdict_metrics import CHECKS, LEVELS, SCORES, SEQUENTIAL

METRICS: Final[tuple[Declared, ...]] = (
    DAEMON
    + LEVELS
    + CHECKS
    + AGREEMENT
    + BALANCE
    + MODELS
    + TOPICS
    + PARTITIONS
    + JOINS
    + SEQUENTIAL
    + BUDGET
    + SELF_TEST
    + SCORES
    + FIELDS
    + CELLS
)
