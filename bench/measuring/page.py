# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md, made of one whole run: every number on it comes from there."""
import textwrap

from . import legs, machine, report, services

WIDTH = 100
PAGE = """\
# Performance

<!-- Generated: `./dev bench relay --write-docs`. Do not edit by hand. -->

All of this was measured in one run of `./dev bench relay`, on {measured_at}, at commit {commit}.
Database, broker, relay, writer and consumer shared one machine, so rates say less than the ratios
between them. "Foreign cores" is the CPU that processes other than the bench's took during each
run (the kernel's own work counts there too): the larger it is, the less a rate is worth.

{table}

## Machine

| | |
| --- | --- |
| Processor | {machine[processor]}, {machine[cores]} cores |
| Memory | {machine[memory_gib]} GiB |
| System | {machine[system]}, kernel {machine[kernel]} |
| Disk | {sync_bytes:,} bytes made durable in {machine[fdatasync_ms]} ms (median of fdatasync) |
| PostgreSQL | {versions[postgresql]}: {postgresql} |
| Kafka | {versions[kafka]}, one broker, topics of {partitions} partitions |
| outboxd | {versions[outboxd]}, librdkafka {versions[librdkafka]}, libpq {versions[libpq]} |

## What the numbers mean

**Rows.** {rows:,} rows of about {payload_bytes} B of JSON under {keys:,} keys, in the table that
`outboxd migrate` makes, made once by `generate_series`. Each run gets its own copy of that
database, file by file, and before it starts the copy is vacuumed, analyzed, read into memory once
and a checkpoint is made.

**librdkafka alone.** A program that hands messages of the same size to librdkafka with the
relay's own settings (acknowledged by all replicas, idempotent, not compressed), without and with
the headers that every message of the relay carries. One run, which is not counted, warms the
broker up.

**Store, one connection.** A program with libpq and nothing of ours: `BEGIN`; `SELECT` the columns
that the relay reads of {batch_size:,} pending rows in the order of their ids, `FOR UPDATE SKIP
LOCKED`, in binary; `UPDATE ... SET status, published_at` or `DELETE` by `id = ANY (...)`;
`COMMIT`; and again, until the table has no pending row. Statements are prepared; connecting is
not counted.

**outboxd relay.** The program with its default settings, but for `relay.settle` and the topic.
The time runs from the line `publisher started`, when it has checked its database and brokers and
takes its leases, to when a watcher, which looks every {poll_ms:.0f} ms, saw every row settled
(`PUBLISHED` and committed, or gone). So the taking of the leases, the first read and the
watcher's delay count against the relay; the start of the process before that ({start_ms:.0f} ms
at the median) does not. Afterwards the topic's offsets are checked: each run had at least one
message for each row.

**Ratios** are those of the medians; "all runs" beside them are those of each round. A round runs
all four, and every second round in the opposite order. One drain by each way of settling comes
before the first round and is not counted: a broker that has just started spends twice the CPU on a
message until its code is compiled, which no broker in use does.

**Relay's CPU** is user and system time of the whole process, from its start to its end. **Peak
memory** is the kernel's `VmHWM`, the most of all runs.

**Commit to consumer.** One connection commits {latency[rate]} events a second, each in a
transaction of its own, for {latency[seconds]} s (after {latency[warm_up_seconds]} s that do not
count; it reached {latency[reached_rate]:.0f}/s), while a relay with default settings runs. The
same process consumes them: librdkafka with `fetch.wait.max.ms={latency[fetch_wait_max_ms]}` and
its defaults otherwise. An event's time runs from when its `COMMIT` had returned to when the
consumer had the message; its transaction took {latency[transaction_p50_ms]:.1f} ms (p50) and
{latency[transaction_p99_ms]:.1f} ms (p99) before. Lost: {latency[lost]}, duplicates:
{latency[duplicates]}.

**Idle.** A relay on an empty table, CPU over {idle[seconds]:.0f} s.

**Rows of {large_kb} KB.** {memory_rows:,} rows whose payloads do not compress, settle `mark`.
"Broker away" stops the broker's process in the middle, and lets it go on after
{outage[paused_seconds]:.0f} s; the topic held {outage[messages]:,} messages in the end.

## To repeat it

    ./dev bench relay                     # the table, and build/bench/relay.json
    ./dev bench relay --write-docs        # this page too
    ./dev bench relay --rounds 1 --rows 100000 --only limits,drain

It starts a PostgreSQL (with fsync) and a Kafka of its own in a scratch folder and removes them.
The machine should have nothing else to do.
"""


def wrapped(page):
    """Its paragraphs at one width, however long the numbers in them are."""
    blocks = []
    for block in page.rstrip("\n").split("\n\n"):
        if not block.startswith(("#", "|", "<", "    ")):
            block = textwrap.fill(" ".join(block.split()), WIDTH, break_on_hyphens=False,
                                  break_long_words=False)
        blocks.append(block)
    return "\n\n".join(blocks) + "\n"


def of(result):
    settings = result["postgresql_settings"]
    shown = ", ".join(f"{name}={value}" for name, value in settings.items()
                      if name != "server_version")
    starts = result["rounds"]["relay_mark"] + result["rounds"]["relay_delete"]
    measured = {name: value for name, value in result.items() if name != "rounds"}
    return wrapped(PAGE.format(
        **measured, table=report.markdown_table(result), postgresql=shown,
        sync_bytes=machine.SYNC_BYTES, large_kb=services.LARGE_KB, keys=services.KEYS,
        batch_size=result["rounds"]["store_mark"][0]["batch_size"],
        partitions=services.PARTITIONS, payload_bytes=legs.PAYLOAD_BYTES,
        poll_ms=legs.POLL_SECONDS * 1000, start_ms=report.median(starts, "start_seconds") * 1000))
