"""Detectors compare the baseline with the current window and give a score; one file each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.detectors.cardinality import CardinalityShiftSpec
from monitor.detectors.chi2 import ChiSquaredSpec
from monitor.detectors.correlation import CorrelationSpec
from monitor.detectors.domain_classifier import DomainClassifierSpec
from monitor.detectors.frechet import FrechetSpec
from monitor.detectors.hellinger import HellingerSpec
from monitor.detectors.hotelling import HotellingSpec
from monitor.detectors.js import JensenShannonSpec
from monitor.detectors.kl import KullbackLeiblerSpec
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.mean import MeanShiftSpec
from monitor.detectors.median import MedianShiftSpec
from monitor.detectors.mmd import MmdSpec
from monitor.detectors.mode import ModeShareSpec
from monitor.detectors.presence import InvalidSpec, MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.detectors.spe import SpeSpec
from monitor.detectors.tv import TotalVariationSpec
from monitor.detectors.unseen import UnseenSpec
from monitor.detectors.vanished import VanishedSpec
from monitor.detectors.variance import VarianceShiftSpec
from monitor.detectors.wasserstein import WassersteinSpec

DetectorSpec = Annotated[
    PsiSpec
    | KolmogorovSmirnovSpec
    | JensenShannonSpec
    | HellingerSpec
    | WassersteinSpec
    | TotalVariationSpec
    | ChiSquaredSpec
    | KullbackLeiblerSpec
    | MeanShiftSpec
    | VarianceShiftSpec
    | MedianShiftSpec
    | UnseenSpec
    | VanishedSpec
    | ModeShareSpec
    | CardinalityShiftSpec
    | MissingSpec
    | InvalidSpec
    | FrechetSpec,
    Field(discriminator="kind"),
]
"""Every detector that can be configured; a new one is a file and a line here."""

GroupDetectorSpec = Annotated[
    HotellingSpec | SpeSpec | CorrelationSpec | MmdSpec | DomainClassifierSpec,
    Field(discriminator="kind"),
]
"""Every detector of a group of fields; a new one is a file and a line here."""

__all__ = [
    "CardinalityShiftSpec",
    "ChiSquaredSpec",
    "CorrelationSpec",
    "DetectorSpec",
    "DomainClassifierSpec",
    "FrechetSpec",
    "GroupDetectorSpec",
    "HellingerSpec",
    "HotellingSpec",
    "InvalidSpec",
    "JensenShannonSpec",
    "KolmogorovSmirnovSpec",
    "KullbackLeiblerSpec",
    "MeanShiftSpec",
    "MedianShiftSpec",
    "MissingSpec",
    "MmdSpec",
    "ModeShareSpec",
    "PsiSpec",
    "SpeSpec",
    "TotalVariationSpec",
    "UnseenSpec",
    "VanishedSpec",
    "VarianceShiftSpec",
    "WassersteinSpec",
]
