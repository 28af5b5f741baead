"""The payments of a small shop: realistic, seeded, and on request with a fault that nobody announced."""

from __future__ import annotations

import json

import numpy as np

TOPIC = "payments"
_COUNTRIES = ("DE", "FR", "US", "GB", "NL", "ES")
_SHARES = (0.34, 0.2, 0.18, 0.13, 0.1, 0.05)
_METHODS = ("card", "wallet", "transfer", "invoice")
_METHOD_SHARES = (0.55, 0.25, 0.12, 0.08)
_CODES = ("5411", "5812", "5732", "4111", "5999")

FAULT = "40 % of amounts come in cents, a third of countries is gone"
"""What a bad release does to the payments."""


class Shop:
    """Makes payments. The fault is a unit mix-up in `amount` and missing values in `country`."""

    def __init__(self, seed: int) -> None:
        """Seed the randomness, so that every demo is the same shop."""
        self._rng = np.random.default_rng(seed)
        self._made = 0

    def payments(self, n: int, event_time_ms: int, *, faulty: bool) -> list[tuple[bytes, bytes]]:
        """Return `n` payments as (key, JSON) records, spread over the last 100 ms before `event_time_ms`."""
        rng = self._rng
        amounts = np.round(rng.lognormal(3.3, 0.8, n), 2)
        if faulty:
            amounts = np.where(rng.random(n) < 0.4, np.round(amounts * 100), amounts)
        lost = rng.random(n) < (1 / 3 if faulty else 0.002)
        countries = rng.choice(_COUNTRIES, n, p=_SHARES)
        methods = rng.choice(_METHODS, n, p=_METHOD_SHARES)
        codes = rng.choice(_CODES, n)
        risks = np.round(rng.beta(2, 9, n), 4)
        times = event_time_ms - rng.integers(0, 100, n)
        records = []
        for i in range(n):
            self._made += 1
            key = f"pay-{self._made:08d}"
            payment = {
                "id": key,
                "event_time": int(times[i]),
                "amount": float(amounts[i]),
                "country": None if lost[i] else str(countries[i]),
                "method": str(methods[i]),
                "merchant": {"mcc": str(codes[i])},
                "risk": float(risks[i]),
                "refund": bool(risks[i] > 0.5),
            }
            records.append((key.encode(), json.dumps(payment, separators=(",", ":")).encode()))
        return records
