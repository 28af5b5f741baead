"""Values behind the id of a schema that need no schema to be read: the id is looked at and taken away."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitor.decoded import Decoded, Rejects
from monitor.decoders.parts import part_of, whole_of
from monitor.decoders.registry import SchemaRegistry
from monitor.decoders.wire import UNFRAMED, bodies, framed_ids, schema_ids
from monitor.protocols import Decoder
from monitor.types import Fetch

_REASONS = np.array(["", "not_framed", "schema_unknown", "schema_unsupported"], object)
_NOT_FRAMED, _UNKNOWN, _UNSUPPORTED = 1, 2, 3


class Framed:
    """Takes Confluent's framing off values whose schemas are registered as of one type, for another decoder.

    Rejects: not_framed, schema_unknown, schema_unsupported (registered as of another type).
    """

    def __init__(self, inner: Decoder, registry: SchemaRegistry, schema_type: str) -> None:
        """Take the framing off for `inner`."""
        self._inner = inner
        self._registry = registry
        self._type = schema_type

    def prepare(self, fetch: Fetch) -> None:
        """Ask for every schema that the records name; raises Retryable while the registry does not answer."""
        self._registry.schemas(framed_ids(fetch.values.drop_null()))

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data, and asks nobody."""
        present = np.flatnonzero(np.asarray(fetch.values.is_valid()))
        ids = schema_ids(fetch.values.take(pa.array(present)))
        distinct, group = np.unique(ids, return_inverse=True)
        faults = np.zeros(len(fetch), np.int64)
        faults[present] = np.array([self._fault(i) for i in distinct.tolist()], np.int64)[group]
        good, bad = np.flatnonzero(faults == 0), np.flatnonzero(faults)
        values = bodies(fetch.values.take(pa.array(good)) if len(bad) else fetch.values)
        inner = self._inner.decode(part_of(fetch, good, values))
        return whole_of([(good, inner)], Rejects(bad, tuple(_REASONS[faults[bad]])))

    def _fault(self, schema_id: int) -> int:
        """Return what is wrong with all records of an id, 0: nothing."""
        if schema_id == UNFRAMED:
            return _NOT_FRAMED
        schema = self._registry.known([schema_id]).get(schema_id)
        if schema is None:
            return _UNKNOWN
        return 0 if schema.type == self._type else _UNSUPPORTED
