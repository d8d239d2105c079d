# SPDX-License-Identifier: Apache-2.0
"""Rows that cannot become messages: a dead letter that says why, and nobody else waits.

Of each case the rows of one key are a good one, the bad one and a good one; all go in at once.
"""
import json
import re

import document_tables
import psycopg2
import pytest
from psycopg2.extras import Json

MEGABYTES = 5 * 1024 * 1024
DEAD = object()  # In place of the value: no message.


def as_bytes(content):
    return {"payload": None, "payload_bytes": psycopg2.Binary(content)}


# By name: the bad row's columns; the value of its message, or DEAD; what the error says.
LONG_NUMBERS = '{"n" :  12345678901234567890.10,\n "n": 1e2}'
RAW = {
    "null_payload": ({"payload": None}, None, ""),
    "bytes_that_are_no_text": (as_bytes(b"\xff\0\xfe"), b"\xff\0\xfe", ""),
    "spaces_and_long_numbers": ({"payload": LONG_NUMBERS}, LONG_NUMBERS.encode(), ""),
    "no_bytes_at_all": (as_bytes(b""), b"", ""),
    "topic_with_a_blank": ({"topic": "no topic"}, DEAD, "no topic"),
    "topic_of_three_hundred": ({"topic": "t" * 300}, DEAD, "topic"),
    "topic_of_two_dots": ({"topic": ".."}, DEAD, "topic"),
    "headers_that_are_no_object": ({"headers": Json([1])}, DEAD, "headers are no JSON object"),
    "a_header_that_the_relay_sets": ({"headers": Json({"row_id": "7"})}, DEAD, "row_id"),
    "a_header_without_a_name": ({"headers": Json({"": "7"})}, DEAD, "empty name"),
    "a_header_of_a_megabyte": ({"headers": Json({"h": "x" * 1000000})}, DEAD, "shorten it"),
    "an_event_type_of_a_megabyte": ({"event_type": "x" * 1000000}, DEAD, "event_type"),
    "five_megabytes": ({"payload": Json("x" * MEGABYTES)}, DEAD, "max.message.bytes"),
    "created_before_the_year_one": ({"created_at": "0044-03-15 BC"}, DEAD, "created_at"),
}
STANDARD = {
    "null_payload": ({"payload": None}, DEAD, "NULL"),
    "bytes_that_are_no_json": (as_bytes(b"{'a'}"), DEAD, "no JSON"),
    "bytes_that_are_no_utf8": (as_bytes(b'"\xff"'), DEAD, "JSON"),
    "no_bytes_at_all": (as_bytes(b""), DEAD, "JSON"),
    "bytes_that_are_json": (as_bytes(b' {"a": 1.10} '), b'{"a": 1.10}', ""),
}
DEBEZIUM = {"null_payload": ({"payload": None}, None, "")}
CLOUDEVENTS = {
    "null_payload": ({"payload": None}, DEAD, "NULL"),
    "an_empty_event_type": ({"event_type": ""}, DEAD, "event_type"),
    "bytes_that_are_no_text": (as_bytes(b"\xff\0\xfe"), b"\xff\0\xfe", ""),
}


def rows_of(topic, cases):
    for name, (columns, _, _) in cases.items():
        for number in range(3):
            row = {"aggregate_type": "order", "aggregate_id": name, "event_type": "ORDER_PAID",
                   "payload": json.dumps({"number": number}), "topic": topic}
            yield dict(row, **columns) if number == 1 else row


def value_of(envelope, message):
    """The payload's bytes within the envelope."""
    if envelope != "standard" or message.value is None:
        return message.value
    return re.search(rb'"payload":(.*),"version":1}$', message.value, re.S).group(1)


@pytest.mark.parametrize("envelope, cases", [
    ("raw", RAW), ("standard", STANDARD), ("debezium", DEBEZIUM), ("cloudevents", CLOUDEVENTS)],
    ids=["raw", "standard", "debezium", "cloudevents"])
def test_a_bad_row_is_a_dead_letter_and_its_siblings_are_sent(
        outboxd, database, topics, topic, envelope, cases):
    outboxd.migrate()
    database.insert(rows_of(topic, cases))
    relay = outboxd.relay(relay__envelope=envelope, relay__dead_letter_topic=topic + ".none")
    database.wait_settled(20)
    assert relay.stop() == 0
    sent = {}
    for message in topics.read(topic):
        sent.setdefault(message.key.decode(), []).append(value_of(envelope, message))
    for name, (_, value, word) in cases.items():
        first, last = b'{"number": 0}', b'{"number": 2}'
        reasons = [row[0] for row in database.rows(
            "select error_message from outbox_events where aggregate_id = %s and "
            "status = 'DEAD'", name)]
        if value is DEAD:
            assert sent[name] == [first, last], name
            assert len(reasons) == 1 and word in reasons[0], (name, reasons)
            assert len(reasons[0]) <= 2000
        else:
            assert not reasons and sent[name] == [first, value, last], (name, reasons)


