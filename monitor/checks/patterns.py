"""The RE2 patterns of formats; each is matched against the whole text."""

from __future__ import annotations

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"

_HEX = "[0-9A-Fa-f]{1,4}"


def _ipv6() -> str:
    """Return RFC 4291 section 2.2: eight groups, or fewer around one `::`; the last two may be an IPv4 address."""
    tail = f"(?:{_HEX}:{_HEX}|{IPV4})"
    forms = [f"(?:{_HEX}:){{6}}{tail}"]
    for before in range(7):
        left = f"(?:{_HEX}(?::{_HEX}){{0,{before - 1}}})?" if before else ""
        after = 7 - before
        # `before` groups at most on the left, so that 7 in all are never exceeded.
        right = [f"(?:{_HEX}(?::{_HEX}){{0,{after - 1}}})?"]
        if after >= 2:
            right.append(f"(?:{_HEX}:){{0,{after - 2}}}{IPV4}")
        forms.append(f"{left}::(?:{'|'.join(right)})")
    forms.append(f"{_HEX}(?::{_HEX}){{0,6}}::")
    return f"(?:{'|'.join(forms)})"


IPV6 = _ipv6()

# Lengths are looked at apart, and only of long texts: counting to 63 makes RE2 several times slower.
_LABEL = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
HOSTNAME = rf"{_LABEL}(?:\.{_LABEL})*"
LONG_LABEL = r"(?:.*\.)?[^.]{64,}(?:\..*)?"
NUMERIC_LAST_LABEL = r"(?:.*\.)?[0-9]+"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
EMAIL = rf"{_ATEXT}+(?:\.{_ATEXT}+)*@{_LABEL}(?:\.{_LABEL})+"

_PORT = r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})?)?"
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_USER = r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
URL = (
    rf"[A-Za-z][A-Za-z0-9+.-]*://{_USER}(?:\[{IPV6}\]|{HOSTNAME}){_PORT}"
    rf"(?:/{_PCHAR}*)*(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
)
_AUTHORITY = r"[^:]*://(?:[^/?#@]*@)?"
HOST_OF_URL = rf"\A{_AUTHORITY}(\[[^\]]*\]|[^:/?#]*)(?s:.*)\z"
HOST_ENDS_IN_DIGIT = rf"{_AUTHORITY}[^:/?#\[]*[0-9](?:[:/?#].*)?"
LONG_HOST = rf"{_AUTHORITY}[^:/?#\[]{{64,}}.*"

UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
E164 = r"\+[1-9][0-9]{6,14}"
CARD = "[0-9]{12,19}"
IBAN = "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"

_NUMBER = "(?:0|[1-9][0-9]*)"
_PRERELEASE = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)

DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
DATETIME = rf"{DATE}[Tt ]{_HOUR_MINUTE}(?::[0-5][0-9](?:\.[0-9]{{1,9}})?)?(?:[Zz]|[+-]{_HOUR_MINUTE})?"
