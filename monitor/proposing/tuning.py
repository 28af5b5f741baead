"""Changes a draft so that the sample it was made from gives no alert, and leaves headroom for what comes."""

from __future__ import annotations

from dataclasses import replace

from monitor.config.tree import Config
from monitor.proposing.bounds import round_up
from monitor.proposing.draft import Detector, Draft, Tuning
from monitor.proposing.trial import Seen, Trial

_HEADROOM = {"psi": 4.0, "ks": 2.0, "missing": 2.0}
"""A threshold is at least so many times what two successive windows share: twice the shift, whose square PSI is."""
_TOLERANCE = 2.0
_HIGHEST = {"psi": 1.5, "ks": 0.6, "missing": 0.8}
"""Where a threshold would have to be higher than this, the detector would say little, and is left out."""


def tuned(draft: Draft, config: Config, trial: Trial) -> Draft:
    """Return the draft with thresholds, tolerances and checks that the trial's windows all pass."""
    tuning = draft.tuning
    detectors, unstable = dict(tuning.detectors), dict(tuning.unstable)
    for proposal in draft.watched:
        if proposal.path in detectors or proposal.drift_off is not None:
            continue
        found = {
            spec.kind: _detector(spec.kind, spec.warning, spec.critical, _seen(trial, proposal.path, spec.kind))
            for spec in config.detectors_for(proposal.path)
        }
        lost = [f"{kind} {_seen(trial, proposal.path, kind).lasting:.2f}" for kind, own in found.items() if own is None]
        kept = tuple(detector for detector in found.values() if detector is not None)
        if lost or any(detector.why for detector in kept):
            detectors[proposal.path] = kept
        if lost:
            unstable[proposal.path] = (
                f"moves within the sample: {', '.join(lost)} in two successive windows, so that no threshold would help"
            )
    tolerated, muted = _failures(draft, trial)
    return replace(draft, tuning=Tuning(detectors, unstable, tolerated, muted))


def _seen(trial: Trial, path: str, kind: str) -> Seen:
    return trial.scores.get((path, kind), Seen())


def _failures(draft: Draft, trial: Trial) -> tuple[dict[str, tuple[float, str]], dict[str, str]]:
    """Return what is tolerated of fields' contracts, and which checks are left out, so that nothing fails."""
    tolerated, muted = dict(draft.tuning.tolerated), dict(draft.tuning.muted)
    paths = {proposal.path for proposal in draft.watched}
    own = {check.name for check in draft.checks}
    for name, (path, ratio) in trial.failures.items():
        if name in own:
            muted[name] = "would have failed in the sample" + (f": up to {ratio:.2%} of a window" if ratio else "")
        elif path in paths:
            limit = min(round_up(_TOLERANCE * ratio), 1.0)
            if limit > tolerated.get(path, (0.0, ""))[0]:
                why = f"{name} fails in up to {ratio:.2%} of a window's rows; more than {limit:.2%} is news"
                tolerated[path] = limit, why
    return tolerated, muted


def changes(draft: Draft) -> int:
    """Return how many fields the trial has taken detectors from."""
    return len(draft.tuning.unstable)


def _detector(kind: str, warning: float, critical: float, seen: Seen) -> Detector | None:
    """Return the detector with thresholds that leave headroom; None where they would have to be too high."""
    needed = _HEADROOM.get(kind, 2.0) * seen.lasting
    if needed <= warning:
        return Detector(kind, warning, critical, "")
    if needed > _HIGHEST.get(kind, 1.0):
        return None
    own = round_up(needed)
    why = f"twice the shift of two successive windows of the sample ({kind} {seen.lasting:.2f})"
    worse = round_up(2 * needed) if kind == "psi" else min(round_up(2 * needed), (1 + own) / 2)
    return Detector(kind, own, max(critical, worse), why)
