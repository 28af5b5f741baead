"""What docs/performance.md says around its figures: how each section is measured, and what it leaves out."""

from __future__ import annotations

INTRODUCTION = """# How fast it is

Every figure here is written by `make bench` into `tests/bench/results/performance.json`, and this page from that file
(`python -m tests.bench.report`; a test compares the two). `make bench BENCH_ARGS=--quick` takes about five minutes,
`BENCH_ARGS="--only engine,peers"` only those sections. How it is measured, and why so, is in
[decision 0023](decisions/0023-bench.md).

Unless it says otherwise, µs are of **CPU time** of the whole process, all threads, the least of several turns. What is
compared is done in turns in one run, so that whatever else the machine does hits all of it alike: **trust the ratios**,
they hold on other machines; times do not.
"""

_ENGINE = """Payments of 11 fields (5 numbers, 4 categories or booleans, 2 texts), about 230 bytes of JSON each, in
memory. The engine takes lists of bytes, as a client hands them over, to judged windows of 50,000 rows: every field is
profiled (counts, moments, cells, KLL, HyperLogLog, frequent values), PSI on every field with cells, KS on every
number. `orjson.loads` is what a Python program would begin with; `json_valid` looks at every byte and keeps nothing,
which is about the limit of parsing with DuckDB. A stage's µs per fetch are what small fetches cost besides their
records."""

_FORMATS = """The same payments in every format that can be read, from bytes to columns, without any profile. See
[formats](reference/formats.md)."""

_PEERS = """The same bytes, in one run, each library in an environment of its own (`.cache/peers`, made by uv;
versions are pinned in `tests/conformance/peers` and `tests/bench/peers`). None of them reads JSON, so every one gets
its records decoded by orjson first, into the table, array or dicts that it begins with; that is part of its figure,
and shown apart. Building the reference from the baseline's rows is not. **The work is not the same**: what each does
is in the table, and none does all that Driftline's row says. Evidently's texts are left out, as it would train a
classifier on them. A library that cannot be installed has a row that says why. On one thread each."""

_BROKER = """A real Kafka broker on the same machine, one partition with a backlog. The whole daemon runs until its
end: client, engine, SQLite store, HTTP server, publisher. Beside it, in turns in the same process: the bare client in
the same settings, which only takes the values, and the engine alone on the same bytes in fetches of the same sizes.
The ratio is that of the daemon's CPU time to the sum of the two; what it has above 1 is checkpoints, publishing, the
building of fetches and idle threads. **Starting is not in it**: the same daemon and the same client are run on a topic
of ten records, too, and what that costs (`start`, for the daemon) is taken off each, so that the ratio is that of a
stream that goes on. The column behind it has both with their start. What is imported when it is first needed
was imported by a turn before. The clock of the bare client runs from before it is told what to read, since both
clients begin to fetch at that moment. 1 KB records are the same payments with a longer text.

**Append → metric**: records are produced at half the rate that the daemon reached above and counted on `/metrics` of
a daemon in its own process; event time is the record's own. The delay runs from before a batch is handed to the
producer to the end of the scrape that counts it. What is counted there is durable (see [exactly-once
statistics](explanation/exactly-once.md)), so most of it is the checkpoint interval, 1 s by default."""

_LATENCY = """Wall-clock time, on the machine as it was. **A window closes**: from the step in which the watermark
passes its end to the snapshot being out and its /metrics rendered; `judge` has in it the folding of rows that waited.
Verdicts are committed to the store before they are shown. **A scrape**: the data thread takes a step of 1,000 records
every few hundredths of a second while the HTTP thread renders and compresses a page of nearly 20,000 series. Every
scrape gets a new snapshot, so each is rendered anew."""

_MEMORY = (
    """The daemon with its store, HTTP server and publisher in a process of its own; a scrape after every window."""
)

_GROWTH = """The engine alone on made-up records: four fifths numbers, one fifth categories of 12 values. Every point
is a process of its own; resident memory is of the whole process, of which Python and its libraries are some 290 MB."""

WORDS = {
    "engine": ("The engine", _ENGINE),
    "peers": ("Beside other libraries", _PEERS),
    "broker": ("End to end", _BROKER),
    "latency": ("Latency", _LATENCY),
    "memory": ("Memory over an hour", _MEMORY),
    "growth": ("Growth", _GROWTH),
    "formats": ("Formats", _FORMATS),
}
"""By section: its title, and what has to be known to read its figures; in the order of the page."""
