# SPDX-License-Identifier: Apache-2.0
"""The tables of A and B taken over as they stand, row by row (A4, A5, A7, B2 to B5, F1)."""
import datetime
import json
import re
import threading

import document_tables
import kafka_wire
import pytest
from waiting import holds_for, wait_until

LARGE = json.dumps({"pad": "x" * 5000})
IN_WORK = "select count(*) from outbox_events where status = 'PROCESSING'"
SHOP_TOPICS = ("order.events", "stock.events", "product.events", "flashsale.events",
               "realtime.events", "deadletter.events", "default.events")


@pytest.fixture
def publisher(outboxd, database):
    """Starts relays with the preset of A."""
    database.execute(document_tables.PUBLISHER)
    outboxd.migrate(outbox__preset="publisher")
    return lambda **settings: outboxd.relay(**{
        "outbox__preset": "publisher", "relay__lease_ttl": "1s",
        "relay__polling_interval": "50ms", **settings})


@pytest.fixture
def shop(outboxd, database):
    """Starts relays with the preset of B."""
    database.execute(document_tables.SHOP)
    outboxd.migrate(outbox__preset="shop")
    return lambda **settings: outboxd.relay(**{
        "outbox__preset": "shop", "relay__lease_ttl": "1s", **settings})


def event(topic, key="k1", payload='{"n": 1}', **columns):
    return dict({"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
                 "payload": payload, "topic": topic}, **columns)


def test_a_row_goes_from_pending_over_processing_to_published(
        services, database, topics, topic, publisher):
    relay = publisher()
    database.insert([event(topic, "first")])
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert([event(topic)])
        database.wait_for(IN_WORK, 1)
        row = database.row("select * from outbox_events where status = 'PROCESSING'")
        assert row["locked_by"] == relay.member and row["published_at"] is None
        assert abs(row["locked_at"] - row["created_at"]) < datetime.timedelta(seconds=5)
    finally:
        services.command("resume", "kafka")
    database.wait_settled(30)
    row = database.row("select * from outbox_events where id = %s", row["id"])
    assert row["published_at"] >= row["created_at"] and row["retry_count"] == 0
    assert relay.stop() == 0
    message = next(one for one in topics.read(topic) if one.key == b"k1")
    # The value is the bare payload, the identity is the row's own UUID.
    assert json.loads(message.text) == {"n": 1} and message.headers["event_id"] == row["id"]


def test_a_refused_row_fails_with_its_count_and_sixty_seconds_until_the_next_attempt(
        services, database, topics, topic, publisher):
    relay = publisher(relay__topic_refresh_interval="1h")
    database.insert([event(topic)])
    database.wait_settled()
    topics.limit(topic, 2000)
    database.insert([event(topic, payload=LARGE)])
    failed = "select count(*) from outbox_events where status = 'FAILED'"
    database.wait_for(failed, 1)
    row = database.row("select *, extract(epoch from next_attempt_at - now())::float as wait "
                       "from outbox_events where status = 'FAILED'")
    assert row["retry_count"] == 1 and 55 < row["wait"] <= 60
    assert row["locked_by"] is None and row["locked_at"] is None and row["published_at"] is None
    assert relay.stop() == 0


def test_a_row_that_can_never_be_sent_fails_for_ever_where_an_old_publisher_leaves_it(
        database, topics, topic, publisher):
    topics.limit(topic, 2000)
    relay = publisher()
    database.insert([event(topic, payload=LARGE), event(topic)])
    database.wait_for("select count(*) from outbox_events where status = 'FAILED' "
                      "and next_attempt_at = 'infinity'", 1)
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 1)
    assert relay.stop() == 0


