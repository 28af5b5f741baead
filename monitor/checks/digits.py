"""Arithmetic on the characters of texts: check digits and calendar days, all rows at once.

The loops here go over character positions, of which there are at most 34, never over rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.types import IntArray, MaskArray

_DIGIT = np.zeros(256, np.int16)
_DIGIT[48:58] = range(10)
_DOUBLED = np.where(_DIGIT > 4, 2 * _DIGIT - 9, 2 * _DIGIT)
_VALUE = np.zeros(256, np.int64)
_VALUE[48:58] = range(10)
_VALUE[65:91] = range(10, 36)
_SHIFT = np.ones(256, np.int64)  # nothing is added behind the end of a text, so nothing is shifted
_SHIFT[48:58] = 10
_SHIFT[65:91] = 100
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int16)


def byte_matrix(texts: pa.StringArray, width: int) -> NDArray[np.uint8]:
    """Return the first `width` bytes of each text as a column (width x texts), zeros below its end; no nulls."""
    _, offsets_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None or not data_buffer.size:
        return np.zeros((width, len(texts)), np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)
    lengths = np.diff(offsets)
    if lengths.min() == lengths.max() >= width:  # as dates and most numbers are; no index of each byte then
        return np.ascontiguousarray(data[offsets[0] : offsets[-1]].reshape(len(texts), -1)[:, :width].T)
    out = np.zeros((width, len(texts)), np.uint8)
    for place in range(width):
        np.copyto(out[place], data[np.minimum(offsets[:-1] + place, len(data) - 1)], where=lengths > place)
    return out


def luhn(texts: pa.StringArray) -> MaskArray:
    """Return which texts of at most 19 ASCII digits pass the Luhn algorithm (ISO/IEC 7812-1, annex B)."""
    symbols = byte_matrix(texts, 19)
    odd = (np.count_nonzero(symbols, axis=0) % 2).astype(np.bool_)
    total = np.zeros(len(texts), np.int16)
    for place, symbol in enumerate(symbols):
        # The last digit is taken as it is, the one before it doubled, and so on to the left.
        doubled = odd if place % 2 else ~odd
        total += np.where(doubled, _DOUBLED[symbol], _DIGIT[symbol])
    right: MaskArray = total % 10 == 0
    return right


def mod_97(texts: pa.StringArray) -> IntArray:
    """Return the remainder by 97 of each IBAN of at most 34 of 0-9 and A-Z (ISO 7064 MOD 97-10); 1 is right.

    The first four characters are taken last, and a letter is its number from 10 for A to 35 for Z.
    """
    symbols = byte_matrix(texts, 34)
    rest = np.zeros(len(texts), np.int64)
    for turn, place in enumerate((*range(4, 34), *range(4))):
        rest = rest * _SHIFT[symbols[place]] + _VALUE[symbols[place]]
        if turn % 7 == 6:  # 97 x 100^8 is still far below 2^63
            rest %= 97
    return rest % 97


def end_in_digit(texts: pa.StringArray) -> MaskArray:
    """Return which texts have an ASCII digit at their end; texts without nulls, of at least one byte."""
    if not len(texts):
        return np.zeros(0, np.bool_)
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset + 1 : texts.offset + len(texts) + 1]
    last = np.frombuffer(texts.buffers()[2], np.uint8)[ends - 1]
    digits: MaskArray = (last >= 48) & (last <= 57)
    return digits


def real_days(texts: pa.StringArray) -> MaskArray:
    """Return which texts that begin with `dddd-dd-dd` name a day of the Gregorian calendar, years 1 to 9999."""
    y1, y2, y3, y4, _, m1, m2, _, d1, d2 = _DIGIT[byte_matrix(texts, 10)]
    year = y1 * 1000 + y2 * 100 + y3 * 10 + y4
    month, day = m1 * 10 + m2, d1 * 10 + d2
    possible = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)) & (month == 2)
    real: MaskArray = possible & (day <= _DAYS[np.where(possible, month, 0)] + leap)
    return real
