# SPDX-License-Identifier: Apache-2.0
"""outboxd dlq: what stands in a dead-letter topic, and sending it back (issue 4, trap 37).

Since issue 6 the options have the API's names (--consumer for the consumer group, --group for a
group of causes), ids take the place of offsets, and what was replayed is remembered.

The dead letters are written by hand here, as a consumer would; test_consume_command.py has the
whole way of one.
"""
import hashlib
import json
import subprocess
import uuid

import pytest

import kafka_wire
from waiting import wait_until


def produce(servers, topic, key, value, headers, partition=None):
    command = ["kcat", "-P", "-b", servers, "-t", topic, "-k", key]
    if partition is not None:
        command += ["-p", str(partition)]
    for name, text in headers.items():
        command += ["-H", f"{name}={text}"]
    subprocess.run(command, input=value.encode(), check=True, timeout=60)


class DeadLetters:
    """A dead-letter topic with two letters of one group and one of another, from one topic."""

    def __init__(self, servers, topics, unique):
        self.servers = servers
        self.origin = topics.create(unique + ".orders", partitions=3)
        self.topic = topics.create(unique + ".dead", partitions=2)
        self.ids = [str(uuid.uuid4()) for _ in range(3)]
        for number, (event_id, group) in enumerate(zip(self.ids, ["stock", "stock", "mails"])):
            self.add(event_id, group, number)

    def add(self, event_id, group, number, **more):
        headers = {"event_id": event_id, "event_type": f"TYPE_{number}",
                   "aggregate_type": "order", "aggregate_id": str(number), "tenant": "a",
                   "dead_letter_topic": self.origin, "dead_letter_partition": "1",
                   "dead_letter_offset": str(40 + number), "dead_letter_group": group,
                   "dead_letter_attempts": "5", "dead_letter_error": f"too little stock {number}",
                   "dead_letter_time": f"2026-11-2{number}T10:00:00.000000Z"}
        headers.update(more)
        headers = {name: text for name, text in headers.items() if text is not None}
        produce(self.servers, self.topic, f"key-{number}", f'{{"n":  {number}}}', headers,
                number % 2)


@pytest.fixture
def letters(outboxd, services, topics, unique):
    outboxd.migrate()
    return DeadLetters(services.kafka, topics, unique)


def listed(outboxd, letters, *options):
    page = json.loads(outboxd.done("dlq", "list", "--dead-letter-topic", letters.topic,
                                   "--output", "json", *options))
    return page["items"]


def test_list_tells_id_event_origin_and_reason_of_each_as_table_and_json(outboxd, letters):
    table = outboxd.done("dlq", "list", "--dead-letter-topic", letters.topic)
    assert table.splitlines()[0].split()[:4] == ["ID", "AT", "WHO", "ATTEMPTS"]
    for event_id in letters.ids:
        assert event_id in table
    assert "too little stock 2" in table and f"topic.{letters.topic}.0.1" in table
    first = listed(outboxd, letters)[0]
    expected = {
        "id": f"topic.{letters.topic}.0.0", "source": "consumer", "consumer": "stock",
        "topic": letters.origin, "event_id": letters.ids[0], "event_type": "TYPE_0",
        "aggregate_type": "order", "aggregate_id": "0", "key": "key-0", "original_partition": 1,
        "original_offset": 40, "attempts": 5, "error": "too little stock 0",
        "at": "2026-11-20T10:00:00.000000Z", "state": "dead"}
    assert {name: first[name] for name in expected} == expected


def test_list_keeps_to_its_filters(outboxd, letters):
    def ids(*options):
        return {one["event_id"] for one in listed(outboxd, letters, *options)}
    one, two, three = letters.ids
    assert ids() == {one, two, three}
    assert ids("--consumer", "stock") == {one, two}
    assert ids("--event-type", "TYPE_0", "--event-type", "TYPE_2") == {one, three}
    assert ids("--since", "2026-11-21T10:00") == {two, three}
    assert ids("--until", "2026-11-21T10:00") == {one}
    assert len(ids("--limit", "1")) == 1
    assert ids("--event-id", two) == {two}
    assert ids("--key", "key-2", "--topic", letters.origin) == {three}
    assert ids("--topic", "elsewhere") == ids("--source", "relay") == set()


