# SPDX-License-Identifier: Apache-2.0
"""The relay on MariaDB: order, retries, dead letters, several relays, and the documents' tables."""
import itertools
import json
import os

import document_tables
import pymysql
import pytest
from mariadb_databases import MariadbDatabase
from topics import assert_order_per_key
from waiting import wait_until

NUMBERS = itertools.count(1)
LARGE = json.dumps({"pad": "x" * 5000})


@pytest.fixture
def database_url(services):
    """The URL of a database of this test alone; it goes when the servers go."""
    server = MariadbDatabase(services.mariadb)
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    server.execute(f"create database {name}")
    server.connection.close()
    return services.mariadb + name


@pytest.fixture
def database(database_url):
    opened = MariadbDatabase(database_url)
    yield opened
    opened.connection.close()


def start(outboxd, **settings):
    return outboxd.relay(**{"relay__lease_ttl": "2s", "relay__polling_interval": "50ms",
                            "relay__backoff_initial": "200ms", "relay__backoff_jitter": "0",
                            **settings})


def settled(database, count, seconds=30):
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", count,
                      seconds)


def test_rows_of_a_back_end_are_relayed_in_order_and_only_if_they_are_committed(
        outboxd, database, topics, topic):
    outboxd.migrate()
    relay = start(outboxd)
    database.insert_many(2000, 50, topic)
    never = database.connect(autocommit=False)
    with never.cursor() as cursor:
        cursor.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                       "payload, topic) values ('order', 'ghost', 'ORDER_PAID', '{}', %s)",
                       [topic])
    settled(database, 2000)
    never.rollback()
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert len(messages) == 2000 and {message.key for message in messages} == {
        f"k{number}".encode() for number in range(50)}
    assert_order_per_key(messages)
    assert database.value("select count(*) from outbox_events where published_at is null") == 0


def test_a_row_that_commits_late_is_delivered_late(outboxd, database, topics, topic):
    outboxd.migrate()
    relay = start(outboxd)
    late = database.connect(autocommit=False)
    with late.cursor() as cursor:
        cursor.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                       "payload, topic) values ('order', 'late', 'ORDER_PAID', '{}', %s)", [topic])
    database.insert_many(100, 10, topic)
    settled(database, 100)
    late.commit()
    settled(database, 101)
    assert relay.stop() == 0
    assert {message.key for message in topics.read(topic)} >= {b"late"}


def test_a_refused_row_is_retried_and_becomes_a_dead_letter_and_others_pass(
        outboxd, database, topics, topic):
    outboxd.migrate()
    relay = start(outboxd, relay__max_attempts="2", relay__topic_refresh_interval="1h")
    database.insert_many(1, 1, topic)
    settled(database, 1)
    topics.limit(topic, 2000)  # Which the relay does not know yet: the broker refuses.
    rows = [{"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
             "payload": payload, "topic": topic}
            for key, payload in (("a", "{}"), ("b", LARGE), ("b", "{}"), ("c", "{}"))]
    database.insert(rows)
    settled(database, 4)
    dead = database.rows("select aggregate_id, retry_count, error_message from outbox_events "
                         "where status = 'DEAD'")
    assert [row[:2] for row in dead] == [("b", 2)] and dead[0][2]
    assert relay.stop() == 0


@pytest.mark.parametrize("capture", ["lease", "row"], ids=str)
def test_three_relays_share_and_one_killed_loses_nothing(
        outboxd, database, topics, topic, capture):
    outboxd.migrate()
    relays = [start(outboxd, relay__capture=capture) for _ in range(3)]

    def shared():
        members = [member for member in outboxd.status()["members"] if member["live"]]
        return len(members) == 3 and all(30 <= member["buckets_percent"] <= 38
                                         for member in members)
    wait_until(shared, 20, lambda: outboxd.status()["members"])
    for _ in range(5):
        database.insert_many(1000, 40, topic)
    relays.pop(0).kill()
    database.insert_many(1000, 40, topic)
    settled(database, 6000, 60)
    for relay in relays:
        assert relay.stop() == 0
    messages = topics.read(topic)
    assert {message.row_id for message in messages} == {
        str(row[0]) for row in database.rows("select id from outbox_events")}
    assert_order_per_key(messages)