class ForeignPublisher(threading.Thread):
    """The document's own publisher: claims with SKIP LOCKED, sends, marks."""

    PICK = ("select id from outbox_events where status in ('PENDING', 'FAILED') and "
            "next_attempt_at <= now() order by created_at limit 10 for update skip locked")

    def __init__(self, database):
        super().__init__()
        self.connection = database.connect(autocommit=False)
        self.sent = []
        self.stopping = threading.Event()

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.stopping.is_set():
                cursor.execute(self.PICK)
                ids = [row[0] for row in cursor.fetchall()]
                cursor.execute("update outbox_events set status = 'PROCESSING', locked_by = "
                               "'foreign', locked_at = now() where id = any(%s::uuid[])", (ids,))
                self.connection.commit()
                self.sent += ids
                cursor.execute("update outbox_events set status = 'PUBLISHED', published_at = "
                               "now() where id = any(%s::uuid[])", (ids,))
                self.connection.commit()
                self.stopping.wait(0.02)

    def stop(self):
        self.stopping.set()
        self.join()
        self.connection.close()


def test_beside_a_foreign_publisher_no_row_is_sent_by_two(database, topics, topic, publisher):
    relays = [publisher(relay__batch_size="20") for _ in range(2)]
    foreign = ForeignPublisher(database)
    for relay in relays:
        relay.wait_for_log("slots acquired")
    foreign.start()
    try:
        for turn in range(10):
            database.insert([event(topic, f"k{turn}-{i}") for i in range(100)])
        database.wait_settled(30)
    finally:
        foreign.stop()
    for relay in relays:
        assert relay.stop() == 0
    ours = [message.headers["event_id"] for message in topics.read(topic)]
    assert len(ours) == len(set(ours)) and len(foreign.sent) == len(set(foreign.sent))
    assert not set(ours) & set(foreign.sent)
    assert len(ours) + len(foreign.sent) == 1000
    assert ours and foreign.sent


def test_rows_of_a_dead_publisher_are_taken_over_after_the_lock_timeout(
        database, topics, topic, publisher):
    stuck = {"status": "PROCESSING", "locked_by": "publisher-0badcafe"}
    database.insert([event(topic, "old", locked_at="2020-01-01T00:00:00Z", **stuck),
                     event(topic, "fresh", locked_at="now", **stuck)])
    relay = publisher(relay__lock_timeout="2s")
    published = "select aggregate_id from outbox_events where status = 'PUBLISHED' order by 1"
    wait_until(lambda: database.rows(published), 2, "the old one")
    assert database.rows(published) == [("old",)]
    database.wait_settled(10)
    waited = database.value("select extract(epoch from published_at - created_at)::float "
                            "from outbox_events where aggregate_id = 'fresh'")
    assert waited >= 2
    assert relay.stop() == 0
    assert len(topics.read(topic)) == 2


def test_rows_of_a_killed_relay_of_ours_are_taken_over_once_its_lease_has_ended(
        services, database, topics, topic, publisher):
    killed = publisher()
    database.insert([event(topic, "first")])
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert([event(topic, f"k{i}") for i in range(20)])
        database.wait_for(IN_WORK, 20)
        killed.kill()
    finally:
        services.command("resume", "kafka")
    assert database.value(IN_WORK) == 20
    again = publisher()
    database.wait_settled(10)
    assert again.stop() == 0
    assert {message.key for message in topics.read(topic)} == {
        b"first", *(f"k{i}".encode() for i in range(20))}


def test_a_stop_gives_back_the_rows_in_work(services, database, topic, publisher):
    relay = publisher()
    database.insert([event(topic)])
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert([event(topic)])
        database.wait_for(IN_WORK, 1)
        assert relay.stop() == 0
    finally:
        services.command("resume", "kafka")
    row = database.row("select * from outbox_events where status <> 'PUBLISHED'")
    assert (row["status"], row["locked_by"], row["retry_count"]) == ("PENDING", None, 0)


def test_the_shop_s_topics_are_created_with_three_partitions(outboxd):
    outboxd.run("topics", "create", *SHOP_TOPICS)
    listed = json.loads(outboxd.done("topics", "list", *SHOP_TOPICS, "--output", "json"))
    assert {(one["name"], one["partitions"], one["replication_factor"]) for one in listed} == {
        (name, 3, 1) for name in SHOP_TOPICS}


