"""The arithmetic of causes: mix against within, segments ranked, onsets, and what moves together; on plain arrays."""

from monitor.rootcause.attribution import Attribution, attribute
from monitor.rootcause.grouping import CORRELATED, TOLERANCE, Fault, Moving, faults, together
from monitor.rootcause.onset import NEVER_MS, Onsets, evidence
from monitor.rootcause.ranking import DimensionCause, SegmentCause, rank_segments, succinct, surprise
from monitor.rootcause.split import best_split, g_statistics

__all__ = [
    "CORRELATED",
    "NEVER_MS",
    "TOLERANCE",
    "Attribution",
    "DimensionCause",
    "Fault",
    "Moving",
    "Onsets",
    "SegmentCause",
    "attribute",
    "best_split",
    "evidence",
    "faults",
    "g_statistics",
    "rank_segments",
    "succinct",
    "surprise",
    "together",
]
