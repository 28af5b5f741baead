"""How a process ends at once when it is the first of its container.

The kernel ignores a signal that would end process 1 by default: `docker stop` would wait out its grace period for a
daemon that has no handler yet, or no longer.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

Action = Callable[[int, FrameType | None], None] | signal.Handlers


def at_once() -> Action:
    """Return the action of a signal that ends this process at once: the default, unless this is process 1.

    That one leaves with 128 + the signal's number, as a shell says it; like the default it cleans nothing up, which the
    checkpoint allows.
    """
    return _leave if os.getpid() == 1 else signal.SIG_DFL


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
