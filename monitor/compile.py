"""From configuration to plan: the one place that turns Specs into the things they describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.accumulators.moments import Moments
from monitor.alerting import Flap
from monitor.baseline import LEARNING, Baseline, BaselineFiles, NumberGroup, Season, SeasonalBaselineSpec
from monitor.checks import WINDOW_CHECKS, Reference, UnfitFiles, WindowCheck, row_checks
from monitor.config.model import model_plan_of
from monitor.config.sureness import sureness_columns
from monitor.config.text_streams import text_streams
from monitor.config.tree import Config
from monitor.decoders import DecodePlan, EventTimePlan, JsonSpec
from monitor.decoders.ahead import Ahead
from monitor.decoders.deriving import Deriving, MadeColumns
from monitor.errors import ConfigError, Problem, StoreError
from monitor.models import ModelPlan
from monitor.plan import FieldDetector, Hysteresis, MonitorPlan
from monitor.profile import frame_key
from monitor.protocols import Decoder
from monitor.segments import Dimension, Segmenter
from monitor.windows import PaneGrid


def decode_plan(config: Config) -> DecodePlan:
    """Return what the decoder is asked for."""
    return DecodePlan(
        {path: field.kept_type for path, field in config.fields.items()},
        EventTimePlan(config.time.field, config.time.unit, config.time.max_ahead),
        config.limits.max_record_bytes,
        config.limits.max_nesting_depth,
    )


def build_decoder(config: Config, *, files: bool) -> Decoder:
    """Return the decoder of the configured records; of `files` that of JSON, as which rows of any file are read.

    An envelope stays: what was exported from a topic as JSON lines has it still.
    """
    spec = JsonSpec(envelope=getattr(config.decoder, "envelope", None)) if files else config.decoder
    decoder = spec.build(decode_plan(config))
    making: tuple[MadeColumns, ...] = (*text_streams(config.fields), *sureness_columns(config.fields, config.model))
    return Ahead(Deriving(decoder, making) if making else decoder)


def load_baseline(config: Config, version: str | None = None) -> Baseline | None:
    """Return the current baseline, or the one whose version begins so; None when none is configured.

    Raises ConfigError when it is not there, damaged, or built for other types.
    """
    if config.baseline is None:
        return None
    try:
        baseline, _ = BaselineFiles(config.baseline.path).load(version)
    except StoreError as error:
        raise ConfigError([Problem("baseline.path", str(error), value=config.baseline.path)]) from error
    if problems := _unfit(config, baseline):
        raise ConfigError(problems)
    return baseline


def learns_ruler(config: Config) -> bool:
    """Return whether the cuts have to be learnt from the records first: there is no version of the baseline yet."""
    spec = config.baseline
    return isinstance(spec, LEARNING) and BaselineFiles(spec.path).current() is None


def season_of(config: Config) -> Season | None:
    """Return the season by which a baseline is built, None for none."""
    spec = config.baseline
    return Season(spec.season, spec.time_zone) if isinstance(spec, SeasonalBaselineSpec) else None


def _unfit(config: Config, baseline: Baseline) -> list[Problem]:
    """Return why a baseline cannot be used with this configuration."""
    remedy = "build the baseline again: driftline baseline build -c FILE --input DATA"
    problems = [
        Problem(
            f"fields.{path}.type",
            f"the baseline has it as {baseline.fields[path]}",
            value=field.kept_type,
            remedy=remedy,
        )
        for path, field in config.watched.items()
        if path in baseline.fields and baseline.fields[path] != field.kept_type
    ]
    problems += [
        Problem(f"fields.{path}", "the baseline does not have this field", remedy=remedy)
        for path in config.watched
        if path not in baseline.fields and (config.detectors_for(path) or path in _referred(config))
    ]
    problems += _group_problems(config, baseline, remedy)
    problems += _model_problems(config, baseline, remedy)
    season = season_of(config)
    if season is not None and (baseline.slots is None or baseline.slots.season != season):
        found = (
            f"by {baseline.slots.season.kind}, {baseline.slots.season.time_zone}" if baseline.slots else "not by hour"
        )
        wanted = f"{season.kind}, {season.time_zone}"
        problems.append(Problem("baseline.season", f"the baseline was counted {found}", value=wanted, remedy=remedy))
    return problems


def _group_problems(config: Config, baseline: Baseline, remedy: str) -> list[Problem]:
    """Return what the baseline lacks of the groups."""
    found = []
    for index, group in enumerate(config.groups):
        frame = baseline.group_frames.get(group.name)
        if frame is None or frame.fields != group.fields:
            message = (
                "the baseline does not have this group" if frame is None else "the baseline has it of other fields"
            )
            found.append(Problem(f"groups[{index}]", message, value=group.name, remedy=remedy))
        elif group.features not in (0, frame.features):
            message = f"the baseline has it with {frame.features} Fourier features"
            found.append(Problem(f"groups[{index}].drift", message, value=str(group.features), remedy=remedy))
        elif group.sampled and not frame.sampled:
            message = "the baseline has no rows of this group, which domain_classifier needs"
            found.append(Problem(f"groups[{index}].drift", message, value="domain_classifier", remedy=remedy))
    return found


def _model_problems(config: Config, baseline: Baseline, remedy: str) -> list[Problem]:
    """Return what the baseline lacks of the model; nothing where nothing is compared with it."""
    plan = model_plan(config)
    if plan is None or (baseline.model is not None and baseline.model.fits(plan)):
        return []
    compared = plan.label_shift is not None or any(spec.drop_from_baseline is not None for spec in plan.metrics)
    if not compared and baseline.model is None:
        return []
    message = "the baseline does not have the model" if baseline.model is None else "the baseline has another model"
    return [Problem("model", message, remedy=remedy)]


def model_plan(config: Config) -> ModelPlan | None:
    """Return the model that the fields' roles and the section `model` describe; None without one."""
    return model_plan_of(config.fields, config.model, baseline=config.baseline is not None)


