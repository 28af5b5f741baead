"""Writes metric families as Prometheus text or OpenMetrics.

The same bytes as prometheus_client's own renderers (a test compares them) in a third of the time, since every
name declared here is known to be legal, and the lines of samples are the same in both formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Final, Literal

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from monitor.export.collector import Family, Labels, metric_of
from monitor.snapshot import DelayView

Format = Literal["text", "openmetrics"]
_SUFFIX: Final = {"counter": "_total", "info": "_info"}
_PLAIN: Final = 1e6
"""Below it Go writes a number as Python does."""
_TEXT_KIND: Final = {"info": "gauge"}


def render(families: Iterable[Metric], form: Format) -> bytes:
    """Return the families' headers and samples, without OpenMetrics' end mark."""
    lines: list[str] = []
    for family in families:
        lines.append(_header(family, form))
        names: tuple[str, ...] = ()
        order: list[str] = []
        for sample in family.samples:
            if names != tuple(sample.labels):
                names, order = tuple(sample.labels), sorted(sample.labels)
            pairs = ",".join([f'{name}="{_escaped(sample.labels[name])}"' for name in order])
            lines.append(
                f"{sample.name}{{{pairs}}} {_number(sample.value)}\n"
                if pairs
                else f"{sample.name} {_number(sample.value)}\n"
            )
    return "".join(lines).encode()


class SeriesText:
    """Writes the families of a snapshot, and remembers what stands before each number until the next one.

    Most series of a snapshot were in the last one too, and only their numbers are new.
    """

    def __init__(self) -> None:
        """Remember nothing."""
        self._heads: dict[str, tuple[Labels, Sequence[str]]] = {}

    def render(self, families: Iterable[Family], form: Format) -> bytes:
        """Return the same bytes as `render` of the families as metrics."""
        return b"".join(self._family(family, form) for family in families)

    def _family(self, family: Family, form: Format) -> bytes:
        declared, metric = family.declared, metric_of(Family(family.declared, (), ()))
        if declared.kind == "histogram":
            return render([metric_of(family)], form)
        numbers = ("1.0",) * len(family.labels) if declared.kind == "info" else _numbers(family.values)
        lines = chain.from_iterable(zip(self._heads_of(family), numbers, repeat("\n")))
        return (_header(metric, form) + "".join(lines)).encode()

    def _heads_of(self, family: Family) -> Sequence[str]:
        """Return what stands before the number of each series; the remembered ones where the labels are the same."""
        name, names = family.declared.name, ("monitor", *family.declared.labels)
        labels, heads = self._heads.get(name, ((), ()))
        if labels is not family.labels:
            before = dict(zip(labels, heads, strict=True))
            heads = [before.get(values) or _head(name, names, values) for values in family.labels]
            self._heads[name] = (family.labels, heads)
        return heads


def _head(name: str, names: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """Return what stands before a series' number."""
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(zip(names, labels, strict=True)))
    return f"{name}{{{pairs}}} "


def _header(family: Metric, form: Format) -> str:
    """Return HELP and TYPE; OpenMetrics names a family without its samples' suffix, and escapes quotes as well."""
    if form == "openmetrics":
        name, kind, what = family.name, family.type, _escaped(family.documentation)
    else:
        name = family.name + _SUFFIX.get(family.type, "")
        kind = _TEXT_KIND.get(family.type, family.type)
        what = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {what}\n# TYPE {name} {kind}\n"


@lru_cache(maxsize=65_536)
def _escaped(value: str) -> str:
    """Return a label value as it stands between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _numbers(values: Sequence[Any]) -> Iterable[str]:
    """Return values, none of them NaN, as Go would write them, which is what both formats call canonical."""
    floats = list(map(float, values))
    if floats and min(floats) > -_PLAIN and max(floats) < _PLAIN:  # most of them; the same text in a third of the time
        return map(repr, floats)
    return map(_number, floats)


def _number(value: float | DelayView) -> str:
    """Return a value as Go would write it."""
    if type(value) is float and -_PLAIN < value < _PLAIN:
        return repr(value)
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]
