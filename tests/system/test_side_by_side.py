# SPDX-License-Identifier: Apache-2.0
"""Named relays in one process, routes, transformers, envelopes, settle delete (A8, A9, B3)."""
import json
import re

import pytest

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def event(kind="order", key="k", payload="{}", event_type="ORDER_PAID", **columns):
    return dict({"aggregate_type": kind, "aggregate_id": key, "event_type": event_type,
                 "payload": payload}, **columns)


def write_yaml(outboxd, text):
    (outboxd.folder / "outboxd.yaml").write_text(text)


NAMED = """
relay:
  polling-interval: 20ms
  default-topic: {name}.rest
relays:
  orders:
    aggregate-types: [order]
    routes:
      - {{event-type: [ORDER_*, CART_EMPTIED], topic: {name}.orders}}
      - {{event-type: "*", topic: {name}.other}}
    transform:
      - pick: [order_id, customer, total, card]
      - rename: {{total: total_amount}}
      - drop: [card]
      - mask: [customer.email]
      - add: {{source: shop, kind: "{{event_type}}"}}
  payments:
    aggregate-types: [payment, refund]
    envelope: standard
    transform:
      - topic: "{name}.{{aggregate_type}}"
"""


def test_named_relays_divide_the_aggregate_types_route_and_transform(
        outboxd, database, topics, unique):
    for topic in ("orders", "other", "payment", "refund"):
        topics.create(f"{unique}.{topic}")
    write_yaml(outboxd, NAMED.format(name=unique))
    outboxd.migrate()
    order = {"order_id": 1, "customer": {"name": "a", "email": "a@b"}, "total": 9.5, "card": "4",
             "note": "x"}
    database.insert([
        event("order", "o1", json.dumps(order)), event("order", "o1", "{}", "CART_EMPTIED"),
        event("order", "o2", "{}", "RETURNED"), event("payment", "p1", '{"amount": 1.10}'),
        event("refund", "r1", "{}"), event("stock", "s1", "{}")])
    process = outboxd.start("run")
    published = "select count(*) from outbox_events where status = 'PUBLISHED'"
    database.wait_for(published, 5)
    names = [outboxd.status(number)["name"] for number in range(2)]
    assert sorted(names) == ["orders", "payments"]
    assert process.stop() == 0
    # What no relay takes stays, and is not touched.
    assert database.rows("select aggregate_type, status, retry_count from outbox_events "
                         "where status <> 'PUBLISHED'") == [("stock", "PENDING", 0)]
    paid, emptied = topics.read(f"{unique}.orders")
    assert paid.key == b"o1" and json.loads(paid.text) == {
        "order_id": 1, "customer": {"name": "a", "email": "***"}, "total_amount": 9.5,
        "source": "shop", "kind": "ORDER_PAID"}
    assert json.loads(emptied.text) == {"source": "shop", "kind": "CART_EMPTIED"}
    assert [message.key for message in topics.read(f"{unique}.other")] == [b"o2"]
    payment, = topics.read(f"{unique}.payment")
    assert '"payload":{"amount": 1.10}' in payment.text and payment.key == b"p1"
    assert [message.key for message in topics.read(f"{unique}.refund")] == [b"r1"]


def test_rows_that_no_relay_takes_are_counted_and_named(outboxd, database, topics, unique):
    topics.create(f"{unique}.orders")
    write_yaml(outboxd, NAMED.format(name=unique))
    outboxd.migrate()
    database.insert([event("stock", f"s{number}") for number in range(3)])
    process = outboxd.start("run")
    process.wait_for_log(r"(?s)publisher started.*publisher started")
    told = process.wait_for_log(r"\n[^\n]*no relay[^\n]*", 15).group(0)
    assert "stock" in told and "3" in told
    assert process.stop() == 0


def test_another_process_that_divides_the_types_otherwise_is_refused(outboxd, database):
    outboxd.migrate()
    write_yaml(outboxd, "relays:\n  one: {aggregate-types: [order]}\n")
    first = outboxd.start("relay")
    first.wait_for_log("slots acquired")
    write_yaml(outboxd, "relays:\n  two: {aggregate-types: [order, stock]}\n")
    second = outboxd.start("relay")
    assert second.wait(10) == 5
    assert "order" in second.log() and "one" in second.log()
    assert first.stop() == 0


