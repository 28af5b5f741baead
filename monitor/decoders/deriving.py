"""Fields that are made of other fields, right after decoding; here measures of texts, and their words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from monitor.decoded import Decoded
from monitor.decoders.preparing import prepare
from monitor.hashing import HashArray, hash_strings, mix
from monitor.protocols import Decoder
from monitor.texts.code_points import row_blocks
from monitor.texts.languages import LANGUAGE, placed_texts, ready
from monitor.texts.streams import VOCABULARY, TextBlock, vocabulary
from monitor.types import Batch, Column, Fetch, Presence, PresenceArray, TopicPartition


class MadeColumns(Protocol):
    """Something that makes columns of a batch's others, row by row, and remembers nothing."""

    def made(self, batch: Batch) -> Mapping[str, Column]:
        """Return the columns that it makes, as long as the batch's, by their names."""
        ...


@dataclass(frozen=True)
class TextStreams:
    """What is made of the text field `path`: a field `path.NAME` for each measure, one of its words, one of languages.

    At most `max_chars` characters of a text are looked at, but for its length.
    """

    path: str
    measures: tuple[str, ...]
    vocabulary: bool
    max_chars: int
    language: bool = False

    def made(self, batch: Batch) -> Mapping[str, Column]:
        """Return the column of each measure, of the words, and of the texts whose languages are told."""
        column, places = batch.columns[self.path], _places(batch)
        made = dict(_columns(column, places, self)) if self.measures or self.vocabulary else {}
        if self.language:
            ready()
            made[f"{self.path}.{LANGUAGE}"] = Column(placed_texts(column.values, places), column.presence)
        return made


class Deriving:
    """Decodes as another decoder does, and adds the fields that are made of the others.

    A field made of a text has the presence of that; where a measure is not defined (the mean word length of a text
    without words), it is absent. What it is depends on the row alone, or for samples also on partition and offset.
    """

    def __init__(self, inner: Decoder, making: Sequence[MadeColumns]) -> None:
        """Take the decoder of the fields that the records have."""
        self._inner = inner
        self._making = tuple(making)

    def prepare(self, fetch: Fetch) -> None:
        """Ask for what the inner decoder needs; raises Retryable."""
        prepare(self._inner, fetch)

    def decode(self, fetch: Fetch) -> Decoded:
        """Return what the inner decoder does, with more columns."""
        decoded = self._inner.decode(fetch)
        return replace(decoded, batch=derived(decoded.batch, self._making))


def derived(batch: Batch, making: Sequence[MadeColumns]) -> Batch:
    """Return a batch with the fields that are made of its columns."""
    columns = dict(batch.columns)
    for each in making:
        columns |= each.made(batch)
    return replace(batch, columns=columns)


def _columns(column: Column, places: HashArray, streams: TextStreams) -> Iterator[tuple[str, Column]]:
    """Yield name and column of each field that is made of a text column."""
    texts, places = column.valid, places[column.ok]
    parts: list[Mapping[str, Any]] = []
    for rows in row_blocks(texts):
        block = TextBlock.of(texts[rows], places[rows], streams.max_chars)
        found: dict[str, Any] = {name: block.measure(name) for name in streams.measures}
        parts.append(found | ({VOCABULARY: vocabulary(block)} if streams.vocabulary else {}))
    for name in streams.measures:
        values = [part[name] for part in parts]
        yield f"{streams.path}.{name}", _names(column, values) if name == "script" else _numbers(column, values)
    if streams.vocabulary:
        yield f"{streams.path}.{VOCABULARY}", _lists(column, [part[VOCABULARY] for part in parts])


def _numbers(column: Column, parts: Sequence[Any]) -> Column:
    """Return the column of a measure of the usable texts; NaN is absent."""
    values = np.zeros(len(column))
    presence: PresenceArray = column.presence.copy()
    if parts:
        found = np.concatenate(parts)
        defined = ~np.isnan(found)
        rows = np.flatnonzero(column.ok)
        values[rows[defined]] = found[defined]
        presence[rows[~defined]] = Presence.ABSENT
    return Column(values, presence)


def _names(column: Column, parts: Sequence[Any]) -> Column:
    """Return the column of names of the usable texts; null where there is none."""
    rows = np.cumsum(column.ok) - 1
    found = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
    return Column(found.take(pa.array(rows, mask=~column.ok)), column.presence)


def _lists(column: Column, parts: Sequence[tuple[Any, Any]]) -> Column:
    """Return the column of the words of each usable text, an Arrow list of strings; empty for the others."""
    counts = np.zeros(len(column) + 1, np.int32)
    words = pa.concat_arrays([found for found, _ in parts]) if parts else pa.array([], pa.string())
    if parts:
        counts[1:][column.ok] = np.concatenate([each for _, each in parts])
    return Column(pa.ListArray.from_arrays(pa.array(np.cumsum(counts, dtype=np.int32)), words), column.presence)


def _places(batch: Batch) -> HashArray:
    """Return a stable hash of the partition and offset of each row."""
    return mix(batch.offsets.astype(np.uint64) ^ _partition_hash(batch.partition))


def _partition_hash(partition: TopicPartition) -> Any:
    return mix(hash_strings(pa.array([partition.topic])) ^ np.uint64(partition.partition))[0]
