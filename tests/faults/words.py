"""What docs/reliability.md says around its tables."""

from __future__ import annotations

INTRODUCTION = """\
# What happens when things fail

A monitor must be the last thing to fail. This page lists what was done to Driftline on a real Kafka broker, how
often, and what came of it. It is written from the results of the runs (`tests/faults/results.json`) by `python -m
tests.faults.report`; a test compares the two. `make faults` does all of it again, `python -m tests.faults.suite
--only network --repeat 1` a part; a quick part is in every `make test`. Why it is so built is in [decision
0037](decisions/0037-faults.md), how the statistics stay exact in [Exactly-once
statistics](explanation/exactly-once.md).

## What must hold after each fault

A writer writes to three partitions (records that are late, null, broken and drifting among them) while the fault is
done to the daemon or its surroundings, again and again. Then the daemon may read to the end, and these are
compared:

- **Nothing lost, nothing twice**: records = rows + rejects + filtered in every partition, and their sum is what the
  broker acknowledged to the writer.
- **Offsets**: no life of the daemon begins behind what an earlier one had made durable. With that, every offset
  between the first and the next is a record or a missed one, and what is missed has a cause: compaction,
  transaction markers, aborted records, or the jump that is counted.
- **Statistics** are those of another daemon that nobody disturbed, over the same topic: for each window its rows,
  its verdicts and checks word by word, each integer of its profile bit by bit, and floating-point sums to 1e-12
  (the last bits depend on how records were cut into fetches).
- **Alerts**: whatever was delivered has the fingerprint, severity and start of a change that really happened; after
  the last delivery the receiver believes what is true. A change that a newer one of the same alert overtook while
  it waited is not delivered: *superseded* below. *Repeated* deliveries have the same key.
- **Memory**: never more than 700 MB resident.
"""

TABLE = """\
## Faults

`held`: all of the above is so, but for the exception that the last column states. *Times* is how often the fault
was done in the run; the load average says how busy the machine was.
"""

SOAK = """\
## The long run

`python -m tests.faults.soak --minutes 30`: a steady load while faults from the table are done at random instants,
one after the other. In the end everything is compared as above, over all the records of the run.
"""

OTHERS = """\
## What others promise, and how they test it

**Apache Flink** takes consistent snapshots of all operators' state together with the sources' positions, and after
a failure restores the last one and reads on from there: state is exactly-once if the source can be read again, and
what leaves the job only if the sink takes part by transactions or is idempotent. It is tested by end-to-end jobs
that fail on purpose and by `flink-jepsen`, which kills TaskManagers and JobManagers, stops HDFS and cuts the
network; its readme says that what it examines is whether the job runs again, and names exactly-once semantics end
to end among what it does not cover fully. Driftline's checkpoint is the same idea in one process: positions and
statistics in one transaction.

**Kafka Streams** with `exactly_once_v2` writes results, state changes and consumed offsets in one Kafka
transaction; that covers what goes from Kafka to Kafka and nothing outside. Its system tests start and stop three
instances over five partitions, in order and by `kill -9`, let brokers bounce, and then read the output topics with
a verifier that must find every record's result once. That is the model for our comparison with an undisturbed run;
Driftline writes no results to Kafka, so its transaction can be a local file's.

**Prometheus** promises less on purpose: local storage is neither clustered nor replicated, samples that were not
scraped while it was down are missing, and after a crash the write-ahead log is replayed. Unit tests damage the log
in many ways and expect that what stands before the damage is read. Its Alertmanager delivers at least once and
sends a notification twice rather than not at all when its cluster is split. Driftline's alerts are as theirs: at
least once, with a stable key.

None of the three publishes a table as the one above; that ours holds says something about these faults at these
rates, on one broker and one machine, and nothing about the loss of disks.
"""
