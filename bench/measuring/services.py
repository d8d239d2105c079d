# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL and the Kafka that were started for the bench, and fresh tables and topics."""
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MARK = "outboxd-bench-end-of-answer"
PARTITIONS = 6
KEYS = 10000
LARGE_KB = 10
SETTINGS = ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size",
            "wal_level", "autovacuum"]
OWN_VARIABLES = r"OUTBOXD_|PG[A-Z]|DATABASE_CONN$|KAFKA_|POLL_INTERVAL_SECONDS$|BATCH_SIZE$"


class BenchError(Exception):
    """Ends the bench with one line that says what is wrong."""


def clean_environment(**more):
    """Without the caller's settings, so that only what the bench says configures a program."""
    kept = {name: value for name, value in os.environ.items()
            if not re.match(OWN_VARIABLES, name)}
    return dict(kept, LC_ALL="C.UTF-8", **more)


class Psql:
    """One session that stays open, so that a question costs a round trip and no process."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            ["psql", "-qAtX", "-v", "VERBOSITY=terse", url], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(PGOPTIONS="-c client_min_messages=warning"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self, sql):
        """The answer as text, one line a row."""
        self.process.stdin.write(f"{sql};\nSELECT '{MARK}';\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == MARK:
                break
            lines.append(line.rstrip("\n"))
        else:
            raise BenchError(f"psql ended at {sql}: " + " ".join(lines))
        if any(re.search(r"\b(ERROR|FATAL):", line) for line in lines):
            raise BenchError(f"{sql}: " + " ".join(lines))
        return "\n".join(lines)

    def is_true(self, condition):
        return self.ask(f"SELECT {condition}") == "t"


class Rows:
    """A table as `outboxd migrate` makes it, with rows made once; each leg gets a copy."""

    def __init__(self, name, count, payload_sql):
        self.name = f"bench_rows_{name}"
        self.count = count
        self.payload_sql = payload_sql


def small_rows(count):
    """About 300 B of JSON."""
    return Rows("small", count, "json_build_object('n', i, 'pad', repeat('x', 280))")


def large_rows(count):
    """About LARGE_KB of JSON that does not compress: 32 hexadecimal digits at a time."""
    return Rows("large", count, "json_build_object('n', i, 'pad', (SELECT string_agg("
                f"md5(i::text || '.' || j), '') FROM generate_series(1, {LARGE_KB * 32 - 1}) j))")


class Services:
    def __init__(self, directory, program):
        self.directory = pathlib.Path(directory)
        self.program = program
        self.entries = json.loads(self.tool("status", "--output", "json"))
        for kind in ("postgres", "kafka"):
            if not self.entries.get(kind, {}).get("running"):
                raise BenchError(f"{kind} does not run in {directory}: use ./dev bench relay")
        self.brokers = self.entries["kafka"]["address"]
        self.psql = Psql(self.entries["postgres"]["address"])
        self.settings = {name: self.psql.ask(f"SHOW {name}") for name in SETTINGS}
        if self.settings["fsync"] != "on":
            raise BenchError("PostgreSQL runs without fsync: start it by "
                             "tools/services up --durable, as ./dev bench does")
        self.templates = set()
        self.topics = 0

    def tool(self, *words):
        done = subprocess.run([ROOT / "tools" / "services", "--directory", self.directory, *words],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return done.stdout

    def pids(self):
        return {kind: self.entries[kind]["pid"] for kind in ("postgres", "kafka")}

    def versions(self):
        answer = subprocess.run([self.program, "version", "--output", "json"], text=True,
                                check=True, stdout=subprocess.PIPE, env=clean_environment())
        return dict(json.loads(answer.stdout), kafka=self.entries["kafka"]["version"],
                    postgresql=self.settings["server_version"].split()[0])

    def url(self, database):
        return self.entries["postgres"]["address"].rpartition("/")[0] + "/" + database

    def outboxd(self, *words, database=""):
        environment = clean_environment(DATABASE_CONN=self.url(database),
                                        KAFKA_BOOTSTRAP_SERVERS=self.brokers)
        done = subprocess.run([self.program, *words], text=True, env=environment,
                              cwd=self.directory, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise BenchError(f"outboxd {' '.join(words)}: {done.stdout}")

    def new_topic(self):
        self.topics += 1
        name = f"bench-{os.getpid()}-{self.topics}"
        self.outboxd("topics", "create", name, "--partitions", str(PARTITIONS))
        return name

    def messages_in(self, topic):
        """By the end offsets: exact where no transaction ever wrote to the topic."""
        words = [word for partition in range(PARTITIONS)
                 for word in ("-t", f"{topic}:{partition}:-1")]
        answer = subprocess.run(["kcat", "-Q", "-b", self.brokers, *words], text=True, check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return sum(int(offset) for offset in re.findall(r"offset (\d+)", answer))

    def template(self, rows):
        if rows.name not in self.templates:
            self.psql.ask(f"DROP DATABASE IF EXISTS {rows.name} WITH (FORCE)")
            self.psql.ask(f"CREATE DATABASE {rows.name}")
            self.outboxd("migrate", database=rows.name)
            with Psql(self.url(rows.name)) as session:
                session.ask(
                    "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
                    f" SELECT 'order', 'order-' || (i % {KEYS}), 'ORDER_PAID', {rows.payload_sql}"
                    f" FROM generate_series(1, {rows.count}) i")
                session.ask("VACUUM ANALYZE outbox_events")
            self.templates.add(rows.name)
        return rows.name

    def fresh_database(self, rows):
        """A copy of the rows, file by file, read into memory; all before it is on the disk."""
        name = f"bench_leg_{os.getpid()}"
        template = self.template(rows)
        self.psql.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.psql.ask(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        with Psql(self.url(name)) as session:
            session.ask("VACUUM ANALYZE outbox_events")
            session.ask("SELECT sum(octet_length(payload::text)) FROM outbox_events")
            session.ask("CHECKPOINT")
        return name

    def close(self):
        self.psql.ask(f"DROP DATABASE IF EXISTS bench_leg_{os.getpid()} WITH (FORCE)")
        for name in self.templates:
            self.psql.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.psql.__exit__()