def test_a_row_with_an_empty_key_is_a_dead_letter(outboxd, database, topics, topic):
    outboxd.migrate()
    base = {"aggregate_type": "order", "event_type": "A", "payload": "{}", "topic": topic}
    database.insert([dict(base, aggregate_id=""), dict(base, aggregate_id="k", event_key=""),
                     dict(base, aggregate_id="", event_key="k"), dict(base, aggregate_id="k")])
    relay = outboxd.relay()
    database.wait_settled(10)
    assert relay.stop() == 0
    assert database.rows("select status from outbox_events order by id") == [
        ("DEAD",), ("DEAD",), ("PUBLISHED",), ("PUBLISHED",)]
    for reason, in database.rows("select error_message from outbox_events where status = 'DEAD'"):
        assert "key is empty" in reason and "aggregate_id" in reason
    assert [message.key for message in topics.read(topic)] == [b"k", b"k"]


def test_five_megabytes_are_sent_where_the_topic_takes_them(outboxd, database, topics, topic):
    topics.limit(topic, 2 * MEGABYTES)
    outboxd.migrate()
    base = {"aggregate_type": "order", "aggregate_id": "k", "event_type": "A", "topic": topic}
    database.insert([dict(base, payload=json.dumps(str(number) + "x" * MEGABYTES))
                     for number in range(8)])
    relay = outboxd.relay()
    database.wait_settled(30)
    assert relay.peak_memory_bytes() < 100 * 1024 * 1024
    assert relay.stop() == 0
    messages = topics.read(topic)
    assert [message.text[1] for message in messages] == [str(number) for number in range(8)]
    assert all(len(message.value) == MEGABYTES + 3 for message in messages)


@pytest.fixture
def database_without_encoding(services, database_url, outboxd):
    """Nothing keeps bytes that are no UTF-8 out of a text column there."""
    name = database_url.rpartition("/")[2] + "_ascii"
    admin = psycopg2.connect(services.postgres)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name} encoding 'SQL_ASCII' locale 'C' "
                       "template template0")
    admin.close()
    outboxd.environment["DATABASE_CONN"] = database_url.rpartition("/")[0] + "/" + name
    connection = psycopg2.connect(outboxd.environment["DATABASE_CONN"])
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.mark.parametrize("envelope, expected", [
    ("raw", {b"k": 3, b"\xfe": 1}), ("standard", {b"k": 2})], ids=["raw", "standard"])
def test_text_that_is_no_utf8_goes_out_as_bytes_or_becomes_a_dead_letter(
        outboxd, database_without_encoding, topics, topic, envelope, expected):
    with database_without_encoding.cursor() as cursor:
        cursor.execute(document_tables.FRAMEWORK)
        cursor.execute("insert into outbox_events (aggregate_id, event_type, event_data) values "
                       "('k', 'A', '{}'), ('k', 'A', E'\"\\xff\"'), (E'\\xfe', 'A', '{}'), "
                       "('k', 'A', '{}')")
    outboxd.migrate(outbox__preset="framework")
    relay = outboxd.relay(outbox__preset="framework", relay__default_topic=topic,
                          relay__polling_interval="50ms", relay__envelope=envelope)
    messages = topics.wait_for(topic, sum(expected.values()))
    assert relay.stop() == 0
    keys = [message.key for message in messages]
    assert {key: keys.count(key) for key in keys} == expected
    with database_without_encoding.cursor() as cursor:
        cursor.execute("select count(*) filter (where status = 'PROCESSED'), count(*) filter "
                       "(where status = 'FAILED') from outbox_events")
        assert cursor.fetchone() == (len(messages), 4 - len(messages))


def test_nulls_where_a_document_s_table_allows_them_stop_nothing(
        outboxd, database, topics, topic):
    definition = re.sub(r"(event_type|topic|partition_key|payload)( \S+) not null", r"\1\2",
                        document_tables.COMMERCE)
    database.execute(definition)
    outboxd.migrate(outbox__preset="commerce")
    base = {"event_type": "A", "topic": topic, "partition_key": "a"}
    database.insert([dict(base, event_type=None, payload="1"), dict(base, topic=None, payload="2"),
                     dict(base, partition_key=None, payload="3"), dict(base, payload=None),
                     dict(base, payload="5")])
    relay = outboxd.relay(outbox__preset="commerce", relay__polling_interval="50ms",
                          relay__default_topic=topic)
    database.wait_settled(10, words=("PUBLISHED", "FAILED"))
    assert relay.stop() == 0
    assert database.rows("select payload from outbox_events where status = 'FAILED'") == [("3",)]
    assert [message.value for message in topics.read(topic)] == [b"1", b"2", None, b"5"]


def test_rows_changed_or_deleted_while_they_are_sent_stop_nothing(
        outboxd, services, database, topics, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    base = {"aggregate_type": "order", "event_type": "A", "payload": "{}", "topic": topic}
    database.insert([dict(base, aggregate_id="first")])
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert([dict(base, aggregate_id=f"k{number}") for number in range(10)])
        relay.wait_for_log("pending events events=10")
        database.execute("delete from outbox_events where aggregate_id in ('k1', 'k2')")
        database.execute("update outbox_events set payload = '{\"new\": 1}' "
                         "where aggregate_id = 'k3'")
    finally:
        services.command("resume", "kafka")
    database.wait_settled(20)
    assert relay.stop() == 0
    assert database.counts() == {"PUBLISHED": 9}
    assert {message.key for message in topics.read(topic)} >= {
        f"k{number}".encode() for number in range(3, 10)}
