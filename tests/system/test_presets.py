# SPDX-License-Identifier: Apache-2.0
"""Tables of the five documents stay as they are and are relayed (F1; C1, C5, D1, D4, D10, E1)."""
import json

import document_tables
import pytest

LARGE = json.dumps({"pad": "x" * 5000})


def take_over(outboxd, database, preset):
    database.execute(document_tables.TABLES[preset])
    outboxd.migrate(outbox__preset=preset)


def start(outboxd, preset, **settings):
    """With an interval for tests: the documents' own are up to five seconds."""
    return outboxd.relay(**{"outbox__preset": preset, "relay__polling_interval": "50ms",
                            "relay__lease_ttl": "1s", "relay__backoff_initial": "200ms",
                            "relay__backoff_jitter": "0", **settings})


def shape_of(database):
    """All that a schema change of the document's table would show in."""
    return (database.rows("select column_name, data_type, is_nullable, column_default from "
                          "information_schema.columns where table_name = 'outbox_events' "
                          "order by ordinal_position"),
            database.rows("select indexdef from pg_indexes where tablename = 'outbox_events' "
                          "order by 1"),
            database.rows("select conname, pg_get_constraintdef(oid) from pg_constraint where "
                          "conrelid = 'outbox_events'::regclass order by 1"),
            database.rows("select tgname from pg_trigger where tgrelid = "
                          "'outbox_events'::regclass order by 1"),
            database.value("select reloptions::text from pg_class where relname = 'outbox_events'"))


@pytest.mark.parametrize("preset", document_tables.TABLES, ids=str)
def test_migrate_makes_own_tables_only_and_touches_nothing_of_the_document_s(
        outboxd, database, preset):
    database.execute(document_tables.TABLES[preset])
    before = shape_of(database)
    outboxd.migrate(outbox__preset=preset)
    assert "nothing to do" in outboxd.migrate(outbox__preset=preset)
    assert shape_of(database) == before
    others = [row[0] for row in database.rows(
        "select tablename from pg_tables where schemaname = 'public' and tablename <> "
        "'outbox_events'")]
    assert others and all(name.startswith("outboxd_") for name in others), others


@pytest.mark.parametrize("preset", ["trading", "framework", "commerce"])
def test_capture_row_is_refused_where_the_table_has_no_word_for_it(
        outboxd, database, preset):
    take_over(outboxd, database, preset)
    result = outboxd.run("relay", outbox__preset=preset, relay__capture="row")
    assert result.returncode == 3
    assert "relay.capture" in result.stderr and preset in result.stderr


def trading_event(number, key, data="{}", **columns):
    return dict({"id": f"00000000-0000-4000-8000-{number:012}", "event_type": "OrderFilled",
                 "aggregate_id": key, "aggregate_type": "portfolio", "event_data": data,
                 "updated_at": "2020-01-01"}, **columns)


def test_trading_rows_become_published_in_lower_case(outboxd, database, topics, topic):
    take_over(outboxd, database, "trading")
    relay = start(outboxd, "trading", relay__default_topic=topic)
    database.insert([trading_event(number, f"k{number % 5}", json.dumps({"n": number}))
                     for number in range(50)])
    database.wait_for("select count(*) from outbox_events where status = 'published' and "
                      "published_at is not null and updated_at > '2020-01-02'", 50)
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert len(messages) == 50 and {message.key for message in messages} == {
        f"k{number}".encode() for number in range(5)}
    assert all(message.headers["aggregate_type"] == "portfolio" for message in messages)


def test_trading_rows_are_retried_as_often_as_they_say_and_fail_then(
        outboxd, database, topics, topic):
    take_over(outboxd, database, "trading")
    relay = start(outboxd, "trading", relay__default_topic=topic,
                  relay__topic_refresh_interval="1h", relay__backoff_initial="1s")
    database.insert([trading_event(1, "a")])
    database.wait_for("select status from outbox_events", "published")
    topics.limit(topic, 2000)
    database.insert([trading_event(2, "b", LARGE, max_retries=2),
                     trading_event(3, "c", LARGE, max_retries=1)])
    of_row = "select status from outbox_events where aggregate_id = '%s'"
    database.wait_for(of_row % "b", "retry")
    database.wait_for(of_row % "c", "failed")
    database.wait_for(of_row % "b", "failed")
    assert relay.stop() == 0


