# SPDX-License-Identifier: Apache-2.0
"""Events that the broker refuses: their key waits and nothing else (promises 1 and 2).

The relay checks sizes itself, so the topic's limit is lowered behind its back: then the broker is
the one that refuses, as with compression or when somebody changes a limit.
"""
import json

import kafka_wire
import pytest
from topics import assert_order_per_key
from waiting import holds_for, wait_until

LIMIT_BYTES = 2000
LARGE = json.dumps({"pad": "x" * 5000})


def event(topic, key, payload="{}"):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": payload, "topic": topic}


def start(outboxd, **settings):
    return outboxd.relay(**{"relay__lease_ttl": "1s", "relay__topic_refresh_interval": "1h",
                            "relay__backoff": "fixed", "relay__backoff_initial": "1500ms",
                            "relay__backoff_jitter": "0", "relay__max_attempts": "2", **settings})


def keys_by_partition(messages):
    return {message.key.decode(): message.partition for message in messages}


@pytest.fixture
def refusing(outboxd, database, topics, topic):
    """A relay that knows the topic by its old limit, and has had rows acknowledged there."""
    outboxd.migrate()
    relay = start(outboxd)
    database.insert([event(topic, "bad"), event(topic, "good")])
    database.wait_settled()
    topics.limit(topic, LIMIT_BYTES)
    return relay


def twelve_rows(topic):
    return [event(topic, "bad", LARGE if number == 3 else json.dumps({"number": number}))
            for number in range(1, 13)]


def numbers_of(messages):
    return [json.loads(message.text)["number"] for message in messages
            if message.key == b"bad" and "number" in message.text]


def without_repetition(numbers):
    return list(dict.fromkeys(numbers))


REFUSED_ONCE = "select count(*) from outbox_events where retry_count = 1 and status <> 'DEAD'"
DEAD = "select count(*) from outbox_events where status = 'DEAD'"


def test_the_log_ends_before_a_refused_event_and_goes_on_in_order_once_it_is_dead(
        outboxd, database, topics, topic, unique, refusing):
    other = topics.create(unique + ".other")
    database.insert(twelve_rows(topic))
    database.wait_for(REFUSED_ONCE, 1)
    assert without_repetition(numbers_of(topics.read(topic))) == [1, 2]
    # Another topic and other keys of this one do not wait for it.
    database.insert([event(other, f"o{i}") for i in range(20)]
                    + [event(topic, f"k{i}") for i in range(20)])
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED' "
                      "and aggregate_id ~ '^[ok]'", 40, 1.4)
    assert database.value(DEAD) == 0
    database.wait_settled(15)
    assert database.value(DEAD) == 1
    dead = database.row("select * from outbox_events where status = 'DEAD'")
    assert "max.message.bytes" in dead["error_message"]
    assert dead["published_at"] is None and dead["payload"] == json.loads(LARGE)
    messages = topics.read(topic)
    assert without_repetition(numbers_of(messages)) == [1, 2, *range(4, 13)]
    assert_order_per_key(messages)
    assert refusing.stop() == 0
    assert database.value("select count(*) from outboxd_keys") == 0


def test_the_last_attempt_of_a_dead_event_is_counted_too(outboxd, database, topic, refusing):
    database.insert([event(topic, "bad", LARGE)])
    database.wait_settled(15)
    assert database.rows("select status, retry_count from outbox_events where status <> %s",
                         "PUBLISHED") == [("DEAD", 2)]
    assert refusing.stop() == 0


def test_a_kill_while_the_refused_event_waits_changes_nothing_of_that(
        outboxd, database, topics, topic, refusing):
    database.insert(twelve_rows(topic))
    database.wait_for(REFUSED_ONCE, 1)
    refusing.kill()
    again = start(outboxd)
    again.wait_for_log("slots acquired")
    holds_for(lambda: without_repetition(numbers_of(topics.read(topic))) == [1, 2]
              or database.value(DEAD) == 1, 0.5, "a sibling passed the refused event")
    database.wait_settled(20)
    assert database.value(DEAD) == 1
    messages = topics.read(topic)
    assert without_repetition(numbers_of(messages)) == [1, 2, *range(4, 13)]
    assert again.stop() == 0


def test_kills_at_any_moment_around_the_refusal_change_nothing_either(
        outboxd, database, topics, topic, refusing):
    database.insert(twelve_rows(topic))
    relay = refusing
    for moment in (
            "select (count(*) >= 1)::int from outbox_events where status = 'PUBLISHED' "
            "and payload::text like '%number%'",
            # A relay that starts after the first kill may know the new limit already, and then
            # makes the row a dead letter without an attempt.
            f"select ((select max(attempts) >= 1 from outboxd_keys) or ({DEAD}) = 1)::int",
            "select (count(*) >= 1)::int from outbox_events where status = 'DEAD'"):
        database.wait_for(moment, 1)
        relay.kill()
        numbers = without_repetition(numbers_of(topics.read(topic)))
        dead = database.value(DEAD)
        assert numbers == ([1, 2] if not dead else [1, 2, *range(4, 13)])[:len(numbers)]
        relay = start(outboxd)
    database.wait_settled(20)
    assert without_repetition(numbers_of(topics.read(topic))) == [1, 2, *range(4, 13)]
    assert database.counts() == {"PUBLISHED": 13, "DEAD": 1}
    relay.wait_for_log("publisher started")  # All may have been settled before it was.
    assert relay.stop() == 0


