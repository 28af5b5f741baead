"""Every place where Driftline is worse than it promises, or than somebody else, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.bench.verdicts import results

Rows = Sequence[Mapping[str, str]]
_NAMES = {"driftline": "pages", "driftline, evidence": "alarms of the evidence"}
_LIMIT = 1.5
_FEW = 1.5


def losses(stored: Mapping[str, Rows]) -> Iterator[str]:
    """Yield a sentence for each loss: broken promises, quicker peers that are quiet enough, blind spots."""
    calm, delays = stored[results.FALSE_PAGES], stored[results.DELAYS]
    yield from _broken(calm)
    yield from _quicker(calm, delays)
    yield from _unseen(stored[results.KINDS])


def _broken(rows: Rows) -> Iterator[str]:
    for row in rows:
        name = _NAMES.get(row["contender"])
        if name and float(row["high"]) > _LIMIT:
            kept = " though the rate itself keeps to the promise" if float(row["per_1000"]) <= 1 else ""
            yield (
                f"{row['stream']}, {row['null']}: {float(row['per_1000']):.2f} false {name} where 1 was promised, "
                f"up to {float(row['high']):.2f} by the interval{kept}."
            )


def _quicker(calm: Rows, delays: Rows) -> Iterator[str]:
    """Yield the peers that find more and keep to one page in a thousand slots (1.5 by what was measured)."""
    quiet: dict[tuple[str, str, str], float] = {}
    for row in calm:
        key = row["stream"], row["contender"], row["league"]
        quiet[key] = max(quiet.get(key, 0.0), float(row["per_1000"]))
    own = {
        (row["stream"], row["severity"]): row
        for row in delays
        if (row["contender"], row["league"]) == ("driftline", "defaults")
    }
    for row in delays:
        ours = own.get((row["stream"], row["severity"]))
        if ours is None or row["contender"] in _NAMES:
            continue
        rate = quiet.get((row["stream"], row["contender"], row["league"]), float("inf"))
        if rate <= _FEW and float(row["within_50"]) > float(ours["within_50"]):
            yield (
                f"{row['stream']}, {row['severity']} faults: {row['contender']} ({row['league']}) finds "
                f"{100 * float(row['within_50']):.0f} % within 50 slots with {rate:.2f} false pages, Driftline's pages "
                f"{100 * float(ours['within_50']):.0f} %."
            )


def _unseen(rows: Rows) -> Iterator[str]:
    """Yield the kinds of fault of which, at a severity, under half are paged within 50 slots."""
    for severity in ("medium", "large", "gross"):
        for contender, name in _NAMES.items():
            found = []
            for kind in dict.fromkeys(row["kind"] for row in rows):
                own = [r for r in rows if (r["kind"], r["severity"], r["contender"]) == (kind, severity, contender)]
                runs, caught = (sum(int(row[column]) for row in own) for column in ("runs", "caught"))
                if runs and caught < runs / 2:
                    found.append(f"{kind} {100 * caught / runs:.0f} %")
            if found:
                yield f"{severity} faults of which the {name} catch under half within 50 slots: {', '.join(found)}."
