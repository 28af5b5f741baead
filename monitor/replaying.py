"""Building a replay from a configuration and files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from monitor.baseline import Baseline
from monitor.clock import SystemClock
from monitor.compile import build_decoder, compile_plan, learns_ruler, load_baseline
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.learning import RulerLearner
from monitor.plan import MonitorPlan
from monitor.replay import Replay
from monitor.sources import FilesSpec
from monitor.sources.files import FilesSource


def files_of(
    config: Config, paths: Sequence[str], *, partition_column: str | None = None, timestamp_column: str | None = None
) -> FilesSource:
    """Return the files as a source; settings of a configured file source hold where none are given here."""
    base = config.source if isinstance(config.source, FilesSpec) else FilesSpec(paths=tuple(paths))
    changes: dict[str, object] = {"paths": tuple(paths)}
    if partition_column is not None:
        changes["partition_column"] = partition_column
    if timestamp_column is not None:
        changes["timestamp_column"] = timestamp_column
    source = base.model_copy(update=changes).build(SystemClock())
    assert isinstance(source, FilesSource)
    return source


def open_replay(
    file: Path, paths: Sequence[str], *, partition_column: str | None = None, timestamp_column: str | None = None
) -> Replay:
    """Return the replay of `paths` under the configuration in `file`.

    Where the baseline has no version yet whose cuts could be used, they are learnt from the first rows. Raises
    ConfigError or SurroundingsError before anything is judged.
    """
    config = load(file)
    plan = plan_for(config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    source = files_of(config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    return Replay(plan, build_decoder(config, files=True), source, lambda: source.finished)


def plan_for(
    config: Config, paths: Sequence[str], *, partition_column: str | None = None, timestamp_column: str | None = None
) -> MonitorPlan:
    """Return the plan for a bounded input; cuts that no version of the baseline has yet are learnt from its first rows.

    Raises ConfigError or SurroundingsError.
    """
    open_files = partial(files_of, config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    if learns_ruler(config):
        # Not saved: what a replay says follows from its input, not from which one was replayed first.
        baseline: Baseline | None = RulerLearner(config, open_files()).learn(", ".join(paths), 0)[0]
    else:
        baseline = load_baseline(config)
    return compile_plan(config, baseline, bounded=True)