def number_groups(config: Config) -> tuple[NumberGroup, ...]:
    """Return the groups of fields as the baseline builder takes them."""
    return tuple(NumberGroup(group.name, group.fields, group.features, group.sampled) for group in config.groups)


def build_row_checks(config: Config, specs: Sequence[Any], baseline: Baseline | None) -> tuple[Any, ...]:
    """Return the checks of some of the configuration's Specs; raises ConfigError where a file is of no use."""
    types = {path: field.type for path, field in config.watched.items()}
    try:
        return row_checks(specs, types, Reference() if baseline is None else reference_of(baseline))
    except UnfitFiles as error:
        problems = [
            Problem(f"checks[{config.checks.index(spec)}].{misfit.setting}", misfit.message, remedy=misfit.remedy)
            for spec, misfit in error.found
        ]
        raise ConfigError(problems) from error


def reference_of(baseline: Baseline) -> Reference:
    """Return what checks read of a baseline."""
    accumulators = baseline.profile.accumulators.items()
    moments = {frame_key(spec): found for spec, found in accumulators if isinstance(found, Moments)}
    return Reference(baseline.frames, moments)


def _referred(config: Config) -> set[str]:
    """Return the fields whose baseline a check is made from."""
    return {check.field for check in _row_checks(config) if getattr(check, "needs_baseline", False)}


def segment_plan(config: Config) -> list[tuple[str, int, tuple[str, ...] | None]]:
    """Return the segment dimensions as the baseline builder takes them."""
    return [(segment.field, segment.max, segment.values) for segment in config.segments]