def test_groups_are_of_one_consumer_and_cause(outboxd, letters):
    groups = json.loads(outboxd.done("dlq", "groups", "--dead-letter-topic", letters.topic,
                                     "--output", "json"))
    assert {(one["consumer"], one["letters"], one["cause"]) for one in groups["items"]} == {
        ("stock", 2, "too little stock …"), ("mails", 1, "too little stock …")}
    group = next(one["group"] for one in groups["items"] if one["consumer"] == "stock")
    assert {one["event_id"] for one in listed(outboxd, letters, "--group", group)} == set(
        letters.ids[:2])


def test_one_is_shown_with_its_payload(outboxd, letters):
    shown = json.loads(outboxd.done("dlq", "show", f"topic.{letters.topic}.1.0", "-o", "json"))
    assert shown["event_id"] == letters.ids[1] and shown["payload"] == {"n": 1}


def test_replay_sends_back_the_same_message_marked_and_without_its_death(
        outboxd, letters, topics):
    letter = f"topic.{letters.topic}.1.0"
    done = outboxd.run("dlq", "replay", letter, "--reason", "mended")
    assert done.returncode == 0 and "1 replayed" in done.stderr, done.stderr
    assert f"{letter}  replayed" in done.stdout
    message, = topics.read(letters.origin)
    assert (message.key, message.text) == (b"key-1", '{"n":  1}')
    assert message.headers == {"event_id": letters.ids[1], "event_type": "TYPE_1",
                               "aggregate_type": "order", "aggregate_id": "1", "tenant": "a",
                               "replay": "1"}
    # The partition is the key's, as any producer with Java's partitioner finds it.
    expected = subprocess.run(
        ["kcat", "-P", "-b", letters.servers, "-t", letters.origin, "-k", "key-1",
         "-X", "topic.partitioner=murmur2_random"], input=b"x", timeout=60)
    assert expected.returncode == 0
    first, second = topics.read(letters.origin)
    assert first.partition == second.partition


def test_a_changed_copy_is_sent_and_the_letter_stays_as_it_was(outboxd, letters, topics):
    outboxd.done("dlq", "replay", "--dead-letter-topic", letters.topic, "--event-id",
                 letters.ids[0], "--merge-patch", '{"note": "mended"}')
    message, = topics.read(letters.origin)
    assert json.loads(message.text) == {"n": 0, "note": "mended"}
    shown = json.loads(outboxd.done("dlq", "show", f"topic.{letters.topic}.0.0", "-o", "json"))
    assert shown["payload"] == {"n": 0} and shown["state"] == "replayed"


def test_replay_of_all_keeps_to_the_filters_and_sends_each_once(outboxd, letters, topics):
    words = ["dlq", "replay", "--dead-letter-topic", letters.topic, "--all", "--consumer", "stock"]
    assert "2 would be replayed" in outboxd.done(*words, "--dry-run")
    assert topics.read(letters.origin) == []
    outcome = json.loads(outboxd.done(*words, "--output", "json"))
    assert (outcome["done"], outcome["failed"]) == (2, 0)
    again = outboxd.run(*words)
    assert again.returncode == 4 and "0 replayed" in again.stderr
    sent = [message.headers["event_id"] for message in topics.read(letters.origin)]
    assert sorted(sent) == sorted(letters.ids[:2])
    # The log keeps them; they are shown where they are asked for.
    assert len(listed(outboxd, letters)) == 1
    assert len(listed(outboxd, letters, "--settled-too")) == 3