def test_a_transformer_on_a_payload_that_is_no_object_makes_a_dead_letter(
        outboxd, database, topics, topic):
    write_yaml(outboxd, f"relay:\n  default-topic: {topic}\n  transform:\n    - drop: [card]\n")
    outboxd.migrate()
    database.insert([event(payload="[1]"), event(payload='{"card": 1, "a":  1.0}')])
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    reason, = database.rows("select error_message from outbox_events where status = 'DEAD'")
    assert "relay.transform" in reason[0]
    assert [json.loads(message.text) for message in topics.read(topic)] == [{"a": 1.0}]


def sent_with(outboxd, database, topics, topic, envelope, **columns):
    outboxd.migrate()
    database.insert([event(key="42", payload='{"n":  1.10}', topic=topic, headers=json.dumps(
        {"traceparent": TRACE, "tenant": "a"}), **columns)])
    relay = outboxd.relay(relay__envelope=envelope)
    database.wait_settled()
    assert relay.stop() == 0
    message, = topics.read(topic)
    row = database.row("select event_id::text as event_id, created_at from outbox_events")
    for name in ("event_id", "event_type", "aggregate_type", "aggregate_id", "occurred_at",
                 "row_id", "outbox_id", "lease_epoch"):
        assert message.headers[name], name
    assert message.headers["tenant"] == "a" and message.headers["traceparent"] == TRACE
    assert message.key == b"42"
    return message, row


def test_cloudevents_as_headers_leave_the_payload_as_it_is(outboxd, database, topics, topic):
    message, row = sent_with(outboxd, database, topics, topic, "cloudevents")
    assert message.text == '{"n":  1.10}'
    headers = message.headers
    assert headers["ce_specversion"] == "1.0" and headers["ce_id"] == row["event_id"]
    assert headers["ce_type"] == "ORDER_PAID" and headers["ce_source"] == "/outboxd"
    assert headers["ce_subject"] == "42" and headers["ce_time"] == headers["occurred_at"]
    assert headers["content-type"].startswith("application/json")
    assert headers["ce_traceparent"] == TRACE


def test_a_structured_cloudevent_is_one_json_object(outboxd, database, topics, topic):
    message, row = sent_with(outboxd, database, topics, topic, "cloudevents-structured")
    value = json.loads(message.text)
    assert '"data":{"n":  1.10}' in message.text
    assert value["specversion"] == "1.0" and value["id"] == row["event_id"]
    assert (value["type"], value["source"], value["subject"]) == ("ORDER_PAID", "/outboxd", "42")
    assert message.headers["content-type"].startswith("application/cloudevents+json")


def test_debezium_s_headers_are_those_of_its_event_router(outboxd, database, topics, topic):
    message, row = sent_with(outboxd, database, topics, topic, "debezium")
    assert message.text == '{"n":  1.10}'
    assert message.headers["id"] == row["event_id"]
    assert message.headers["eventType"] == "ORDER_PAID"


def test_the_standard_envelope_has_seven_fields_in_the_documents_order(
        outboxd, database, topics, topic):
    message, row = sent_with(outboxd, database, topics, topic, "standard")
    assert re.fullmatch(r'\{"event_id":"' + row["event_id"] + r'","occurred_at":"[^"]+Z",'
                        r'"aggregate_type":"order","aggregate_id":"42","event_type":"ORDER_PAID",'
                        r'"payload":\{"n":  1\.10\},"version":1\}', message.text)


def test_settle_delete_leaves_nothing_but_dead_letters(outboxd, database, topics, topic):
    outboxd.migrate()
    topics.limit(topic, 2000)
    database.insert([event(key=f"k{number}", topic=topic) for number in range(500)]
                    + [event(key="dead", payload=json.dumps("x" * 5000), topic=topic)])
    relay = outboxd.relay(relay__settle="delete")
    database.wait_for("select count(*) from outbox_events", 1)
    database.wait_for("select status from outbox_events", "DEAD")
    assert relay.stop() == 0
    assert len(topics.read(topic)) == 500


@pytest.mark.parametrize("compression", ["lz4", "zstd"], ids=str)
def test_properties_of_librdkafka_that_are_allowed_are_passed_through(
        outboxd, database, topics, topic, compression):
    """Compressed, five megabytes of one letter fit where a megabyte is allowed."""
    outboxd.migrate()
    database.insert([event(payload=json.dumps("x" * 5 * 1024 * 1024), topic=topic)])
    relay = outboxd.relay(**{"kafka__properties__compression.type": compression})
    database.wait_settled()
    assert database.counts() == {"PUBLISHED": 1}
    assert relay.stop() == 0
    assert len(topics.read(topic)[0].value) > 5 * 1024 * 1024
