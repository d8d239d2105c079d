# SPDX-License-Identifier: Apache-2.0
"""Several databases in one configuration: relayed side by side, one down without the others."""
import json
import signal

import psycopg2
import pytest

from conftest import Services
from databases import Database
from programs import Outboxd
from topics import Topics, assert_order_per_key
from waiting import holds_for, wait_until
from writers import Writers

OUTAGE_SECONDS = 30
P99_MS = ("select percentile_cont(0.99) within group (order by extract(epoch from "
          "published_at - created_at) * 1000)::float8 from outbox_events "
          "where created_at between %s and %s")


class Shards:
    """Databases of one test by name, and the configuration that declares them."""

    def __init__(self, services, folder, unique):
        self.services = services
        self.path = folder / "outboxd.yaml"
        self.unique = unique
        self.databases = {}
        self.lines = {}

    def add(self, name, server=None, **settings):
        server = server or self.services.postgres
        database = f"{self.unique}_{name}"
        connection = psycopg2.connect(server)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {database}")
        connection.close()
        self.databases[name] = Database(server.rpartition("/")[0] + "/" + database)
        fields = [f"url: '{self.databases[name].url}'"]
        fields += [f"{field.replace('_', '-')}: {value}" for field, value in settings.items()]
        self.lines[name] = f"  {name}: {{{', '.join(fields)}}}\n"
        return self.databases[name]

    def write(self, *names):
        """Into the file: these alone, or all."""
        lines = "".join(self.lines[name] for name in names or self.lines)
        self.path.write_text("shards:\n" + lines)

    def close(self):
        for database in self.databases.values():
            database.connection.close()


@pytest.fixture
def shards(services, tmp_path, unique):
    made = Shards(services, tmp_path, unique)
    yield made
    made.close()


@pytest.fixture
def outboxd(program, services, tmp_path):
    """The program in the folder of the configuration, without a database of its own."""
    starter = Outboxd(program, tmp_path, None, services.kafka)
    yield starter
    starter.end_all()


@pytest.fixture
def topics(outboxd, services):
    return Topics(outboxd, services.kafka)


def insert(database, topic, count, keys=20):
    database.execute(
        "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, topic) "
        f"select 'order', 'k' || i % {keys}, 'ORDER_PAID', json_build_object('i', i), '{topic}' "
        f"from generate_series(1, {count}) i")


def assert_all_sent(database, topics, topic):
    ids = {str(row[0]) for row in database.rows("select id from outbox_events")}
    messages = topics.read(topic)
    assert {message.row_id for message in messages} == ids
    assert_order_per_key(messages)


def status(outboxd):
    """The status by shard, and the exit code."""
    done = outboxd.run("status", "--output", "json")
    return {shard["name"]: shard for shard in json.loads(done.stdout)["stores"]}, done.returncode


def test_all_shards_are_migrated_published_to_relayed_and_shown(outboxd, shards, topics, unique):
    for name in ("eu", "us"):
        shards.add(name)
    shards.write()
    assert "shard eu" in outboxd.migrate()
    topics.create(unique)
    event = ["publish", "--aggregate-type", "order", "--aggregate-id", "1", "--event-type", "PAID",
             "--payload", "{}", "--topic", unique]
    refused = outboxd.run(*event)
    assert refused.returncode == 2 and "--shard: eu, us" in refused.stderr
    assert "no active shard 'asia'" in outboxd.run(*event, "--shard", "asia").stderr
    for name in ("eu", "us"):
        outboxd.done(*event, "--shard", name)
    relay = outboxd.relay()
    for database in shards.databases.values():
        database.wait_settled(20)
    shown, code = status(outboxd)
    assert code == 0
    assert {name: shard["state"] for name, shard in shown.items()} == {"eu": "up", "us": "up"}
    assert all(shard["relays"][0]["backlog"]["pending"] == 0 for shard in shown.values())
    assert "shard=us" in relay.log()
    assert relay.stop() == 0
    assert len(topics.read(unique)) == 2