def test_the_shop_s_envelope_holds_seven_fields_and_the_key_is_the_aggregate(
        outboxd, database, topics, topic, unique, shop):
    outboxd.run("topics", "create", *SHOP_TOPICS)
    order = {"order_id": 42, "user_id": 7, "items": [{"product_id": 1, "qty": 2, "price": 9.5}],
             "total_amount": 19.0, "date": "2026-11-21"}
    database.insert([event(topic, 42, json.dumps(order)),
                     event(None, 43, json.dumps({"test": unique}))])
    relay = shop()
    database.wait_settled()
    assert relay.stop() == 0
    row = database.row("select id, created_at from outbox_events where aggregate_id = 42")
    message, = topics.read(topic)
    value = json.loads(message.text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value["occurred_at"])
    occurred_at = datetime.datetime.fromisoformat(value.pop("occurred_at").replace("Z", ""))
    assert occurred_at == row["created_at"]
    assert value == {"event_id": row["id"], "aggregate_type": "order", "aggregate_id": 42,
                     "event_type": "ORDER_PAID", "payload": order, "version": 1}
    assert message.key == b"42"
    # Without a topic of its own a row goes to the document's default one.
    assert any(json.loads(one.text)["payload"] == {"test": unique}
               for one in topics.read("default.events"))


def test_the_shop_waits_two_to_the_count_of_failures_and_five_minutes_at_most(
        outboxd, database, topics, topic, shop):
    relay = shop(relay__topic_refresh_interval="1h")
    database.insert([event(topic, 1)])
    database.wait_settled()
    topics.limit(topic, 2000)
    database.insert([event(topic, 2, LARGE), event(topic, 3, LARGE, retry_count=8)])
    wait = ("select extract(epoch from next_attempt_at - (now() at time zone 'utc'))::float "
            "from outbox_events where aggregate_id = %s and retry_count = %s and status = 'FAILED'")
    for key, count, low, high in ((2, 1, 1, 2), (3, 9, 295, 300), (2, 2, 3, 4)):
        wait_until(lambda: database.rows(wait, key, count), 10, f"failure {count}")
        assert low <= database.value(wait, key, count) <= high
    row = database.row("select * from outbox_events where aggregate_id = 2")
    assert row["locked_by"] is None and row["locked_at"] is None
    assert 0 < len(row["error_message"]) <= 2000
    assert relay.stop() == 0


def test_rows_that_are_not_due_wait(database, topic, shop):
    relay = shop()
    database.insert([event(topic, 1, next_attempt_at="2999-01-01"), event(topic, 2)])
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 1)
    holds_for(lambda: database.value("select status from outbox_events where aggregate_id = 1")
              == "PENDING", 0.6, "a row was sent before its time")
    assert relay.stop() == 0


def test_rows_of_one_key_go_out_by_created_at(database, topics, topic, shop):
    database.insert([event(topic, 5, json.dumps(number), created_at=f"2026-01-01 00:00:{second:02}")
                     for number, second in ((3, 30), (1, 10), (2, 20), (4, 40))])
    relay = shop()
    database.wait_settled()
    assert relay.stop() == 0
    assert [json.loads(one.text)["payload"] for one in topics.read(topic)] == [1, 2, 3, 4]


def test_a_deleted_topic_is_held_and_its_rows_flow_once_it_is_back(
        outboxd, services, database, topics, topic, publisher):
    relay = publisher(relay__topic_refresh_interval="200ms")
    database.insert([event(topic, "before")])
    database.wait_settled()
    kafka_wire.delete_topic(services.kafka, topic)
    database.insert([event(topic, "after")])
    relay.wait_for_log("topic held")
    assert database.value("select max(retry_count) from outbox_events") == 0
    topics.create(topic)
    database.wait_settled(20)
    assert [message.key for message in topics.read(topic)] == [b"after"]
    assert relay.stop() == 0
