"""MessagePack records to columns: msgspec reads the asked fields of each record, in C."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np

from monitor.decoded import Decoded
from monitor.decoders.duck import Duck
from monitor.decoders.finishing import asked_fields, finish, sampled
from monitor.decoders.gzipped import Compression
from monitor.decoders.object_fields import MISSING, object_column, picked
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve, sift_raw
from monitor.decoders.unwrapping import Envelope, unwrapped
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Column, Fetch

_REASONS = ("", "malformed", "encoding", "nesting", "not_object")
_MALFORMED, _ENCODING, _NESTING, _NOT_OBJECT = 1, 2, 3, 4


class MsgpackSpec(Spec):
    """One MessagePack map a record, its keys texts."""

    kind: Literal["msgpack"] = "msgpack"
    compression: Compression = "none"
    envelope: Envelope = None

    def build(self, plan: DecodePlan) -> Decoder:
        """Return a decoder for the fields of `plan`; use it from one thread."""
        return unwrapped(MsgpackDecoder, plan, compression=self.compression, envelope=self.envelope)


class MsgpackDecoder:
    """Decodes MessagePack maps to typed columns with honest types.

    There is no columnar reader of MessagePack, so each record is one call into msgspec, which keeps the
    asked top-level fields and skips the others unread; after that each field is one pass in C. Of repeated keys
    the last counts. Bytes and extensions are a wrong type; a timestamp is a text of ISO 8601. Rejects:
    oversize, malformed (also: anything after the map), encoding, nesting (deeper than Python's recursion
    limit), not_object (also: a key that is no text), event_time_missing, event_time_invalid,
    event_time_ahead. Unknown fields are sampled, one record in 64.
    """

    def __init__(self, plan: DecodePlan) -> None:
        """Prepare the reader for the fields of `plan`."""
        self._plan = plan
        self._duck = Duck()
        self._fields = asked_fields(plan)
        tops = dict.fromkeys(path.split(".", 1)[0] for path in self._fields)
        # Python wants identifiers for attributes, so the fields are numbered and renamed.
        self._attributes = {top: f"field_{i}" for i, top in enumerate(tops)}
        wanted = [(attribute, object, MISSING) for attribute in self._attributes.values()]
        names = {attribute: top for top, attribute in self._attributes.items()}
        row = msgspec.defstruct("Row", wanted, rename=names, gc=False)
        self._decode = msgspec.msgpack.Decoder(row).decode
        self._decode_any = msgspec.msgpack.Decoder().decode

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        sieve = Sieve(np.arange(len(fetch)))
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes).to_pylist()
        read = list(map(self._read, values))
        faults = np.fromiter((item if type(item) is int else 0 for item in read), np.int32, len(read))
        if faults.any():
            keep = np.flatnonzero(sieve.reject_each(faults, _REASONS)).tolist()
            read, values = [read[i] for i in keep], [values[i] for i in keep]
        sample = [values[i] for i in sampled(fetch, sieve).tolist()]
        return finish(self._duck, self._plan, fetch, sieve, self._columns(read), self._unknown(sample))

    def _read(self, value: bytes) -> Any:
        """Return the asked fields of one record, or the number of the reason why not."""
        try:
            return self._decode(value)
        except UnicodeDecodeError:
            return _ENCODING
        except RecursionError:
            return _NESTING
        except ValueError:
            return self._fault(value)

    def _fault(self, value: bytes) -> int:
        """Return why a record that is no map of texts is none: is it anything at all?"""
        try:
            whole = self._decode_any(value)
        except UnicodeDecodeError:
            return _ENCODING
        except RecursionError:
            return _NESTING
        except (ValueError, TypeError):
            # TypeError: a key that Python cannot hash, such as a map.
            return _MALFORMED
        # A timestamp out of range is let through by neither; as the value of a skipped field it would be.
        return _NOT_OBJECT if type(whole) is not dict or any(type(key) is not str for key in whole) else _MALFORMED

    def _columns(self, rows: list[Any]) -> dict[str, Column]:
        """Return the columns of the asked fields."""
        columns = {}
        for path, kind in self._fields.items():
            top, *below = path.split(".")
            values = list(map(attrgetter(self._attributes[top]), rows))
            for name in below:
                values = picked(values, name)
            columns[path] = object_column(values, kind)
        return columns

    def _unknown(self, sample: list[bytes]) -> tuple[str, ...]:
        """Return the top-level keys that no configured path begins with."""
        keys: set[str] = set()
        for value in sample:
            try:
                keys.update(key for key in self._decode_any(value) if type(key) is str)
            except (ValueError, RecursionError, TypeError):
                # A field that is skipped may hold what cannot be read.
                continue
        return tuple(sorted(keys - set(self._attributes)))
