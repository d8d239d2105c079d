# SPDX-License-Identifier: Apache-2.0
"""outboxd events: finding events, their lives, and what is done about dead ones (issue 6, 2, 5)."""
import json
import uuid

import pytest

def native_row(topic, key, number):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"n": number}), "topic": topic}


@pytest.fixture
def events(outboxd, database, topics, topic):
    """Two events published, one dead of its size, one pending without a relay."""
    outboxd.migrate()
    topics.limit(topic, 2000)
    rows = [native_row(topic, "a", 1), native_row(topic, "b", 2),
            dict(native_row(topic, "c", 3), payload=json.dumps("x" * 5000))]
    database.insert(rows)
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    database.insert([native_row(topic, "a", 4)])
    return database


def listed(outboxd, *options):
    page = json.loads(outboxd.done("events", "list", *options, "--output", "json"))
    return [one["row"] for one in page["items"]]


def test_list_has_the_newest_first_and_keeps_to_its_filters(outboxd, events, topic):
    assert listed(outboxd) == ["4", "3", "2", "1"]
    assert listed(outboxd, "--state", "dead") == ["3"]
    assert listed(outboxd, "--state", "pending,dead") == ["4", "3"]
    assert listed(outboxd, "--key", "a") == ["4", "1"]
    assert listed(outboxd, "--aggregate-id", "b", "--aggregate-type", "order") == ["2"]
    assert listed(outboxd, "--row", "2") == ["2"]
    assert listed(outboxd, "--topic", topic, "--limit", "2") == ["4", "3"]
    assert listed(outboxd, "--since", "1h") == ["4", "3", "2", "1"]
    assert listed(outboxd, "--until", "2020-01-01") == []
    event_id = events.value("select event_id::text from outbox_events where id = 2")
    assert listed(outboxd, "--event-id", event_id) == ["2"]


def test_list_goes_on_by_its_cursor_and_is_a_table_for_people(outboxd, events):
    first = json.loads(outboxd.done("events", "list", "--limit", "3", "--output", "json"))
    rest = listed(outboxd, "--limit", "3", "--cursor", first["next_cursor"])
    assert [one["row"] for one in first["items"]] + rest == ["4", "3", "2", "1"]
    done = outboxd.run("events", "list", "--limit", "3")
    assert done.stdout.splitlines()[0].split()[:3] == ["ROW", "STATE", "CREATED"]
    assert "3 events" in done.stderr and "--cursor" in done.stderr
    assert "\x1b" not in done.stdout


def test_show_prints_one_event_by_its_row_and_by_its_id(outboxd, events):
    by_row = json.loads(outboxd.done("events", "show", "3", "--output", "json"))
    by_id = json.loads(outboxd.done("events", "show", by_row["event_id"], "--output", "json"))
    assert by_row == by_id
    assert by_row["state"] == "dead" and by_row["payload"] == "x" * 5000
    text = outboxd.done("events", "show", "3")
    assert by_row["event_id"] in text and "max.message.bytes" in text


def test_trace_tells_where_an_event_went_and_how_long_each_step_took(outboxd, events, topic):
    trace = json.loads(outboxd.done("events", "trace", "1", "--output", "json"))
    assert trace["matched_by"] == "row"
    found, = trace["events"]
    assert [one["what"] for one in found["timeline"]][:2] == ["written", "published"]
    assert found["timeline"][1]["topic"] == topic and found["timeline"][1]["offset"] is not None
    text = outboxd.done("events", "trace", found["event"]["event_id"])
    assert "published" in text and topic in text and "+" in text


def test_retry_makes_a_dead_event_pending_and_its_relay_delivers_it_as_a_replay(
        outboxd, events, topics, topic):
    topics.limit(topic, 100000)
    printed = outboxd.done("events", "retry", "3", "--reason", "the topic takes it now")
    assert "pending again" in printed
    again = outboxd.run("events", "retry", "3")
    assert again.returncode == 5 and "outboxd: " in again.stderr
    relay = outboxd.relay()
    events.wait_settled()
    assert relay.stop() == 0
    sent, = [one for one in topics.read(topic) if one.key == b"c"]
    assert sent.headers["replay"] == "1"
    entry = json.loads(outboxd.done("audit-log", "--output", "json"))["items"][0]
    assert entry["reason"] == "the topic takes it now" and "@" in entry["who"]


def test_discard_takes_a_dead_event_away_and_keeps_it_with_who_and_why(outboxd, events):
    refused = outboxd.run("events", "discard", "3")
    assert refused.returncode == 2 and "--reason" in refused.stderr
    outboxd.done("events", "discard", "3", "--reason", "nobody needs it", "--by", "ana")
    assert events.value("select count(*) from outbox_events where id = 3") == 0
    assert events.value("select count(*) from outboxd_discarded") == 1
    entry = json.loads(outboxd.done("audit-log", "--output", "json"))["items"][0]
    assert (entry["who"], entry["reason"]) == ("ana", "nobody needs it")
    pending = outboxd.run("events", "discard", "4", "--reason", "no")
    assert pending.returncode == 5
    assert events.value("select count(*) from outbox_events where id = 4") == 1


BAD = {
    "an_id_that_is_none": (["show", "no-id"], 2),
    "an_id_with_sql_in_it": (["show", "1; drop table outbox_events"], 2),
    "a_row_that_is_not_there": (["show", "999999"], 4),
    "an_event_that_is_not_there": (["show", str(uuid.uuid4())], 4),
    "nothing_of_that_key": (["trace", "no such key"], 4),
    "a_state_that_is_none": (["list", "--state", "deadish"], 2),
    "an_event_id_that_is_none": (["list", "--event-id", "7"], 2),
    "a_time_that_is_none": (["list", "--since", "yesterday"], 2),
    "a_limit_that_is_none": (["list", "--limit", "0"], 2),
    "a_limit_beyond_a_page": (["list", "--limit", "1001"], 2),
    "a_cursor_that_is_none": (["list", "--cursor", "%%%"], 2),
    "a_store_that_is_none": (["list", "--store", "mars"], 4),
}


@pytest.mark.parametrize("words, code", BAD.values(), ids=BAD)
def test_what_makes_no_sense_or_is_not_there_is_said(outboxd, database, words, code):
    outboxd.migrate()
    done = outboxd.run("events", *words)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("outboxd: ")
    assert database.value("select count(*) from outbox_events") == 0


def test_texts_of_the_database_move_no_cursor(outboxd, database, topic):
    outboxd.migrate()
    hostile = "k\x1b[2J\x07\x9b31m\u202e"
    database.insert([dict(native_row(topic, "a", 1), aggregate_id=hostile, event_key=hostile)])
    for words in (["list"], ["show", "1"], ["list", "--output", "json"]):
        printed = outboxd.done("events", *words)
        assert not any(letter in printed for letter in "\x1b\x07\x9b\u202e"), words
    shown = json.loads(outboxd.done("events", "show", "1", "--output", "json"))
    assert shown["key"] == hostile
