# SPDX-License-Identifier: Apache-2.0
"""The measurements themselves, one function each; all give a dict for the report."""
import json
import pathlib
import subprocess
import time

from . import machine
from .relay_process import RelayProcess
from .services import PARTITIONS, BenchError, Psql, Rows, clean_environment

PAYLOAD_BYTES = 300
LATENCY_RATE = 500
LATENCY_SECONDS = 15
IDLE_SETTLING_SECONDS = 5
IDLE_SECONDS = 10
POLL_SECONDS = 0.01
DRAIN_SECONDS_MAX = 600
# More than the relay ever has in flight: what came before these rows is settled when they are.
TAIL_ROWS = 20000
NO_ROWS = Rows("none", 0, "NULL")


class Bench:
    def __init__(self, services, programs):
        self.services = services
        self.programs = pathlib.Path(programs)

    def load(self):
        return machine.Load(self.services.pids())

    def run_program(self, name, *words):
        """A bench program's one line of JSON."""
        done = subprocess.run([self.programs / name, *map(str, words)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean_environment())
        if done.returncode != 0:
            raise BenchError(f"{name}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def producer(self, messages, rounds):
        """librdkafka alone; its first run warms the broker up and is not counted."""
        load = self.load()
        load.start()
        result = self.run_program("bench_producer_rate", "--bootstrap-servers",
                                  self.services.brokers, "--messages", messages, "--payload-bytes",
                                  PAYLOAD_BYTES, "--partitions", PARTITIONS, "--rounds", rounds)
        return dict(result, cores=load.stop())

    def store(self, rows, settle):
        """One connection that claims and settles in turn."""
        database = self.services.fresh_database(rows)
        load = self.load()
        load.start()
        result = self.run_program("bench_store_limits", "--database", self.services.url(database),
                                  "--settle", settle)
        result["cores"] = load.stop()
        if result["rows"] != rows.count:
            raise BenchError(f"the store settled {result['rows']} rows of {rows.count}")
        return result

    def drain(self, rows, settle, pause_seconds=0, flags=()):
        """outboxd relay from a full table to an empty backlog, with an outage of the broker in
        the middle where pause_seconds is given."""
        database = self.services.fresh_database(rows)
        topic = self.services.new_topic()
        load = self.load()
        with Psql(self.services.url(database)) as watch:
            load.start()
            with RelayProcess(self.services, database, f"--relay.settle={settle}",
                              f"--relay.default-topic={topic}", *flags) as relay:
                started = relay.time_of("publisher started")
                paused = 0.0
                if pause_seconds:
                    paused = self.outage(watch, relay, rows, pause_seconds)
                ended = wait_until_settled(watch, relay, rows, settle)
                cores = load.stop()
                result = {"settle": settle, "rows": rows.count, "seconds": ended - started,
                          "rows_per_second": rows.count / (ended - started),
                          "start_seconds": started - relay.spawned_at,
                          "first_batch_seconds": relay.time_of("pending events") - started,
                          "peak_memory_mib": relay.peak_memory_mib(), "cores": cores}
                result["cpu_seconds"] = relay.stop()
        result["cpu_seconds_per_100k"] = result["cpu_seconds"] / rows.count * 1e5
        result["messages"] = self.services.messages_in(topic)
        if result["messages"] < rows.count:
            raise BenchError(f"the topic holds {result['messages']} of {rows.count} messages")
        if pause_seconds:
            result["paused_seconds"] = paused
        return {name: round(value, 4) if isinstance(value, float) else value
                for name, value in result.items()}

    def outage(self, watch, relay, rows, seconds):
        """Stops the broker's process once some rows are settled, and lets it go on later."""
        wait_for(lambda: watch.is_true("status = 'PUBLISHED' FROM outbox_events WHERE id = "
                                       f"{max(rows.count // 4, 1)}"), relay)
        self.services.tool("pause", "kafka")
        began = time.monotonic()
        try:
            if watch.is_true(f"status = 'PUBLISHED' FROM outbox_events WHERE id = {rows.count}"):
                raise BenchError("all rows were sent before the broker stood still: give --rows")
            while time.monotonic() < began + seconds:
                relay.check_alive()
                time.sleep(0.1)
        finally:
            self.services.tool("resume", "kafka")
        return time.monotonic() - began

    def latency(self):
        """Commit to consumer, with the relay's default settings."""
        database = self.services.fresh_database(NO_ROWS)
        topic = self.services.new_topic()
        load = self.load()
        with RelayProcess(self.services, database) as relay:
            relay.time_of("publisher started")
            load.start()
            result = self.run_program(
                "bench_latency", "--database", self.services.url(database), "--bootstrap-servers",
                self.services.brokers, "--topic", topic, "--partitions", PARTITIONS, "--rate",
                LATENCY_RATE, "--seconds", LATENCY_SECONDS, "--payload-bytes", PAYLOAD_BYTES)
            result["cores"] = load.stop()
            relay.stop()
        return result

    def idle(self):
        """What a relay with nothing to do costs, in percent of a core."""
        database = self.services.fresh_database(NO_ROWS)
        load = self.load()
        with RelayProcess(self.services, database) as relay:
            relay.time_of("publisher started")
            time.sleep(IDLE_SETTLING_SECONDS)
            load.start()
            began, used = time.monotonic(), machine.cpu_seconds(relay.pid)
            time.sleep(IDLE_SECONDS)
            used = machine.cpu_seconds(relay.pid) - used
            seconds = time.monotonic() - began
            result = {"seconds": seconds, "cpu_percent": used / seconds * 100,
                      "memory_mib": relay.peak_memory_mib(), "cores": load.stop()}
            relay.stop()
        result["postgres_cpu_percent"] = result["cores"]["postgres"] * 100
        return result


def wait_for(condition, relay):
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while not condition():
        relay.check_alive()
        if time.monotonic() > deadline:
            raise BenchError(f"not settled within {DRAIN_SECONDS_MAX} s")
        time.sleep(POLL_SECONDS)


def wait_until_settled(watch, relay, rows, settle):
    """When the last row was seen settled. Three questions, each asked once the one before it is
    answered, so that looking costs the store nothing that counts while the relay works: is the
    last row settled (one look-up), are the last rows, are all."""
    unsettled = "" if settle == "delete" else " AND status <> 'PUBLISHED'"

    def settled(first):
        return watch.is_true("NOT EXISTS (SELECT FROM outbox_events WHERE "
                             f"id >= {first}{unsettled})")

    wait_for(lambda: settled(rows.count), relay)
    wait_for(lambda: settled(rows.count - TAIL_ROWS), relay)
    ended = time.monotonic()
    if not settled(0):
        wait_for(lambda: settled(0), relay)
        ended = time.monotonic()
    return ended