def test_inserts_do_not_wait_for_relays_that_claim(outboxd, database, topics, topic):
    outboxd.migrate()
    relays = [start(outboxd, relay__capture="row", relay__polling_interval="5ms")
              for _ in range(2)]
    relays[0].wait_for_log("slots acquired")
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute("set innodb_lock_wait_timeout = 1")
        for number in range(500):  # Error 1205 would end the test.
            cursor.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                           "payload, topic) values ('order', %s, 'ORDER_PAID', '{}', %s)",
                           [f"k{number % 7}", topic])
    settled(database, 500)
    for relay in relays:
        assert relay.stop() == 0
    assert_order_per_key(topics.read(topic))


@pytest.mark.parametrize("preset", document_tables.MARIADB_TABLES, ids=str)
def test_migrate_makes_own_tables_only_and_touches_nothing_of_the_document_s(
        outboxd, database, preset):
    database.execute(document_tables.MARIADB_TABLES[preset])
    before = database.rows("show create table outbox_events")
    outboxd.migrate(outbox__preset=preset)
    assert "nothing to do" in outboxd.migrate(outbox__preset=preset)
    assert database.rows("show create table outbox_events") == before
    others = [row[0] for row in database.rows("show tables") if row[0] != "outbox_events"]
    assert others and all(name.startswith("outboxd_") for name in others), others


def test_trading_rows_become_published_in_lower_case_or_fail_as_often_as_they_say(
        outboxd, database, topics, topic):
    database.execute(document_tables.TRADING_MARIADB)
    outboxd.migrate(outbox__preset="trading")
    relay = start(outboxd, outbox__preset="trading", relay__default_topic=topic,
                  relay__topic_refresh_interval="1h")
    events = [{"id": f"00000000-0000-4000-8000-{number:012}", "event_type": "OrderFilled",
               "aggregate_id": f"k{number % 5}", "aggregate_type": "portfolio",
               "event_data": LARGE if number == 49 else json.dumps({"n": number}),
               "max_retries": 2} for number in range(50)]
    published = ("select count(*) from outbox_events where status = 'published' and "
                 "published_at is not null")
    database.insert(events[:49])
    database.wait_for(published, 49)
    topics.limit(topic, 2000)
    database.insert(events[49:])
    database.wait_for("select count(*) from outbox_events where status = 'failed' and "
                      "retry_count = 2", 1)
    assert relay.stop() == 0
    assert all(message.headers["aggregate_type"] == "portfolio"
               for message in topics.read(topic))


def test_framework_rows_become_processed_and_failed(outboxd, database, topics, topic):
    database.execute(document_tables.FRAMEWORK_MARIADB)
    outboxd.migrate(outbox__preset="framework")
    relay = start(outboxd, outbox__preset="framework", relay__default_topic=topic,
                  relay__topic_refresh_interval="1h")
    database.insert([{"aggregate_id": "42", "event_type": "UserCreated",
                      "event_data": json.dumps({"n": number})} for number in range(20)])
    database.wait_for("select count(*) from outbox_events where status = 'PROCESSED' and "
                      "processed_at is not null", 20)
    topics.limit(topic, 2000)
    database.insert([{"aggregate_id": "43", "event_type": "UserCreated", "event_data": LARGE}])
    database.wait_for("select status from outbox_events where aggregate_id = '43'", "FAILED")
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert [json.loads(message.value)["n"] for message in messages] == list(range(20))


def test_a_server_killed_under_load_comes_back_and_nothing_is_lost(
        outboxd, services, database, topics, topic):
    outboxd.migrate()
    relay = start(outboxd)
    database.insert_many(3000, 30, topic)
    relay.wait_for_log("slots acquired")
    services.command("kill", "mariadb")
    services.command("up", "mariadb")

    def back():
        try:
            database.reconnect()
            return True
        except pymysql.err.OperationalError:
            return False
    wait_until(back, 20, "the server")
    settled(database, 3000, 60)
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert len({message.row_id for message in messages}) == 3000
    assert_order_per_key(messages)
