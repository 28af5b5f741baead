"""A text must be of a well-known format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from monitor.checks import patterns
from monitor.checks.codes import COUNTRIES, CURRENCIES, IBAN_LENGTHS
from monitor.checks.digits import end_in_digit, luhn, mod_97, real_days
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS, TextPredicate, failing_texts, mask, matching
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

Format = Literal[
    "card",
    "country",
    "currency",
    "e164",
    "email",
    "hostname",
    "iban",
    "ip",
    "ipv4",
    "ipv6",
    "iso_date",
    "iso_datetime",
    "semver",
    "url",
    "uuid",
]


class FormatSpec(Spec):
    """Fails a text that is not of the format; the configuration reference says what each format accepts."""

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          iban: {type: text}
        checks:
          - {kind: format, field: iban, format: iban, severity: critical}
    """

    kind: Literal["format"] = "format"
    field: CheckedField
    format: Format = Field(description="the format that the text must have")
    name: CheckName = Field(default_factory=named("format"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> TextFormat:
        """Return the check."""
        return TextFormat(self)


@dataclass(frozen=True)
class TextFormat:
    """Fails usable texts of another format; evaluates the usable ones.

    Nothing is trimmed or folded first: `" DE"` and `"de"` are no countries. Raises KeyError when no column
    is that field's, TypeError when the field is numeric.
    """

    spec: FormatSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        accepts = _ACCEPTS[self.spec.format]
        return failing_texts(batch, self.spec.field, lambda texts: ~accepts(texts))


def _like(pattern: str, *also: TextPredicate) -> TextPredicate:
    """Return what accepts a text that matches, and of which all of `also` are true; they see only such texts."""

    def accepts(texts: pa.StringArray) -> MaskArray:
        accepted = matching(texts, pattern)
        for holds in also:
            if accepted.all():
                accepted = holds(texts)
            else:
                accepted[accepted] = holds(texts.filter(pa.array(accepted)))
        return accepted

    return accepts


def _where(suspect: TextPredicate, holds: TextPredicate) -> TextPredicate:
    """Return what asks `holds`, which is slow, of suspect texts only and accepts the others."""

    def accepts(texts: pa.StringArray) -> MaskArray:
        asked = suspect(texts)
        accepted = np.ones(len(texts), np.bool_)
        if asked.any():
            accepted[asked] = holds(texts.filter(pa.array(asked)))
        return accepted

    return accepts


def _one_of(codes: Iterable[str]) -> TextPredicate:
    """Return what accepts the listed texts."""
    listed = pa.array(sorted(codes), pa.string())
    return lambda texts: mask(pc.is_in(texts, value_set=listed))


def _unlike(pattern: str) -> TextPredicate:
    """Return what accepts the texts that do not match."""
    return lambda texts: ~matching(texts, pattern)


def _at_most(length: int) -> TextPredicate:
    """Return what accepts texts of at most so many bytes."""
    return lambda texts: mask(pc.less_equal(pc.binary_length(texts), length))


def _longer(length: int) -> TextPredicate:
    """Return what finds texts of more bytes than that."""
    return lambda texts: mask(pc.greater(pc.binary_length(texts), length))


def _local_part_fits(texts: pa.StringArray) -> MaskArray:
    """Return which mail addresses have at most 64 characters before the @."""
    return mask(pc.less_equal(pc.find_substring(texts, "@"), 64))


def _domain_fits(texts: pa.StringArray) -> MaskArray:
    """Return which mail addresses have a domain that is a host name, given that it is written like one."""
    return _hostname(pc.replace_substring_regex(texts, r"\A.*@", ""))


def _iban_length(texts: pa.StringArray) -> MaskArray:
    """Return which texts are as long as the IBANs of the country that they begin with."""
    countries = pa.array(list(IBAN_LENGTHS), pa.string())
    wanted = np.array([*IBAN_LENGTHS.values(), -1], np.int64)
    country = pc.index_in(pc.utf8_slice_codeunits(texts, 0, 2), value_set=countries).fill_null(-1)
    lengths: MaskArray = wanted[np.asarray(country)] == np.asarray(pc.binary_length(texts))
    return lengths


def _host_fits(texts: pa.StringArray) -> MaskArray:
    """Return which URLs have a host that is a host name or an IPv4 address, given that it is written like one."""
    hosts = pc.replace_substring_regex(texts, patterns.HOST_OF_URL, r"\1")
    return matching(hosts, rf"\[.*\]|{patterns.IPV4}") | _hostname(hosts)


_hostname = _like(
    patterns.HOSTNAME,
    _where(_longer(63), _unlike(patterns.LONG_LABEL)),
    _at_most(253),
    _where(end_in_digit, _unlike(patterns.NUMERIC_LAST_LABEL)),
)
_ACCEPTS: Mapping[str, TextPredicate] = {
    "card": _like(patterns.CARD, luhn),
    "country": _one_of(COUNTRIES),
    "currency": _one_of(CURRENCIES),
    "e164": _like(patterns.E164),
    "email": _like(
        patterns.EMAIL,
        _at_most(254),
        _local_part_fits,
        _where(_longer(63), _domain_fits),
        _where(end_in_digit, _domain_fits),
    ),
    "hostname": _hostname,
    "iban": _like(patterns.IBAN, _iban_length, lambda texts: mod_97(texts) == 1),
    "ip": _like(f"{patterns.IPV4}|{patterns.IPV6}"),
    "ipv4": _like(patterns.IPV4),
    "ipv6": _like(patterns.IPV6),
    "iso_date": _like(patterns.DATE, real_days),
    "iso_datetime": _like(patterns.DATETIME, real_days),
    "semver": _like(patterns.SEMVER),
    "url": _like(
        patterns.URL,
        _where(_longer(70), _where(_like(patterns.LONG_HOST), _host_fits)),
        _where(_like(patterns.HOST_ENDS_IN_DIGIT), _host_fits),
    ),
    "uuid": _like(patterns.UUID),
}
