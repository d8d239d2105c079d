# SPDX-License-Identifier: Apache-2.0
"""D's and E's tables in a SQLite file stay as they are and are relayed (F1, D1, D2, D10, E1)."""
import json

import document_tables
import pytest
from sqlite_databases import SqliteDatabase
from topics import assert_order_per_key

LARGE = json.dumps({"pad": "x" * 5000})


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path / 'outbox.db'}"


@pytest.fixture
def database(tmp_path):
    opened = SqliteDatabase(tmp_path / "outbox.db")
    opened.execute(document_tables.FRAMEWORK_SQLITE)
    yield opened
    opened.connection.close()


def start(outboxd, **settings):
    return outboxd.relay(**{"outbox__preset": "framework", "relay__polling_interval": "50ms",
                            "relay__lease_ttl": "1s", "relay__backoff_initial": "200ms",
                            "relay__backoff_jitter": "0", **settings})


def user_events(count, keys=1):
    return [{"aggregate_id": f"k{number % keys}", "event_type": "UserCreated",
             "event_data": json.dumps({"n": number})} for number in range(count)]


def test_migrate_makes_own_tables_only_and_touches_nothing_of_the_document_s(outboxd, database):
    schema = "select type, name, sql from sqlite_schema where tbl_name = 'outbox_events' order by 2"
    before = database.rows(schema)
    outboxd.migrate(outbox__preset="framework")
    assert "nothing to do" in outboxd.migrate(outbox__preset="framework")
    assert database.rows(schema) == before
    others = [name for name, in database.rows("select name from sqlite_schema where tbl_name <> "
                                              "'outbox_events' and name not like 'sqlite_%'")]
    assert others and all(name.startswith("outboxd_") for name in others), others


def test_framework_rows_are_relayed_in_order_and_become_processed(
        outboxd, database, topics, topic):
    outboxd.migrate(outbox__preset="framework")
    relay = start(outboxd, relay__default_topic=topic)
    for _ in range(5):
        database.insert(user_events(200, 7))
    database.wait_for("select count(*) from outbox_events where status = 'PROCESSED' and "
                      "processed_at >= created_at and retry_count = 0", 1000)
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert len(messages) == 1000
    for key in range(7):
        numbers = [json.loads(message.text)["n"] for message in messages
                   if message.key == f"k{key}".encode()]
        assert numbers == list(range(key, 200, 7)) * 5
    assert len({message.headers["event_id"] for message in messages}) == 1000


def test_a_refused_row_is_counted_its_key_waits_and_it_fails_after_three_attempts(
        outboxd, database, topics, topic):
    outboxd.migrate(outbox__preset="framework")
    relay = start(outboxd, relay__default_topic=topic, relay__topic_refresh_interval="1h",
                  relay__backoff_initial="1s")
    database.insert(user_events(1))
    database.wait_for("select status from outbox_events where id = 1", "PROCESSED")
    topics.limit(topic, 2000)
    database.insert([{"aggregate_id": "bad", "event_type": "A", "event_data": LARGE},
                     {"aggregate_id": "bad", "event_type": "A", "event_data": "{}"},
                     {"aggregate_id": "good", "event_type": "A", "event_data": "{}"}])
    database.wait_for("select status || retry_count from outbox_events where id = 2", "PENDING1")
    assert database.value("select wire_key from outboxd_keys") == "bad"
    database.wait_for("select status from outbox_events where id = 4", "PROCESSED")
    assert database.value("select status from outbox_events where id = 3") == "PENDING"
    database.wait_for("select status || retry_count from outbox_events where id = 2", "FAILED3")
    database.wait_for("select status from outbox_events where id = 3", "PROCESSED")
    assert outboxd.status(outbox__preset="framework")["backlog"]["dead"] == 1
    assert relay.stop() == 0


def test_commerce_rows_go_to_their_topic_with_their_partition_key(
        outboxd, database, topics, topic):
    database.execute("drop table outbox_events")
    database.execute(document_tables.COMMERCE_SQLITE)
    outboxd.migrate(outbox__preset="commerce")
    relay = start(outboxd, outbox__preset="commerce")
    database.insert([{"event_type": "LikeAddedEvent", "topic": topic,
                      "partition_key": f"product-{number % 3}",
                      "payload": json.dumps({"n": number})} for number in range(30)])
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 30)
    assert relay.stop() == 0
    messages = topics.read(topic)
    for product in range(3):
        numbers = [json.loads(message.text)["n"] for message in messages
                   if message.key == f"product-{product}".encode()]
        assert numbers == list(range(product, 30, 3))


def test_what_publish_inserts_is_relayed_and_goes_when_it_is_old(
        outboxd, database, topics, topic):
    outboxd.migrate(outbox__preset="framework")
    outboxd.done("publish", "--aggregate-type=user", "--aggregate-id=42",
                 "--event-type=UserCreated", "--payload={}", outbox__preset="framework")
    relay = start(outboxd, relay__default_topic=topic)
    database.wait_for("select status from outbox_events", "PROCESSED")
    assert relay.stop() == 0
    assert [message.key for message in topics.read(topic)] == [b"42"]
    database.execute("update outbox_events set processed_at = '2001-01-01 00:00:00'")
    outboxd.done("cleanup", outbox__preset="framework")
    assert database.value("select count(*) from outbox_events") == 0


def test_a_relay_that_is_killed_goes_on_where_it_was(outboxd, database, topics, topic):
    outboxd.migrate(outbox__preset="framework")
    relay = start(outboxd, relay__default_topic=topic, relay__batch_size="20")
    database.insert(user_events(2000, 5))
    database.wait_for("select count(*) > 100 from outbox_events where status = 'PROCESSED'", 1)
    relay.kill()
    relay = start(outboxd, relay__default_topic=topic)
    database.wait_for("select count(*) from outbox_events where status = 'PROCESSED'", 2000)
    assert relay.stop() == 0
    assert_order_per_key(topics.read(topic))


def test_a_table_without_its_preset_is_named_with_the_one_that_fits(outboxd, database):
    result = outboxd.run("relay", start_timeout="3s")
    assert result.returncode == 4, result.stderr
    assert "outbox.preset" in result.stderr and "framework" in result.stderr
    result = outboxd.run("relay", outbox__preset="commerce", start_timeout="3s")
    assert result.returncode == 4, result.stderr
    assert "partition_key" in result.stderr and "framework" in result.stderr
