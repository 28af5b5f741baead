"""whylogs' profile of every window: counts, types, moments, KLL, HyperLogLog and frequent items of each column."""

from __future__ import annotations

import whylogs
from turns import frame, serve

serve("whylogs", lambda _: None, frame, lambda _, window: whylogs.log(window).view())
