# SPDX-License-Identifier: Apache-2.0
"""outboxd dlq: what stands in a dead-letter topic, and sending it back (issue 4, trap 37).

The dead letters are written by hand here, as a consumer would; test_consume_command.py has the
whole way of one.
"""
import json
import subprocess
import uuid

import pytest


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
def letters(services, topics, unique):
    return DeadLetters(services.kafka, topics, unique)


def listed(outboxd, letters, *options):
    lines = outboxd.done("dlq", "list", "--topic", letters.topic, "--output", "json",
                         *options).splitlines()
    return [json.loads(line) for line in lines]


def test_list_tells_place_event_origin_and_reason_of_each_as_table_and_json(outboxd, letters):
    table = outboxd.done("dlq", "list", "--topic", letters.topic)
    assert table.splitlines()[0].split()[:4] == ["PLACE", "TIME", "GROUP", "ATTEMPTS"]
    for event_id in letters.ids:
        assert event_id in table
    assert "too little stock 2" in table and f"{letters.origin}/1:40" in table
    assert listed(outboxd, letters)[0] == {
        "topic": letters.topic, "partition": 0, "offset": 0, "event_id": letters.ids[0],
        "event_type": "TYPE_0", "aggregate_type": "order", "aggregate_id": "0", "key": "key-0",
        "original_topic": letters.origin, "original_partition": 1, "original_offset": 40,
        "group": "stock", "attempts": 5, "error": "too little stock 0",
        "time": "2026-11-20T10:00:00.000000Z"}


def test_list_keeps_to_its_filters_and_shows_the_latest(outboxd, letters):
    def ids(*options):
        return [one["event_id"] for one in listed(outboxd, letters, *options)]
    one, two, three = letters.ids
    assert ids() == [one, two, three]
    assert ids("--group", "stock") == [one, two]
    assert ids("--event-type", "TYPE_0", "--event-type", "TYPE_2") == [one, three]
    assert ids("--since", "2026-11-21T10:00") == [two, three]
    assert ids("--limit", "1") == [three]
    assert ids("--event-id", two) == [two]
    assert ids("--offset", "0:1", "--offset", "1:0") == [two, three]


def test_replay_sends_back_the_same_message_marked_and_without_its_death(
        outboxd, letters, topics):
    done = outboxd.run("dlq", "replay", "--topic", letters.topic, "--event-id", letters.ids[1])
    assert done.returncode == 0 and "1 replayed" in done.stderr, done.stderr
    assert letters.ids[1] in done.stdout and "replayed to " + letters.origin in done.stdout
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


def test_replay_of_all_keeps_to_the_filters_and_may_be_repeated(outboxd, letters, topics):
    words = ["dlq", "replay", "--topic", letters.topic, "--all", "--group", "stock"]
    planned = outboxd.run(*words, "--dry-run")
    assert planned.returncode == 0 and "2 would be replayed" in planned.stderr
    assert topics.read(letters.origin) == []
    lines = outboxd.done(*words, "--output", "json").splitlines()
    assert [json.loads(line)["result"] for line in lines] == ["replayed", "replayed"]
    outboxd.done(*words)
    sent = [message.headers["event_id"] for message in topics.read(letters.origin)]
    assert sorted(sent) == sorted(letters.ids[:2] * 2)
    # The dead letters stay where they are.
    assert len(listed(outboxd, letters)) == 3


def test_replay_tells_what_failed_and_goes_on_with_other_keys(outboxd, letters, topics, unique):
    lost = str(uuid.uuid4())
    letters.add(lost, "stock", 3, dead_letter_topic=unique + ".nowhere")
    relays = str(uuid.uuid4())
    letters.add(relays, None, 4, dead_letter_group=None, dead_letter_reason="too large")
    done = outboxd.run("dlq", "replay", "--topic", letters.topic, "--all")
    assert done.returncode == 7 and "3 replayed, 2 failed" in done.stderr
    assert unique + ".nowhere" in done.stdout and "no consumer group" in done.stdout
    assert len(topics.read(letters.origin)) == 3
    alone = outboxd.run("dlq", "replay", "--topic", letters.topic, "--event-id", lost)
    assert alone.returncode == 1


def test_what_is_not_there_or_makes_no_sense_is_said(outboxd, letters, unique):
    def code(*words):
        done = outboxd.run("dlq", *words)
        assert "outboxd: " in done.stderr
        return done.returncode
    assert code("list", "--topic", unique + ".nothing") == 4
    assert code("replay", "--topic", letters.topic, "--event-id", str(uuid.uuid4())) == 4
    assert code("replay", "--topic", letters.topic, "--offset", "0:99") == 4
    assert code("replay", "--topic", letters.topic) == 2
    assert code("replay", "--topic", letters.topic, "--all", "--event-id", letters.ids[0]) == 2
    assert code("replay", "--topic", letters.topic, "--event-id", "nope") == 2
    assert code("list", "--topic", letters.topic, "--since", "yesterday") == 2
    assert code("list", "--topic", letters.topic, "--offset", "7") == 2
    assert code("list", "--topic", letters.topic, "--all") == 2
    assert code() == 2 and code("burn") == 2
