# SPDX-License-Identifier: Apache-2.0
"""A relay with nothing but the plain variables of A2: rows A1 to A3, A6, A7, A9 and E2."""
import re
import signal
import struct
import subprocess

from topics import assert_order_per_key
from waiting import holds_for

ROW = "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, topic) "


def psql(url, sql):
    """As a back end in any language would: text to the server, nothing of ours."""
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", sql], check=True,
                   timeout=60)


def event(topic, key="k", payload="{}", event_type="ORDER_PAID"):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": event_type,
            "payload": payload, "topic": topic}


def test_five_thousand_rows_by_psql_alone_are_read_once_each(outboxd, database, topics, topic):
    outboxd.migrate()
    psql(database.url, ROW + "select 'order', 'k' || i % 100, 'ORDER_PAID', "
         f"json_build_object('i', i), '{topic}' from generate_series(1, 5000) i")
    relay = outboxd.relay()
    database.wait_settled(30)
    assert relay.stop() == 0
    assert database.counts() == {"PUBLISHED": 5000}
    assert database.value("select count(*) from outbox_events where published_at is null "
                          "or published_at < created_at or retry_count > 0") == 0
    rows = {str(row[0]): row[1:] for row in database.rows(
        "select id, event_id, aggregate_id, payload::text from outbox_events")}
    outbox_id = database.value("select value from outboxd_meta where name = 'outbox_id'")
    messages = topics.read(topic)
    assert len(messages) == 5000
    assert {message.row_id for message in messages} == set(rows)
    for message in messages:
        event_id, key, payload = rows[message.row_id]
        assert (message.key.decode(), message.text) == (key, payload)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
                            message.headers.pop("occurred_at"))
        assert message.headers == {
            "event_id": event_id, "event_type": "ORDER_PAID", "aggregate_type": "order",
            "aggregate_id": key, "row_id": message.row_id, "outbox_id": outbox_id,
            "lease_epoch": "1"}
    assert_order_per_key(messages)
    assert len({message.partition for message in messages}) == 3


def test_a_row_for_a_missing_topic_holds_back_nothing_and_flows_once_it_is_there(
        outboxd, database, topics, topic):
    outboxd.migrate()
    missing = topic + ".missing"
    database.insert([event(missing, "k1")] + [event(topic, f"k{i % 10}") for i in range(100)]
                    + [event(missing, "k2")])
    relay = outboxd.relay(relay__topic_refresh_interval="300ms")
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 100)
    relay.wait_for_log(rf"topic held, its events wait subject={re.escape(missing)}")
    # Nothing counts as an attempt while the topic is held.
    assert database.rows("select status, retry_count, error_message from outbox_events "
                         "where topic = %s", missing) == [("PENDING", 0, None)] * 2
    topics.create(missing)
    database.wait_settled(10)
    assert database.counts() == {"PUBLISHED": 102}
    assert {message.key for message in topics.read(missing)} == {b"k1", b"k2"}
    assert len(topics.read(topic)) == 100
    assert relay.stop() == 0


def test_a_row_without_a_topic_goes_to_the_default_one(outboxd, database, topics, topic):
    outboxd.migrate()
    database.insert([event(None), event("")])
    relay = outboxd.relay(relay__default_topic=topic)
    database.wait_settled()
    assert relay.stop() == 0
    assert len(topics.read(topic)) == 2


def test_the_url_of_sqlalchemy_and_the_numbers_of_the_document_are_taken(
        outboxd, database, topic):
    outboxd.migrate()
    database.insert([event(topic)])
    relay = outboxd.relay(environment={
        "DATABASE_CONN": database.url.replace("postgresql://", "postgresql+asyncpg://"),
        "POLL_INTERVAL_SECONDS": "0.25  # a quarter", "BATCH_SIZE": "7  # a few"})
    database.wait_settled()
    assert relay.wait_for_log(r"publisher started .*interval_ms=250 batch_size=7\b")
    assert relay.stop() == 0


def test_the_seven_names_are_read_from_the_file_dot_env(outboxd, database, services, topic):
    outboxd.migrate()
    database.insert([event(topic)])
    (outboxd.folder / ".env").write_text(
        f"DATABASE_CONN={database.url}  # the shop's\nKAFKA_BOOTSTRAP_SERVERS={services.kafka_sasl}"
        "\nKAFKA_USER=outboxd\nKAFKA_PASSWORD='outboxd-secret'\nKAFKA_SASL_MECHANISM=SCRAM\n"
        "POLL_INTERVAL_SECONDS=0.1\nBATCH_SIZE=50\n")
    relay = outboxd.relay(environment={"DATABASE_CONN": None, "KAFKA_BOOTSTRAP_SERVERS": None})
    database.wait_settled()
    relay.wait_for_log(r"publisher started .*interval_ms=100 batch_size=50\b")
    assert relay.stop() == 0
    assert "outboxd-secret" not in relay.log()