def test_a_failing_key_waits_and_ninety_nine_others_of_its_bucket_do_not(
        outboxd, database, topics, topic):
    outboxd.migrate()
    keys = [row[0] for row in database.rows(
        "select 'key' || i from generate_series(1, 60000) i where "
        "hashtextextended('key' || i, 0) & 255 = 77 order by i limit 100")]
    relay = start(outboxd, relay__max_attempts="1000", relay__backoff_initial="300ms")
    database.insert([event(topic, keys[0])])
    database.wait_settled()
    topics.limit(topic, LIMIT_BYTES)
    database.insert([event(topic, keys[0], LARGE)]
                    + [event(topic, key) for key in keys for _ in range(3)])
    assert database.value("select count(distinct bucket) from outbox_events") == 1
    published = "select count(*) from outbox_events where status = 'PUBLISHED'"
    database.wait_for(published, 1 + 99 * 3)
    wait_until(lambda: blocked_keys(outboxd) and blocked_keys(outboxd)[0]["attempts"] >= 3, 10,
               "three attempts")
    blocked, = blocked_keys(outboxd)
    assert blocked["key"] == keys[0] and blocked["topic"] == topic and blocked["row"] == "2"
    assert "max.message.bytes" in blocked["reason"] and blocked["next_attempt_in_ms"] <= 300
    assert outboxd.status()["backlog"]["pending"] == 4
    # New rows of other keys go on, those of the failing one stay.
    database.insert([event(topic, key) for key in keys])
    database.wait_for(published, 1 + 99 * 4)
    assert keys[0] in outboxd.done("status")
    # Once the topic takes it, all of it goes out, in order.
    topics.limit(topic, 100000)
    database.wait_settled(10)
    assert database.value(DEAD) == 0 and blocked_keys(outboxd) == []
    assert_order_per_key(topics.read(topic))
    assert relay.stop() == 0


def blocked_keys(outboxd):
    return outboxd.status()["backlog"]["blocked_keys"]


def test_what_the_topic_can_never_take_is_a_dead_letter_at_once(
        outboxd, database, topics, topic, unique):
    dead_letters = topics.create(unique + ".dead", partitions=1)
    outboxd.migrate()
    topics.limit(topic, LIMIT_BYTES)
    relay = outboxd.relay(relay__dead_letter_topic=dead_letters)
    database.insert([event(topic, "k", '{"n": 1}'), event(topic, "k", LARGE),
                     event(topic, "k", '{"n": 2}')])
    database.wait_settled(10)
    dead = database.row("select * from outbox_events where status = 'DEAD'")
    assert topic in dead["error_message"] and "2000" in dead["error_message"]
    assert "max.message.bytes" in dead["error_message"]
    assert [message.text for message in topics.read(topic)] == ['{"n": 1}', '{"n": 2}']
    copy, = topics.wait_for(dead_letters, 1)
    assert (copy.key, copy.text) == (b"k", LARGE)
    assert copy.headers["event_id"] == dead["event_id"] and copy.headers["row_id"] == "2"
    assert copy.headers["dead_letter_topic"] == topic
    assert "max.message.bytes" in copy.headers["dead_letter_reason"]
    assert "dead letter subject=\"row 2 (ORDER_PAID)\"" in relay.log()
    assert outboxd.status()["backlog"]["dead"] == 1
    assert relay.stop() == 0


def test_a_missing_dead_letter_topic_blocks_nothing(outboxd, database, topics, topic, unique):
    outboxd.migrate()
    topics.limit(topic, LIMIT_BYTES)
    relay = outboxd.relay(relay__dead_letter_topic=unique + ".nowhere")
    database.insert([event(topic, "k", LARGE), event(topic, "k")])
    database.wait_settled(10)
    assert database.counts() == {"PUBLISHED": 1, "DEAD": 1}
    relay.wait_for_log("a dead letter was not copied")
    assert relay.stop() == 0


def test_a_topic_that_the_user_may_not_write_to_is_held_without_attempts_and_others_flow(
        outboxd, services, database, topics, topic, unique):
    forbidden = topics.create(unique + ".forbidden")
    kafka_wire.deny_writing(services.kafka, forbidden, "limited")
    outboxd.migrate()
    relay = outboxd.relay(relay__topic_refresh_interval="300ms", environment={
        "KAFKA_BOOTSTRAP_SERVERS": services.kafka_sasl, "KAFKA_USER": "limited",
        "KAFKA_PASSWORD": "outboxd-secret", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"})
    database.insert([event(forbidden, "k", json.dumps({"number": number}))
                     for number in range(1, 4)] + [event(topic, f"k{i}") for i in range(50)])
    published = "select count(*) from outbox_events where status = 'PUBLISHED'"
    database.wait_for(published, 50)
    relay.wait_for_log(f"topic held, its events wait subject={forbidden} .*(?i:authori)")
    database.insert([event(topic, f"k{i}") for i in range(50)])
    database.wait_for(published, 100)
    assert database.value("select max(retry_count) from outbox_events") == 0
    kafka_wire.allow_writing(services.kafka, forbidden, "limited")
    database.wait_settled(20)
    assert database.counts() == {"PUBLISHED": 103}
    assert [json.loads(message.text)["number"] for message in topics.read(forbidden)] == [1, 2, 3]
    assert relay.stop() == 0
    assert "outboxd-secret" not in relay.log()
