"""Labels and annotators as 64 bits each, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.checks.agreement_alpha import Scale
from monitor.checks.keys import EXACT
from monitor.errors import StoreError
from monitor.hashing import hash_strings
from monitor.printable import printable
from monitor.protocols import State
from monitor.types import Column, FloatArray, IntArray, MaskArray

_MAX_NAMES = 2000
"""So many labels and annotators are known by name; others go by their hash."""
_NAME_CHARS = 40


class Labels:
    """Encodes labels: a number as the bits of its float64, a text by its hash or as its place in the order."""

    def __init__(self, scale: Scale, order: Sequence[str] | None) -> None:
        """Start without names."""
        self._scale = scale
        self._order = None if order is None else pa.array(order, pa.string())
        self._texts = False
        self._names: dict[int, str] = {}

    def usable(self, column: Column) -> MaskArray:
        """Return the rows whose label can be one: in the order where there is one, not negative where it is a ratio."""
        usable = column.ok
        if self._order is not None:
            usable = usable & np.asarray(pa.compute.is_in(column.values, value_set=self._order))
        elif self._scale == "ratio":
            usable = usable & (column.ok & (np.where(column.ok, column.values, 0.0) >= 0))
        if isinstance(column.values, np.ndarray):
            usable = usable & (np.abs(np.where(column.ok, column.values, 0.0)) < EXACT)
        return usable

    def encode(self, column: Column) -> IntArray:
        """Return the labels of a column of usable ones."""
        if self._order is not None:
            places = np.asarray(pa.compute.index_in(column.values, value_set=self._order), np.float64)
            return places.view(np.int64)
        # A number of a scale is its own name.
        return self._coded(column, named=self._scale == "nominal")

    def annotators(self, column: Column) -> IntArray:
        """Return the ids of annotators."""
        return self._coded(column, named=True)

    def numbers(self, labels: IntArray) -> FloatArray:
        """Return what labels stand for; of a nominal scale any number, in an order that is always the same."""
        if self._scale == "nominal":
            return np.argsort(np.argsort(labels, kind="stable"), kind="stable").astype(np.float64)
        return np.ascontiguousarray(labels).view(np.float64)

    def label(self, code: int) -> str:
        """Return what a label is called."""
        if self._order is not None:
            return printable(self._order[int(np.array([code]).view(np.float64)[0])].as_py(), _NAME_CHARS)
        if self._scale != "nominal":
            return format(float(np.array([code]).view(np.float64)[0]), ".10g")
        return self.annotator(code)

    def annotator(self, code: int) -> str:
        """Return what an annotator is called; a number is itself, and somebody without a known name is a hash."""
        name = self._names.get(code)
        if name is not None:
            return printable(name, _NAME_CHARS)
        return f"#{code & 0xFFFFFFFFFFFFFFFF:016x}"

    def keep(self, codes: IntArray) -> None:
        """Forget the names of everything else, once they are many."""
        if len(self._names) > _MAX_NAMES // 2:
            known = np.fromiter(self._names, np.int64, len(self._names))
            kept = set(known[np.isin(known, codes)].tolist())
            self._names = {code: name for code, name in self._names.items() if code in kept}

    def _coded(self, column: Column, *, named: bool) -> IntArray:
        """Return the values of a usable column as 64 bits; what new ones are called is remembered where `named`."""
        values = column.values
        if isinstance(values, np.ndarray):
            numbers: IntArray = (values + 0.0).view(np.int64)
            if not named:
                return numbers
            found, first = np.unique(numbers, return_index=True)
            names = [format(value, ".10g") for value in values[first[:_MAX_NAMES]].tolist()]
            self._name(found[:_MAX_NAMES].tolist(), names)
            return numbers
        coded = values.dictionary_encode()
        codes: IntArray = hash_strings(coded.dictionary).view(np.int64)
        self._name(codes[:_MAX_NAMES].tolist(), coded.dictionary[:_MAX_NAMES])
        each: IntArray = codes[np.asarray(coded.indices)]
        return each

    def _name(self, codes: Sequence[int], names: Sequence[object]) -> None:
        for code, name in zip(codes, names, strict=True):
            if len(self._names) >= _MAX_NAMES:
                return
            if code not in self._names:
                self._names[code] = str(name)[:_NAME_CHARS]

    def state(self) -> State:
        """Return the names."""
        return {str(code): name for code, name in self._names.items()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        try:
            self._names = {int(code): str(name) for code, name in state.items()}
        except ValueError as error:
            raise StoreError(f"stored names of labels are damaged ({error}); reset the checkpoint") from error
