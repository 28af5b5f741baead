"""The bytes every measurement works on: payments of 11 fields, about 230 bytes of JSON each."""

from __future__ import annotations

import numpy as np
import orjson

FIRST_MS = 1_763_700_000_000
PER_WINDOW = 50_000
WINDOW_MS = 60_000


def payments(n: int, seed: int = 1, note_bytes: int = 0) -> list[bytes]:
    """Return `n` records in event-time order, `PER_WINDOW` of them in each minute; the note is longer by so much."""
    rng = np.random.default_rng(seed)
    # Letters that do not compress to nothing; each note begins somewhere else in them.
    letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz     "), 50_000 + note_bytes).tobytes().decode("utf-32-le")
    amounts, fees = np.round(rng.lognormal(3, 1, n), 2), np.round(rng.normal(0, 1, n), 3)
    lats, lons = np.round(rng.uniform(-90, 90, n), 5), np.round(rng.uniform(-180, 180, n), 5)
    risks = np.round(rng.beta(2, 8, n), 4)
    countries = rng.choice(["DE", "FR", "US", "GB"], n, p=[0.4, 0.3, 0.2, 0.1])
    methods, codes = rng.choice(["visa", "mc", "amex"], n), rng.integers(5000, 5050, n)
    times = FIRST_MS + np.arange(n) * WINDOW_MS // PER_WINDOW
    columns = (amounts, fees, lats, lons, risks, countries, methods, codes, times)
    return [
        orjson.dumps(
            {
                "id": f"tx-{i:09d}",
                "event_time": time,
                "amount": amount,
                "fee": fee,
                "lat": lat,
                "lon": lon,
                "country": country,
                "method": method,
                "merchant": {"mcc": str(code), "risk": risk},
                "refund": i % 7 == 0,
                "note": f"order number {i} is fine" + letters[i * 97 % 50_000 :][:note_bytes],
            }
        )
        for i, (amount, fee, lat, lon, risk, country, method, code, time) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        )
    ]


CONFIG = """
name: bench
source: {{kind: kafka, client: {client}, bootstrap_servers: "{bootstrap}", topics: [{topic}], start: earliest}}
time: {{field: event_time, unit: ms, lateness: 1s, max_ahead: 1000d}}
window: {{size: 1m}}
baseline: {{kind: file, path: {directory}/baseline}}
fields:
  id: {{type: text}}
  amount: {{type: number}}
  fee: {{type: number}}
  lat: {{type: number}}
  lon: {{type: number}}
  country: {{type: category}}
  method: {{type: category}}
  merchant.mcc: {{type: category}}
  merchant.risk: {{type: number}}
  refund: {{type: boolean}}
  note: {{type: text}}
drift: [{{kind: psi}}, {{kind: ks}}]
store: {{path: {directory}/store}}
http: {{listen: "127.0.0.1:0"}}
"""
"""All 11 fields are profiled; PSI on every field with cells, KS on every number."""