def test_the_start_is_told_in_steps_and_batches_and_events_are_told_too(
        outboxd, database, services, topic):
    outboxd.migrate()
    database.insert([event(topic, event_type="ORDER_PAID"), event(topic, event_type="RESTOCKED")])
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    steps = [r"outboxd starts .*librdkafka=(2\.[89]|2\.\d\d|[3-9]\.)", r"database answers",
             r"outbox found", rf"connecting to the brokers servers={services.kafka}\n",
             r"brokers answer", r"producer started",
             r"publisher started id=publisher-[0-9a-f]{8} .*interval_ms=50\b",
             r"pending events events=2\n", rf"event row=1 type=ORDER_PAID topic={topic}\n",
             rf"event row=2 type=RESTOCKED topic={topic}\n",
             r"publisher stopped id=\S+ acknowledged=2 settled=2 retried=0 dead_lettered=0\n"]
    assert re.search("(?s)" + ".*".join(steps), relay.log()), relay.log()
    # Both were read again once their topic was known, and are no new events by that.
    assert relay.log().count("pending events") == 1
    assert relay.log().count("event row=") == 2


def test_lines_of_single_events_are_sampled_and_counted_when_the_rate_is_high(
        outboxd, database, topic):
    outboxd.migrate()
    database.execute(ROW + f"select 'order', 'k' || i, 'ORDER_PAID', '{{}}', '{topic}' "
                     "from generate_series(1, 20000) i")
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    log = relay.log()
    assert len(log.splitlines()) < 300
    lines = re.findall(r" event row=(\d+)", log)
    assert len(lines) == len(set(lines)) > 0
    # What was read again while its topic was looked up is counted again.
    counted = sum(int(text) for text in re.findall(r"more events were read events=(\d+)", log))
    assert len(lines) + counted >= 20000


def test_a_stop_while_a_message_waits_for_a_topic_ends_with_0(outboxd, database, topic):
    outboxd.migrate()
    database.insert([event(topic + ".missing"), event(topic)])
    relay = outboxd.relay()
    relay.wait_for_log("topic held")
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 1)
    assert relay.stop(10) == 0
    assert database.rows("select status from outbox_events order by id") == [
        ("PENDING",), ("PUBLISHED",)]
    assert database.value("select count(*) from outboxd_slots where owner is not null "
                          "and expires_at > clock_timestamp()") == 0


def test_a_stop_while_the_broker_is_paused_ends_with_0_within_ten_seconds(
        outboxd, services, database, topics, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    relay.wait_for_log("slots acquired")
    database.insert([event(topic)])
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert([event(topic, f"k{i}") for i in range(100)])
        relay.wait_for_log("pending events events=100")
        assert relay.stop(10) == 0
    finally:
        services.command("resume", "kafka")
    assert database.counts() == {"PUBLISHED": 1, "PENDING": 100}
    again = outboxd.relay()
    database.wait_settled()
    assert again.stop() == 0
    assert {m.row_id for m in topics.read(topic)} == {str(i) for i in range(1, 102)}


def test_a_second_signal_ends_the_relay_at_once(outboxd, services, database, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    relay.wait_for_log("slots acquired")
    services.command("pause", "kafka")
    try:
        database.insert([event(topic)])
        relay.wait_for_log("pending events events=1")
        relay.signal(signal.SIGTERM)
        # Two signals at once are one request: the second counts after a moment.
        holds_for(relay.alive, 0.6, "the relay did not wait for what is in flight")
        relay.signal(signal.SIGTERM)
        assert relay.wait(1) == 143
    finally:
        services.command("resume", "kafka")
    assert database.counts() == {"PENDING": 1}


def test_a_row_of_a_transaction_that_commits_late_is_sent_too(outboxd, database, topics, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    late = database.connect(autocommit=False)
    with late.cursor() as cursor:
        cursor.execute(ROW + "values ('order', 'late', 'ORDER_PAID', '{}', %s)", (topic,))
    database.insert([event(topic, f"k{i}") for i in range(200)])
    database.wait_for("select count(*) from outbox_events where status = 'PUBLISHED'", 200)
    late.commit()
    database.wait_settled(15)
    rolled_back = database.connect(autocommit=False)
    with rolled_back.cursor() as cursor:
        cursor.execute(ROW + "values ('order', 'never', 'ORDER_PAID', '{}', %s)", (topic,))
    rolled_back.rollback()
    assert relay.stop() == 0
    keys = [message.key for message in topics.read(topic)]
    assert keys.count(b"late") == 1 and len(keys) == 201 and b"never" not in keys
    late.close()
    rolled_back.close()


def test_batches_in_the_log_carry_a_producer_id_and_sequence_numbers(
        outboxd, services, database, topics, topic):
    """They do only where the producer is idempotent (E2)."""
    outboxd.migrate()
    relay = outboxd.relay()
    database.insert([event(topic, "k")])
    database.wait_settled()
    assert relay.stop() == 0
    folder = services.directory / "kafka" / "data" / f"{topic}-{topics.read(topic)[0].partition}"
    batch = (folder / "00000000000000000000.log").read_bytes()
    producer_id, _, sequence = struct.unpack(">qhi", batch[43:57])
    assert producer_id >= 0 and sequence == 0
