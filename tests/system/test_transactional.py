# SPDX-License-Identifier: Apache-2.0
"""`relay.delivery: transactional`: who reads committed messages alone sees each event once, without
any inbox, whatever becomes of the relays (promises 1, 2 and 4; kcat reads committed messages)."""
import json
import os
import signal

import pytest
from topics import assert_order_per_key
from waiting import wait_until
from writers import Writers

TTL_SECONDS = 2
# 200 of them are shown by the set of faults; each takes about a lease's time to live.
KILLS = int(os.environ.get("OUTBOXD_TEST_KILLS", "6"))


def start(outboxd, **settings):
    return outboxd.relay(relay__delivery="transactional", relay__lease_ttl=f"{TTL_SECONDS}s",
                         **settings)


def assert_each_once(database, topics, topic):
    """Every published row is in the topic once, in the order of its key; no other message is."""
    messages = topics.read(topic)
    ids = [str(row[0]) for row in database.rows(
        "select id from outbox_events where status = 'PUBLISHED' and topic = %s", topic)]
    assert len(messages) == len(ids), "a duplicate, or a loss"
    assert {message.row_id for message in messages} == set(ids)
    assert_order_per_key(messages)
    return messages


def control_topic(database):
    outbox_id = database.value("select value from outboxd_meta where name = 'outbox_id'")
    return f"outboxd.{outbox_id}.control", outbox_id


def test_events_go_in_transactions_that_record_what_they_send(outboxd, database, topics, topic):
    outboxd.migrate()
    database.insert({"aggregate_type": "order", "aggregate_id": f"k{number % 20}", "topic": topic,
                     "event_type": "PAID", "payload": json.dumps({"n": number})}
                    for number in range(500))
    relay = start(outboxd)
    database.wait_settled()
    assert_each_once(database, topics, topic)
    control, outbox_id = control_topic(database)
    records = topics.read(control)
    rows = set()
    for record in records:
        assert record.key.decode() == f"{outbox_id}-g1-s{record.partition}"
        value = json.loads(record.text)
        assert value["version"] == 1 and value["epoch"] >= 1 and value["replays"] == []
        rows.update(value["rows"])
    assert rows == {str(row[0]) for row in database.rows("select id from outbox_events")}
    assert relay.stop() == 0
    assert 'delivery=transactional' in relay.log()


def test_relays_killed_again_and_again_send_each_event_once(outboxd, database, topics, topic):
    outboxd.migrate()
    relays = [start(outboxd) for _ in range(2)]
    for relay in relays:
        relay.wait_for_log("slots acquired", 20)
    with Writers(database, topic) as writers:
        for _ in range(KILLS):
            before = writers.rows
            published = database.counts().get("PUBLISHED", 0)
            wait_until(lambda: writers.rows > before + 100, 30, "load")
            wait_until(lambda: database.counts().get("PUBLISHED", 0) > published + 50, 30,
                       "events are relayed")
            relays.pop(0).kill()
            relays.append(start(outboxd))
            relays[-1].wait_for_log("slots acquired", 4 * TTL_SECONDS + 10)
    database.wait_settled(60)
    for relay in relays:
        assert relay.stop() == 0
    assert_each_once(database, topics, topic)


def test_a_relay_paused_past_its_lease_is_fenced_and_sends_nothing_more(
        outboxd, database, topics, topic):
    outboxd.migrate()
    paused, other = start(outboxd), start(outboxd)
    for relay in (paused, other):
        relay.wait_for_log("slots acquired", 20)
    with Writers(database, topic) as writers:
        wait_until(lambda: writers.rows > 200, 20, "load")
        paused.signal(signal.SIGSTOP)
        wait_until(lambda: database.value(
            "select count(*) from outboxd_slots where owner = %s", other.member) == 32,
            10 * TTL_SECONDS, "the other one takes everything over")
        before = writers.rows
        wait_until(lambda: writers.rows > before + 200, 20, "load")
        paused.signal(signal.SIGCONT)
        paused.wait_for_log("slot lost", 20)
        before = writers.rows
        wait_until(lambda: writers.rows > before + 200, 20, "load")
    database.wait_settled(60)
    for relay in (paused, other):
        assert relay.stop() == 0
    assert_each_once(database, topics, topic)


def test_a_message_that_the_topic_refuses_is_dead_lettered_and_the_others_go_once(
        outboxd, database, topics, topic):
    outboxd.migrate()
    topics.limit(topic, 2000)
    relay = start(outboxd, relay__max_attempts=2, relay__backoff_initial="100ms")
    relay.wait_for_log("slots acquired", 20)
    database.insert({"aggregate_type": "order", "aggregate_id": f"k{number % 5}", "topic": topic,
                     "event_type": "PAID",
                     "payload": json.dumps({"pad": "x" * (5000 if number == 17 else 10)})}
                    for number in range(60))
    database.wait_settled(60)
    assert database.counts() == {"PUBLISHED": 59, "DEAD": 1}
    assert_each_once(database, topics, topic)
    assert relay.stop() == 0


def test_a_replay_is_sent_once_more_though_its_row_stands_in_the_record(
        outboxd, database, topics, topic):
    outboxd.migrate()
    topics.limit(topic, 2000)
    relay = start(outboxd, relay__max_attempts=1)
    database.insert([{"aggregate_type": "order", "aggregate_id": "a", "topic": topic,
                      "event_type": "PAID", "payload": json.dumps({"pad": "x" * 5000})}])
    database.wait_settled(30)
    assert database.counts() == {"DEAD": 1}
    topics.limit(topic, 20000)
    row = database.value("select id from outbox_events")

    def published():
        # Until the relay has looked at the topic again, the message is too large for it.
        if database.counts() == {"DEAD": 1}:
            outboxd.done("events", "retry", str(row), "--reason", "mended", "--by", "test")
        return database.counts() == {"PUBLISHED": 1}
    wait_until(published, 60, lambda: database.counts())
    relay.kill()
    follower = start(outboxd)
    follower.wait_for_log("the record of a slot's last transaction was read back", 20)
    assert follower.stop() == 0
    assert [message.row_id for message in topics.read(topic)] == [str(row)]


def test_relays_that_disagree_on_the_delivery_are_refused(outboxd, database, topic):
    outboxd.migrate()
    first = start(outboxd)
    first.wait_for_log("slots acquired", 20)
    second = outboxd.relay()
    assert second.wait(15) == 5
    assert "relay.delivery is idempotent here, but transactional" in second.log()
    assert first.stop() == 0


@pytest.mark.parametrize("settings, named", [
    ({"relay__capture": "row"}, "relay.delivery"),
    ({"relay__max_in_flight_rows": "30000"}, "relay.max-in-flight-rows"),
], ids=["row capture", "window"])
def test_what_does_not_go_with_transactions_is_refused(outboxd, settings, named):
    ended = outboxd.run("check-config", relay__delivery="transactional", **settings)
    assert ended.returncode == 3
    assert named in ended.stderr


def test_a_control_topic_that_would_lose_records_is_refused(outboxd, database, topic):
    outboxd.migrate()
    relay = start(outboxd, relay__control_topic=topic)
    relay.wait_for_log("partitions, and each of the 32 slots needs one of its own", 20)
    assert relay.stop() == 0