def test_one_shard_down_for_thirty_seconds_leaves_the_other_three_as_they_were(
        outboxd, shards, topics, services, unique, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    other = Services(folder / "services")
    other.up("postgres")
    try:
        for name in ("a", "b", "c"):
            shards.add(name)
        down = shards.add("d", other.postgres)
        shards.write()
        outboxd.migrate()
        for name in shards.databases:
            topics.create(f"{unique}-{name}")
        relays = [outboxd.relay(relay__lease_ttl="2s", relay__slots=8) for _ in range(2)]
        writers = {name: Writers(database, f"{unique}-{name}", threads=1)
                   for name, database in shards.databases.items()}
        for running in writers.values():
            running.__enter__()
        try:
            run_through_outage(outboxd, shards, other, writers, relays, down)
        finally:
            for running in writers.values():
                running.stopping.set()
        for name, running in writers.items():
            if name != "d":
                running.stop()
        for name, database in shards.databases.items():
            database.wait_settled(60)
            assert_all_sent(database, topics, f"{unique}-{name}")
        assert all(relay.stop() == 0 for relay in relays)
    finally:
        other.command("down")


def run_through_outage(outboxd, shards, other, writers, relays, down):
    """The latency of three shards before the fourth's server goes, and while it is away."""
    others = {name: database for name, database in shards.databases.items() if name != "d"}
    for database in shards.databases.values():
        database.wait_for("select count(*) > 1000 from outbox_events where status = 'PUBLISHED'",
                          True, 60)
    now = "select clock_timestamp()"
    began = {name: database.value(now) for name, database in others.items()}
    holds_for(lambda: all(relay.alive() for relay in relays), 10, "before the outage")
    stopped = {name: database.value(now) for name, database in others.items()}
    other.command("kill", "postgres")
    try:
        wait_until(lambda: status(outboxd)[0]["d"]["state"] == "down", 20, "d is shown as down")
        shown, code = status(outboxd)
        assert code == 6 and shown["d"]["error"]
        assert all(shown[name]["state"] == "up" for name in others)
        holds_for(lambda: all(relay.alive() for relay in relays), OUTAGE_SECONDS, "the outage")
        ended = {name: database.value(now) for name, database in others.items()}
    finally:
        other.command("up", "postgres")
    for name, database in others.items():
        before = database.value(P99_MS, began[name], stopped[name])
        during = database.value(P99_MS, stopped[name], ended[name])
        print(f"shard {name}: p99 {before:.1f} ms before, {during:.1f} ms during the outage")
        # Ten milliseconds are what a busy machine of two cores adds by itself.
        assert during <= 1.5 * before + 10, f"shard {name}: {before} ms, then {during} ms"
    down.reconnect()
    before = down.value("select count(*) from outbox_events")
    insert(down, down.value("select topic from outbox_events limit 1"), 100)
    down.wait_settled(60)
    assert down.value("select count(*) from outbox_events") == before + 100
    # Its writer fell with the server, as a back end's connection does.
    writers["d"].failures.clear()


def test_a_shard_is_added_and_removed_by_sighup(outboxd, shards, topics, unique):
    first, second = shards.add("eu"), shards.add("us")
    shards.write()
    outboxd.migrate()
    topics.create(unique)
    shards.write("eu")
    relay = outboxd.relay()
    relay.wait_for_log(r"publisher started shard=eu")
    insert(second, unique, 100)
    shards.write("eu", "us")
    relay.signal(signal.SIGHUP)
    second.wait_settled(20)
    relay.wait_for_log(r"the configuration was read again shards=2")
    shards.path.write_text("shards: {eu: {url: redis://nowhere}}\n")
    relay.signal(signal.SIGHUP)
    relay.wait_for_log(r"refused, all goes on as before")
    shards.write("us")
    relay.signal(signal.SIGHUP)
    relay.wait_for_log(r"the configuration was read again shards=1")
    insert(first, unique, 100)
    insert(second, unique, 100)
    second.wait_settled(20)
    assert first.counts() == {"PENDING": 100}
    assert relay.stop() == 0


def test_a_shard_with_another_schema_is_named_and_the_others_are_relayed(
        outboxd, shards, topics, unique):
    good, newer, older = shards.add("good"), shards.add("newer"), shards.add("older")
    shards.add("empty")
    shards.write("good", "newer", "older")
    outboxd.migrate()
    shards.write()
    newer.execute("insert into outboxd_migrations (outbox_table, number, name, checksum) "
                  "values ('outbox_events', 9999, 'from_the_future', 'x')")
    older.execute("drop table outboxd_locks, outboxd_jobs")
    older.execute("delete from outboxd_migrations where name = 'locks'")
    topics.create(unique)
    relay = outboxd.relay()
    for database in (good, newer, older):
        insert(database, unique, 50)
    good.wait_settled(20)
    relay.wait_for_log(r"shard=newer.*9999 \(from_the_future\).*use the newer outboxd")
    relay.wait_for_log(r"shard=older.*schema is older than this program.*outboxd migrate")
    relay.wait_for_log(r"shard=empty.*outboxd migrate")
    outboxd.done("migrate", "--shard", "older", "--shard", "empty")
    older.wait_settled(40)
    assert newer.counts() == {"PENDING": 50}
    assert relay.stop() == 0


def test_a_copy_of_a_shard_is_down_until_it_has_an_identity_of_its_own(
        outboxd, shards, topics, unique):
    original, copy = shards.add("a"), shards.add("b")
    shards.write()
    outboxd.migrate()
    topics.create(unique)
    same = "update outboxd_meta set value = %s where name = 'outbox_id'"
    copy.execute(same, outbox_id(original))
    shards.write("a")
    relay = outboxd.relay()
    relay.wait_for_log(r"publisher started shard=a")
    shards.write()
    relay.signal(signal.SIGHUP)
    insert(original, unique, 10)
    insert(copy, unique, 10)
    relay.wait_for_log(r"same outbox_id \(" + outbox_id(original))
    copy.execute(same, "11111111-2222-4333-8444-555555555555")
    for database in (original, copy):
        database.wait_settled(20)
    assert len({one.headers["event_id"] for one in topics.read(unique)}) == 20
    assert relay.stop() == 0


def test_a_change_that_is_refused_leaves_the_shard_as_it_was(outboxd, shards, topics, unique):
    database = shards.add("eu")
    shards.write()
    outboxd.migrate()
    topics.create(unique)
    relay = outboxd.relay()
    relay.wait_for_log(r"publisher started shard=eu")
    shards.lines["eu"] = shards.lines["eu"].replace("}", ", max-connections: 1}")
    shards.write()
    relay.signal(signal.SIGHUP)
    relay.wait_for_log(r"not taken up, it stays as it was")
    insert(database, unique, 10)
    database.wait_settled(20)
    assert relay.stop() == 0


def test_a_shard_that_does_not_answer_keeps_no_other_from_coming(
        outboxd, shards, topics, services, unique, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    other = Services(folder / "services")
    other.up("postgres")
    try:
        shards.add("frozen", other.postgres)
        fresh = shards.add("fresh")
        shards.write()
        outboxd.migrate()
        topics.create(unique)
        shards.write("frozen")
        relay = outboxd.relay()
        relay.wait_for_log(r"publisher started shard=frozen")
        other.command("pause", "postgres")
        shards.write("fresh")
        relay.signal(signal.SIGHUP)
        insert(fresh, unique, 10)
        fresh.wait_settled(20)
        relay.signal(signal.SIGTERM)
        assert relay.wait(15) == 0
        # What it held of the shard that answers is free at once.
        assert fresh.value("select count(*) from outboxd_slots where owner is not null "
                           "and expires_at > clock_timestamp()") == 0
    finally:
        other.command("resume", "postgres")
        other.command("down")


def test_where_no_shard_can_be_relayed_the_start_fails(outboxd, shards):
    shards.add("eu")
    shards.add("us")
    shards.write()
    done = outboxd.run("relay")
    assert done.returncode == 4, done.stderr
    assert "outboxd migrate" in done.stderr


def test_a_budget_of_connections_is_kept_or_refused(outboxd, shards, topics, unique):
    database = shards.add("eu", max_connections=8)
    shards.write()
    outboxd.migrate()
    topics.create(unique)
    relay = outboxd.relay()
    insert(database, unique, 2000)
    database.wait_settled(20)
    opened = database.value("select count(*) from pg_stat_activity where datname = "
                            "current_database() and application_name like 'outboxd%'")
    assert 0 < opened <= 8
    assert relay.stop() == 0
    shards.lines["eu"] = shards.lines["eu"].replace("max-connections: 8", "max-connections: 3")
    shards.write()
    done = outboxd.run("relay")
    assert done.returncode == 3
    assert "shards.eu.max-connections is 3" in done.stderr


def test_a_cap_holds_a_huge_backlog_back_and_starves_nobody(outboxd, shards, topics, unique):
    huge, small = shards.add("huge", max_rows_per_second=500), shards.add("small")
    shards.write()
    outboxd.migrate()
    topics.create(unique)
    insert(huge, unique, 3000)
    insert(small, unique, 3000)
    relay = outboxd.relay()
    small.wait_settled(20)
    assert huge.counts()["PENDING"] > 1000
    huge.wait_settled(30)
    seconds = huge.value("select extract(epoch from max(published_at) - min(published_at))::float8 "
                         "from outbox_events")
    # 3,000 rows at 500 a second, less what the first tenth of a second may hold.
    assert 5.5 < seconds < 12, seconds
    assert relay.stop() == 0
    assert_order_per_key([one for one in topics.read(unique)
                          if one.headers["outbox_id"] == outbox_id(huge)])


def outbox_id(database):
    return database.value("select value from outboxd_meta where name = 'outbox_id'")
