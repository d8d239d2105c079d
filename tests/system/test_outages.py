# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and Kafka away for a while: the relay waits, loses nothing and stays small."""
import pytest
from topics import assert_order_per_key
from waiting import wait_until
from writers import Writers

MEMORY_BYTES = 100 * 1024 * 1024
PUBLISHED = "select count(*) from outbox_events where status = 'PUBLISHED'"


@pytest.fixture
def relay(outboxd):
    outboxd.migrate()
    running = outboxd.relay(relay__lease_ttl="2s")
    running.wait_for_log("slots acquired")
    return running


def insert_many(database, topic, count, payload_bytes, keys=200):
    database.execute(
        "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, topic) "
        f"select 'order', 'k' || i % {keys}, 'ORDER_PAID', json_build_object('i', i, 'pad', "
        f"repeat('x', {payload_bytes})), '{topic}' from generate_series(1, {count}) i")


def assert_all_sent(database, topics, topic):
    ids = {str(row[0]) for row in database.rows("select id from outbox_events")}
    messages = topics.read(topic)
    assert {message.row_id for message in messages} == ids
    assert_order_per_key(messages)
    # An outage is nobody's fault: it counts as no attempt, and nothing is given up for it.
    assert database.rows("select distinct status, retry_count from outbox_events") == [
        ("PUBLISHED", 0)]


def test_a_broker_paused_for_twenty_seconds_under_load_costs_memory_below_the_bound(
        outboxd, services, database, topics, topic, relay):
    insert_many(database, topic, 100, 100)
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        insert_many(database, topic, 20000, 10000)
        relay.wait_for_log(rf"topic held, its events wait subject={topic}", 10)
        # This is the length of the outage itself, not a wait for something to happen.
        assert relay.process.poll() is None
        with pytest.raises(AssertionError):
            wait_until(lambda: not relay.alive(), 18, "the outage is over")
    finally:
        services.command("resume", "kafka")
    database.wait_settled(60)
    assert relay.peak_memory_bytes() < MEMORY_BYTES
    assert relay.stop() == 0
    assert_all_sent(database, topics, topic)


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(
        outboxd, services, database, topics, topic, relay):
    with Writers(database, topic) as writers:
        wait_until(lambda: writers.rows > 300, 20, "load")
        services.command("kill", "kafka")
        before = writers.rows
        wait_until(lambda: writers.rows > before + 300, 20, "load")
        services.command("up", "kafka")
        before = database.value(PUBLISHED)
        wait_until(lambda: database.value(PUBLISHED) > before + 300, 30, "it goes on")
    database.wait_settled(30)
    assert relay.stop() == 0
    assert_all_sent(database, topics, topic)


@pytest.mark.parametrize("action", ["restart", "kill"], ids=str)
def test_a_database_that_goes_and_comes_back_loses_nothing(
        outboxd, services, database, topics, topic, relay, action):
    insert_many(database, topic, 20000, 300)
    wait_until(lambda: database.value(PUBLISHED) > 1000, 20, "it is at work")
    services.command(action, "postgres")
    if action == "kill":
        services.command("up", "postgres")
    database.reconnect()
    database.wait_settled(40)
    insert_many(database, topic, 100, 300)
    database.wait_settled(20)
    assert relay.alive()
    assert relay.stop() == 0
    assert_all_sent(database, topics, topic)


def test_a_database_paused_past_the_lease_loses_nothing(
        outboxd, services, database, topics, topic, relay):
    insert_many(database, topic, 5000, 300)
    wait_until(lambda: database.value(PUBLISHED) > 500, 20, "it is at work")
    services.command("pause", "postgres")
    try:
        with pytest.raises(AssertionError):
            wait_until(lambda: not relay.alive(), 4, "twice the lease is over")
    finally:
        services.command("resume", "postgres")
    database.wait_settled(40)
    assert relay.stop() == 0
    assert_all_sent(database, topics, topic)


def test_connections_that_the_database_ends_are_made_anew(
        outboxd, database, topics, topic, relay):
    for _ in range(5):
        insert_many(database, topic, 500, 100)
        # Each outboxd's connection can be told from others by its name.
        ended = database.rows("select pg_terminate_backend(pid) from pg_stat_activity where "
                              "application_name like 'outboxd%' and datname = current_database()")
        assert ended
        database.wait_settled(20)
    assert relay.stop() == 0
    assert_all_sent(database, topics, topic)


def test_an_idle_relay_uses_less_than_a_hundredth_of_a_core(outboxd, database, topic, relay):
    def used():
        fields = open(f"/proc/{relay.pid}/stat").read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])  # User and system time, in hundredths.
    insert_many(database, topic, 100, 100)
    database.wait_settled()
    before = used()
    with pytest.raises(AssertionError):
        wait_until(lambda: not relay.alive(), 5, "five seconds are over")
    assert used() - before <= 5
    assert relay.stop() == 0
