"""Makes any text fit to be a label value: bounded, printable, and still different from its neighbours."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

MAX_LABEL_CHARS = 200
_DIGEST_CHARS = 8
# Control characters, line separators, bidirectional overrides and lone surrogates (which UTF-8 cannot encode).
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CODE = re.compile(r"[a-z]+(?:[ _-]+[a-z]+)*", re.IGNORECASE)
_MAX_CODE_CHARS = 40


@lru_cache(maxsize=65_536)
def label_value(text: str) -> str:
    """Return `text` as a label value of at most 200 characters without control characters.

    A text that had to be changed ends in `~` and eight digits of its digest, so that two long values
    with one beginning remain two series.
    """
    printable = _UNPRINTABLE.sub("\ufffd", text)
    if printable == text and len(text) <= MAX_LABEL_CHARS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"{printable[: MAX_LABEL_CHARS - _DIGEST_CHARS - 1]}~{digest}"


def reason_code(reason: str) -> str:
    """Return the words a reason begins with, as a label value: `too few rows (3 of 50)` → `too_few_rows`.

    Numbers in a reason change with every window, so they must not make a new series each time. A reason
    that begins with no word gives `unspecified`.
    """
    words = _CODE.match(reason.strip())
    if words is None:
        return "unspecified"
    return "_".join(re.split(r"[ _-]+", words[0].lower()))[:_MAX_CODE_CHARS].rstrip("_")