def test_framework_rows_become_processed_and_failed_after_three_attempts(
        outboxd, database, topics, topic):
    take_over(outboxd, database, "framework")
    relay = start(outboxd, "framework", relay__default_topic=topic,
                  relay__topic_refresh_interval="1h")
    database.insert([{"aggregate_id": "42", "event_type": "UserCreated",
                      "event_data": json.dumps({"n": number})} for number in range(20)])
    database.wait_for("select count(*) from outbox_events where status = 'PROCESSED' and "
                      "processed_at is not null", 20)
    topics.limit(topic, 2000)
    database.insert([{"aggregate_id": "43", "event_type": "UserCreated", "event_data": LARGE},
                     {"aggregate_id": "44", "event_type": "UserCreated", "event_data": "{}"}])
    database.wait_for("select status from outbox_events where aggregate_id = '44'", "PROCESSED")
    database.wait_for("select status from outbox_events where aggregate_id = '43'", "FAILED")
    assert relay.log().count("event refused, its key waits") == 2
    assert relay.stop() == 0
    messages = [message for message in topics.read(topic) if message.key == b"42"]
    assert [json.loads(message.text)["n"] for message in messages] == list(range(20))


def test_commerce_rows_go_to_their_topic_with_their_partition_key(
        outboxd, database, topics, topic):
    take_over(outboxd, database, "commerce")
    relay = start(outboxd, "commerce")
    database.insert([{"event_type": "LikeAddedEvent", "topic": topic,
                      "partition_key": f"product-{number % 3}",
                      "payload": json.dumps({"productId": number % 3, "n": number})}
                     for number in range(30)])
    database.wait_settled()
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert len(messages) == 30
    for product in range(3):
        numbers = [json.loads(message.text)["n"] for message in messages
                   if message.key == f"product-{product}".encode()]
        assert numbers == list(range(product, 30, 3))
    assert all(message.headers["event_type"] == "LikeAddedEvent" for message in messages)


def test_the_same_foreign_row_has_the_same_event_id_for_every_relay(
        outboxd, database, topics, topic):
    """Its id is no UUID, so the identity is made from it; a consumer's inbox rests on that."""
    take_over(outboxd, database, "framework")
    event = {"aggregate_id": "1", "event_type": "UserCreated", "event_data": "{}"}
    database.insert([event])
    for _ in range(2):
        relay = start(outboxd, "framework", relay__default_topic=topic)
        database.wait_settled(words=("PROCESSED",))
        assert relay.stop() == 0
        database.execute("update outbox_events set status = 'PENDING'")
    ids = [message.headers["event_id"] for message in topics.read(topic)]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_yaml_of_the_framework_module_is_taken_as_it_is(outboxd, database, topics, topic):
    take_over(outboxd, database, "framework")
    (outboxd.folder / "outboxd.yaml").write_text(
        "cupia:\n  framework:\n    outbox:\n      enabled: true\n      relay:\n"
        "        polling-interval: 70\n        batch-size: 11\n        max-retry: 2\n"
        "      cleanup:\n        retention-days: 30\n        cleanup-interval: 86400000\n"
        f"outbox:\n  preset: framework\nrelay:\n  default-topic: {topic}\n")
    relay = outboxd.relay()
    relay.wait_for_log(r"publisher started .*interval_ms=70 batch_size=11\b")
    database.insert([{"aggregate_id": "1", "event_type": "A", "event_data": "{}"}])
    database.wait_settled(words=("PROCESSED",))
    assert relay.stop() == 0
    assert len(topics.read(topic)) == 1


def test_an_outbox_that_is_switched_off_relays_nothing_and_ends_well(
        outboxd, database, topics, topic):
    outboxd.migrate()
    database.insert([{"aggregate_type": "a", "aggregate_id": "1", "event_type": "A",
                      "payload": "{}", "topic": topic}])
    for command in ("relay", "run"):
        result = outboxd.run(command, outbox__enabled="false")
        assert result.returncode == 0 and "outbox.enabled" in result.stderr
    assert database.counts() == {"PENDING": 1} and topics.read(topic) == []


def test_a_table_of_a_document_without_its_preset_is_named_with_the_preset_that_fits(
        outboxd, database):
    for preset, definition in document_tables.TABLES.items():
        database.execute("drop table if exists outbox_events")
        database.execute(definition)
        result = outboxd.run("relay", start_timeout="3s")
        assert result.returncode == 4, (preset, result.stderr)
        assert "outbox.preset" in result.stderr and preset in result.stderr, (preset,
                                                                              result.stderr)