def compile_plan(config: Config, baseline: Baseline | None, *, bounded: bool = False) -> MonitorPlan:
    """Return the plan; `bounded`: the input has an end (files, replay), so no partition is ever idle.

    Raises ConfigError where segments and baseline do not fit.
    """
    return MonitorPlan(
        monitor=config.name,
        decode=decode_plan(config),
        made={path: field.kept_type for path, field in config.watched.items() if path not in config.fields},
        grid=PaneGrid(config.window.size, config.window.pane),
        lateness_ms=config.time.lateness,
        idle_ms=None if bounded else config.time.idle,
        detectors=tuple(_detectors(config)) if baseline is not None else (),
        row_checks=build_row_checks(config, _row_checks(config), baseline),
        window_checks=_window_checks(config, baseline),
        segmenter=_segmenter(config, baseline),
        baseline=baseline,
        keeping=config.baseline,
        sequential=config.sequential,
        model=model_plan(config),
        self_test=config.self_test,
        policy=config.policy.build(),
        importance={path: field.importance for path, field in config.fields.items()},
        hysteresis=_hysteresis(config),
        links=config.links.build(),
        max_open_panes=config.limits.max_open_panes,
        config_hash=config.digest,
    )


def _hysteresis(config: Config) -> Hysteresis:
    """Return how many windows raise and clear, and what counts as flapping."""
    alerting = config.alerting
    flap = None if alerting.flap is None else Flap(alerting.flap.max, alerting.flap.within)
    return Hysteresis(alerting.raise_after, alerting.clear_after, alerting.contracts_raise_after, flap)


def _detectors(config: Config) -> list[FieldDetector]:
    """Return every field's detectors, then every group's."""
    found = []
    for path, field in config.watched.items():
        for spec in config.detectors_for(path):
            detector = spec.build()
            found.append(FieldDetector(path, spec.kind, spec, detector, detector.needs(path, field.kept_type)))
    for group in config.groups:
        for choice in group.drift:
            joint = choice.build()
            found.append(FieldDetector(group.name, choice.kind, choice, joint, joint.needs(group.name, group.fields)))
    return found


def _window_checks(config: Config, baseline: Baseline | None) -> tuple[WindowCheck, ...]:
    """Return the checks of windows; raises ConfigError where the baseline lacks what one of them needs."""
    specs: list[Any] = [spec for spec in config.checks if isinstance(spec, WINDOW_CHECKS)]
    if baseline is not None and baseline.volumes is None:
        remedy = "build the baseline again: driftline baseline build -c FILE --input DATA"
        problems = [
            Problem(f"checks[{config.checks.index(spec)}]", "the baseline has no rows by hour", remedy=remedy)
            for spec in specs
            if getattr(spec, "needs_volumes", False)
        ]
        if problems:
            raise ConfigError(problems)
    return tuple(spec.build() for spec in specs)


def _row_checks(config: Config) -> Sequence[Any]:
    """Return the Specs of the fields' contracts and of the row checks configured apart."""
    contracts = [spec for path, field in config.watched.items() for spec in field.checks(path)]
    return [*contracts, *(spec for spec in config.checks if not isinstance(spec, WINDOW_CHECKS))]


def _segmenter(config: Config, baseline: Baseline | None) -> Segmenter:
    """Return the segments: the baseline's where there is one, which must be the configured ones."""
    if baseline is not None:
        frozen = {dimension.field: dimension for dimension in baseline.segmenter.dimensions}
        remedy = "build the baseline again with these segments: driftline baseline build -c FILE --input DATA"
        problems = [
            Problem(f"segments[{i}]", "the baseline was built with other segments", value=segment.field, remedy=remedy)
            for i, segment in enumerate(config.segments)
            if segment.field not in frozen
            or (segment.values is not None and frozen[segment.field].values != segment.values)
        ]
        if len(frozen) != len(config.segments):
            problems.append(Problem("segments", "the baseline was built with other segments", remedy=remedy))
        if problems:
            raise ConfigError(problems)
        return baseline.segmenter
    return Segmenter(tuple(Dimension(s.field, s.values or ()) for s in config.segments))