def test_a_topic_that_is_made_anew_hides_no_letter(outboxd, letters, topics):
    outboxd.done("dlq", "replay", "--dead-letter-topic", letters.topic, "--all")
    assert listed(outboxd, letters) == []
    kafka_wire.delete_topic(letters.servers, letters.topic)
    wait_until(lambda: outboxd.run("topics", "create", letters.topic, "--partitions", "2",
                                   ).returncode == 0 and outboxd.run(
                                       "dlq", "list", "--dead-letter-topic",
                                       letters.topic).returncode == 0, 30, "the topic is new")
    later = str(uuid.uuid4())
    letters.add(later, "stock", 0)
    letter, = listed(outboxd, letters)
    assert (letter["id"], letter["event_id"], letter["state"]) == (
        f"topic.{letters.topic}.0.0", later, "dead")
    assert "1 replayed" in outboxd.run("dlq", "replay", letter["id"]).stderr
    assert topics.read(letters.origin)[-1].headers["event_id"] in letters.ids + [later]
    assert listed(outboxd, letters) == []


def test_a_changed_copy_leaves_a_line_with_what_stood_there_before(outboxd, letters):
    letter = f"topic.{letters.topic}.0.0"
    planned = outboxd.done("dlq", "replay", letter, "--payload", '{"n": 7}', "--dry-run")
    assert f"by topic: 1 {letters.origin}" in planned and letter in planned
    outboxd.done("dlq", "replay", letter, "--payload", '{"n": 7}')
    lines = json.loads(outboxd.done("audit-log", "--output", "json"))["items"]
    change, = [line["details"] for line in lines if line["action"] == "edit"]
    assert change["before"]["payload"] == '{"n":  0}'
    assert change["before"]["payload_sha256"] == hashlib.sha256(b'{"n":  0}').hexdigest()
    assert change["after"]["payload_sha256"] == hashlib.sha256(b'{"n": 7}').hexdigest()


def test_discarded_ones_are_shown_no_more(outboxd, letters, topics):
    done = outboxd.run("dlq", "discard", f"topic.{letters.topic}.0.0", "--reason", "not needed")
    assert done.returncode == 0 and "1 discarded" in done.stderr
    assert {one["event_id"] for one in listed(outboxd, letters)} == set(letters.ids[1:])
    again = outboxd.run("dlq", "replay", f"topic.{letters.topic}.0.0")
    assert again.returncode != 0 and topics.read(letters.origin) == []


def test_replay_tells_what_failed_and_goes_on_with_other_keys(outboxd, letters, topics, unique):
    lost = str(uuid.uuid4())
    letters.add(lost, "stock", 3, dead_letter_topic=unique + ".nowhere")
    done = outboxd.run("dlq", "replay", "--dead-letter-topic", letters.topic, "--all")
    assert done.returncode == 7 and "3 replayed, 1 failed" in done.stderr
    assert unique + ".nowhere" in done.stdout
    assert len(topics.read(letters.origin)) == 3
    alone = outboxd.run("dlq", "replay", "--dead-letter-topic", letters.topic, "--event-id", lost)
    assert alone.returncode == 1


def test_what_is_not_there_or_makes_no_sense_is_said(outboxd, letters, unique):
    def code(*words):
        done = outboxd.run("dlq", *words)
        assert "outboxd: " in done.stderr
        return done.returncode
    at = ("--dead-letter-topic", letters.topic)
    assert code("list", "--dead-letter-topic", unique + ".nothing") == 4
    assert code("replay", *at, "--event-id", str(uuid.uuid4())) == 4
    assert code("show", f"topic.{letters.topic}.0.99") == 4
    assert code("replay", *at) == 2
    assert code("replay", *at, "--all", "--event-id", letters.ids[0]) == 2
    assert code("replay", *at, "--event-id", "nope") == 2
    assert code("list", *at, "--since", "yesterday") == 2
    assert code("show", f"topic.{letters.topic}.0") == 2
    assert code("list", *at, "--all") == 2
    assert code() == 2 and code("burn") == 2
