"""The languages of texts, told by py3langid, whose model is in its package: 139 of them, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitor.hashing import HashArray

UNDETERMINED = "und"
"""The language of a text that is too short, or too mixed, to tell (ISO 639); `zxx` is said of what is no language."""
MIN_CONFIDENCE = 0.5
"""Below this probability of the likeliest language a text is undetermined; the model's are near the truth."""
MAX_CHARS = 256
"""So many characters of a text are looked at: more say nothing new, and cost 0.25 µs each."""


LANGUAGE = "language"
"""The name of the stream of languages."""
TEXT, PLACE = "text", "place"
"""What a row of such a stream holds: the text, and a hash of where it lies (uint64)."""


def placed_texts(texts: pa.StringArray, places: HashArray) -> pa.StructArray:
    """Return texts and the hash of the place of each as one array, without copying them."""
    return pa.StructArray.from_arrays([texts, pa.array(places, pa.uint64())], [TEXT, PLACE])


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - 75 MB, for those who use it

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=MIN_CONFIDENCE)


def ready() -> None:
    """Read the model, unless it was: a second, and 75 MB for as long as the process lives."""
    _identifier()


def languages_of(texts: pa.StringArray) -> Sequence[str]:
    """Return the language of each text (no nulls) by its code of two or three letters, or `und`.

    It loops over the texts, some 60 µs each, so give it a bounded sample.
    """
    identifier = _identifier()
    beginnings = pc.utf8_slice_codeunits(texts, 0, MAX_CHARS)
    return [identifier.classify(text)[0] for text in beginnings.to_pylist()]
