"""Reading the file of a configuration, before anything is made of it."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import ConfigError, Problem

MAX_FILE_BYTES = 1 << 20


def read_text(path: Path) -> str:
    """Return the text of the file; raises ConfigError when there is none."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            problem = Problem("document", f"the file has more than {MAX_FILE_BYTES} bytes")
            raise ConfigError([problem], file=str(path))
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problem = Problem("document", f"the file cannot be read: {error.strerror}", remedy="check the path after -c")
    except UnicodeDecodeError:
        problem = Problem("document", "the file is not UTF-8 text", remedy="store it as UTF-8")
    raise ConfigError([problem], file=str(path))
