"""Mergeable statistics of one column: one file each, all kinds in the union `AccumulatorSpec`.

A new kind is a file here, a line in the union; the law tests then cover it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.comoment import ComomentSpec
from monitor.accumulators.distinct import DistinctSpec
from monitor.accumulators.fourier import FourierSpec
from monitor.accumulators.frame import Frame
from monitor.accumulators.frequent import FrequentSpec
from monitor.accumulators.group_frame import GroupFrame
from monitor.accumulators.histogram import HistogramSpec
from monitor.accumulators.languages import LanguagesSpec
from monitor.accumulators.log_cells import LogCellsSpec
from monitor.accumulators.moments import MomentsSpec
from monitor.accumulators.presence import PresenceSpec
from monitor.accumulators.quantiles import QuantilesSpec
from monitor.accumulators.sample import SampleSpec
from monitor.accumulators.text import TextSpec
from monitor.accumulators.vector import VectorSpec
from monitor.accumulators.words import WordsSpec

AccumulatorSpec = Annotated[
    PresenceSpec
    | MomentsSpec
    | HistogramSpec
    | CategoriesSpec
    | QuantilesSpec
    | DistinctSpec
    | TextSpec
    | FrequentSpec
    | LanguagesSpec
    | LogCellsSpec
    | VectorSpec
    | ComomentSpec
    | FourierSpec
    | SampleSpec
    | WordsSpec,
    Field(discriminator="kind"),
]
"""Any accumulator's Spec, told apart by `kind`."""

__all__ = [
    "AccumulatorSpec",
    "CategoriesSpec",
    "ComomentSpec",
    "DistinctSpec",
    "FourierSpec",
    "Frame",
    "FrequentSpec",
    "GroupFrame",
    "HistogramSpec",
    "LanguagesSpec",
    "LogCellsSpec",
    "MomentsSpec",
    "PresenceSpec",
    "QuantilesSpec",
    "SampleSpec",
    "TextSpec",
    "VectorSpec",
    "WordsSpec",
]
