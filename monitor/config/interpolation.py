"""`${VAR}`, `${VAR:-default}` and `${file:/path}` inside text; `$${` is a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILE_BYTES = 65_536
MAX_TEXT_CHARS = 1_048_576
"""One text is no longer than this with what its references bring in; those that would make it so are faults."""
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclass
class Expansion:
    """Text after interpolation; `outside` when any of it came from the environment or a file."""

    text: str
    outside: bool = False
    faults: list[tuple[str, str]] = field(default_factory=list)
    """What could not be had, each with its remedy."""


def expand(text: str, env: Mapping[str, str]) -> Expansion:
    """Return `text` with every reference replaced once; what comes in is never looked at again.

    A variable that is not set and has no default, an unreadable file and a malformed reference are
    faults and stay as they are written. An empty variable takes the default, as in a shell. Of a file,
    line ends at its end are dropped.
    """
    result = Expansion(text)
    chars = len(text)

    def replacement(match: re.Match[str]) -> str:
        nonlocal chars
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            result.faults.append(("a ${ is not closed", "write ${VAR}, or $${ for a literal ${"))
            return match[0]
        result.outside = True
        if chars > MAX_TEXT_CHARS:
            return match[0]
        value = _from_file(match[1][5:], result) if match[1].startswith("file:") else _from_env(match[1], env, result)
        if value is None:
            return match[0]
        chars += len(value)
        if chars > MAX_TEXT_CHARS:
            result.faults.append((f"the text has more than {MAX_TEXT_CHARS} characters", "bring in less"))
            return match[0]
        return value

    result.text = _REFERENCE.sub(replacement, text)
    return result


def _from_env(reference: str, env: Mapping[str, str], result: Expansion) -> str | None:
    match = _VARIABLE.fullmatch(reference)
    if match is None:
        remedy = "write ${VAR}, ${VAR:-default} or ${file:/path}, or $${ for a literal ${"
        result.faults.append((f"${{{reference}}} is no reference", remedy))
        return None
    name, default = match[1], match[2]
    value = env.get(name)
    if value is None and default is None:
        remedy = f"set it, or give a default: ${{{name}:-default}}"
        result.faults.append((f"the environment variable {name} is not set", remedy))
        return None
    return default if default is not None and not value else value


def _from_file(name: str, result: Expansion) -> str | None:
    try:
        path = Path(name)
        if not path.is_file():
            result.faults.append((f"there is no file {name}", "create it, or correct the path"))
            return None
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            result.faults.append((f"the file {name} has more than {MAX_FILE_BYTES} bytes", "name a smaller one"))
            return None
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        result.faults.append((f"the file {name} is not UTF-8 text", "store it as UTF-8"))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        result.faults.append((f"the file {name} cannot be read: {error}", "check its path and permissions"))
    return None
