"""What docs/verdict-quality.md says around its figures."""

from __future__ import annotations

INTRODUCTION = """# Whose verdicts are right

How many pages are false, how late the right ones come, and whether they name the right column: Driftline's
[budget of false pages](explanation/budget.md) beside the rules of others, on streams that other people made.
`make bench-verdicts` writes the figures into `tests/bench/results/verdicts/*.csv`, and `python -m
tests.bench.verdicts.report` this page from them (a test compares the two); `BENCH_ARGS=--quick` takes a minute, all of
it about a quarter of an hour of one core. All seeds are fixed. Why it is measured so is in
[decision 0034](decisions/0034-verdicts.md).
"""

CONTENDERS = {
    "driftline": "**Driftline**",
    "driftline, evidence": "**Driftline**, evidence alone",
    "ks": "KS / χ², p < 0.05",
    "psi": "PSI > 0.2",
    "evidently": "Evidently",
    "nannyml": "NannyML",
    "whylogs": "whylogs",
    "alibi": "alibi-detect KSDrift",
    "psi-chart": "rolling-10 PSI chart",
    "river ADWIN": "river ADWIN",
    "river PageHinkley": "river Page–Hinkley",
    "river KSWIN": "river KSWIN",
}
"""By contender, how it is called; in the order of the tables."""

_RULES = (
    (
        "Driftline",
        "`policy: budget`, one false page in 1,000 slots over all columns; psi, mean_shift, mode_share, unseen, spe",
        "nothing, ever",
    ),
    (
        "Driftline, evidence alone",
        "the same, and every alarm of the evidence counts, however small its effect",
        "nothing",
    ),
    ("KS / χ²", "two-sample test of each column against the baseline, p < 0.05", "p"),
    ("PSI", "ten equal cells of the baseline, or its values; PSI > 0.2", "the limit"),
    (
        "Evidently",
        "normed Wasserstein, or Jensen–Shannon of categories, ≥ 0.1",
        "the limit, all columns by one factor",
    ),
    (
        "NannyML",
        "Jensen–Shannon above the mean and three standard deviations of the baseline's own slots",
        "the factor of the deviations",
    ),
    ("whylogs", "KS at a hundred quantiles, χ² of frequent values, p < 0.05", "p"),
    ("alibi-detect", "KSDrift of the numbers, p < 0.05 by Bonferroni", "p"),
    (
        "rolling-10 PSI chart",
        "mean of ten slots' PSI, three standard deviations above the baseline's",
        "the deviations",
    ),
    (
        "river",
        "ADWIN, Page–Hinkley, KSWIN on each column's slot mean (share of the most frequent value), standardised",
        "δ, λ; KSWIN is too slow to tune",
    ),
)
CONTESTED = "\n".join(
    (
        "## Who is compared\n",
        "| contender | rule out of the box | what is tuned |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in _RULES),
        """
All numbers of a stream are one group for spe, and the budget adds rows, missing, invalid and late values by itself.

Three **leagues**: *defaults*; *tuned*: the one threshold is the lowest that has at most one page in 1,000 slots on
other slots of the same stream; *hindsight*: the lowest that has so on the very slots that are measured, which nobody
can have. Driftline is only in the first.

A **page** of a peer is a column that its rule calls drifted in a slot, and did not in the slot before; so a rule that
always fires hardly pages, and the share of slots in which anything fires stands beside it. A page of Driftline is a
stream that begins to page; one column has several.

KS, PSI, Evidently, NannyML, whylogs, alibi-detect are computed by their documented formulas for all slots at once; on a
sample `python -m tests.bench.verdicts.checked` asks the packages themselves. river is run itself: ADWIN and
Page–Hinkley on three runs of 1,008 slots, KSWIN on 300 slots.
""",
    )
)

NULLS = """## Where nothing changes

Slots (days, six hours, weeks, or so many rows) of real data are split by whole blocks into a baseline, slots to tune
on and slots to measure on. **shuffled**: slots are dealt anew, there is no order at all. **weeks**: whole weeks (of
streams without a clock: ten slots) are drawn with those that followed them, four at a time on average, so that day and
hour stay in place and the year's seasons become changes of level every few weeks. **as made**: synthetic streams whose
truth is known. The promise is 1.0. Behaviour at the default budget (one page in 30 days) is an extrapolation: of
minutes that is one in 43,200 slots, which nobody can wait for.

**Nominal against measured**: pages per 1,000 slots with the 95 % interval of a Poisson rate, which takes pages as
independent; slots of Driftline count by the share of streams that is armed.

Real slots are few, and drawn again and again: with *hindsight* a limit above the highest calm slot is all that keeps to
one page in a thousand, so it has none. Where p is 0 on calm days already (whylogs: a value that is expected less than
once), no threshold helps, and the tuned rule is silent for ever: its faults say so.
"""

FAULTS = """## Faults

The catalogue of [`monitor/doping`](decisions/0030-doping.md), each kind in one field of each stream, ten runs each:
300 calm slots, then the fault for 200. Severities are noncentralities of one slot, 3, 10, 25 and 100, of as many
independent rows as its rows are worth (rows that resemble each other count for less); so they are as plain in one
column as in another. `late_rows` and `clock_shift` are left out: here slots are judged whole. `null_ramp` rises over
48 slots, so it cannot be found at once. A page after the onset counts as found whatever column it names; **a rule that
pages all the time finds everything**, so read this with the table above and with the share that names the right column
first. Delays are in slots and counted as 200 where there was no page.

Two things make faults harder than their noncentrality says. Days differ from each other in some directions more than
in others: a fault in such a direction (delays that are a little longer) hides among calm days, though it is as large
in cells as one in no direction. And an alarm **pages** only with an effect beyond `warning`, which for PSI is 0.1: in a
slot of 900 independent rows that is a noncentrality of 90, so most medium faults are `evidence without effect` there,
by configuration. Who wants them paged sets `warning` lower; the promise holds for any.
"""

CHECKED = """## The formulas beside the packages

Each peer was run itself, in an environment of its own, on {slots} slots of {streams} streams. *Same* is the share of
columns and slots that formula and package decide alike; the difference is that of the ratio to the threshold, the
median over slots of the worst column.
"""
