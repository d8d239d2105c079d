# SPDX-License-Identifier: Apache-2.0
"""Pausing, looking on and cleaning up as operators do, with and without a terminal (issue 6, 5)."""
import json
import re
import signal

import pytest

from terminals import Terminal
from waiting import holds_for, wait_until


def row(topic, key="a", number=1):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"n": number}), "topic": topic}


def shown(outboxd, *words, **options):
    return json.loads(outboxd.done(*words, "--output", "json", **options))


PUBLISHED = "select count(*) from outbox_events where status = 'PUBLISHED'"


@pytest.mark.parametrize("kind", ["topic", "key", "relay"], ids=str)
def test_what_is_paused_waits_until_it_is_resumed(outboxd, database, topic, kind):
    outboxd.migrate()
    name = {"topic": topic, "key": "a", "relay": "default"}[kind]
    printed = outboxd.done("pause", kind, name, "--reason", "a test", "--by", "ana")
    assert f"{kind} '{name}' is paused" in printed
    assert "already" in outboxd.done("pause", kind, name)
    pause, = shown(outboxd, "pauses")["items"]
    assert (pause["kind"], pause["name"], pause["who"], pause["reason"]) == (
        kind, name, "ana", "a test")
    assert name in outboxd.done("pauses") and "a test" in outboxd.done("status")
    relay = outboxd.relay(relay__lease_ttl="1s")
    relay.wait_for_log("slots acquired")
    database.insert([row(topic)])
    holds_for(lambda: database.value(PUBLISHED) == 0, 2, "nothing is published")
    assert "goes on" in outboxd.done("resume", kind, name)
    database.wait_for(PUBLISHED, 1)
    assert relay.stop() == 0
    again = outboxd.run("resume", kind, name)
    assert again.returncode == 4 and "is not paused" in again.stderr
    assert [one["action"] for one in shown(outboxd, "audit-log")["items"]] == ["resume", "pause"]
    assert "a test" in outboxd.done("audit-log", "--limit", "5")


def test_nothing_is_paused_or_resumed_that_the_log_cannot_take(outboxd, database):
    outboxd.migrate()
    outboxd.done("pause", "topic", "stands")
    database.execute("ALTER TABLE outboxd_audit RENAME TO outboxd_audit_away")
    assert outboxd.run("pause", "topic", "other").returncode != 0
    assert outboxd.run("resume", "topic", "stands").returncode != 0
    database.execute("ALTER TABLE outboxd_audit_away RENAME TO outboxd_audit")
    assert [one["name"] for one in shown(outboxd, "pauses")["items"]] == ["stands"]


def test_status_and_relays_tell_who_relays_what_and_which_topics_are_held(
        outboxd, database, topics, topic, unique):
    outboxd.migrate()
    relay = outboxd.relay()
    relay.wait_for_log("slots acquired")
    database.insert([row(topic), row(unique + ".missing")])
    database.wait_for(PUBLISHED, 1)
    wait_until(lambda: outboxd.status()["backlog"]["held_topics"], 20,
               "the missing topic is held")
    status = shown(outboxd, "status")
    held, = status["stores"][0]["relays"][0]["backlog"]["held_topics"]
    assert held["topic"] == unique + ".missing" and held["member"] == relay.member
    assert status["verdict"]["state"] == "degraded" and status["broker"]["state"] == "up"
    text = outboxd.done("status")
    assert f"topic '{unique}.missing' is held by {relay.member}" in text
    relays = shown(outboxd, "relays")["items"]
    assert relays[0]["members"][0]["id"] == relay.member
    assert relay.member in outboxd.done("relays")
    assert relay.stop() == 0


def test_status_says_what_is_away_and_exits_with_6(outboxd, database, topic):
    outboxd.migrate()
    away = {"DATABASE_CONN": "postgresql://outboxd@127.0.0.1:1/none"}
    done = outboxd.run("status", environment=away)
    assert done.returncode == 6 and "DOWN" in done.stdout
    done = outboxd.run("status", environment={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert done.returncode == 6 and "brokers  DOWN" in done.stdout and "pending" in done.stdout


def test_status_is_watched_on_a_terminal_and_as_lines(outboxd, database, topic):
    outboxd.migrate()
    watched = Terminal(outboxd, "status", "--watch", columns=100)
    watched.wait_for(r"pending\s+0\b")
    database.insert([row(topic), row(topic)])
    watched.wait_for(r"pending\s+2\b")
    assert "\x1b[?1049h" in watched.raw and "\x1b[H" in watched.raw
    watched.process.send_signal(signal.SIGINT)
    assert watched.end() == 0
    assert watched.raw.rstrip().count("\x1b[?1049l") == 1
    lines = outboxd.start("status", "--watch", "--output", "json")
    wait_until(lambda: lines.output().count("\n") >= 2, 30, "two documents")
    assert lines.stop() == 0
    for line in lines.output().splitlines():
        assert json.loads(line)["stores"][0]["relays"][0]["backlog"]["pending"] == 2


def test_top_tells_rates_of_topics_and_of_the_backlog(outboxd, database, topic):
    outboxd.migrate()
    running = outboxd.start("top", "--interval", "500ms", "--limit", "40", "--output", "json")
    wait_until(lambda: running.output().count("\n") >= 1, 30, "a first look")
    database.insert([row(topic, str(number)) for number in range(200)])
    wait_until(lambda: any((one["relays"][0]["pending_per_second"] or 0) > 0
                           for one in map(json.loads, running.output().splitlines()[1:])),
               20, "the backlog grows")
    relay = outboxd.relay()
    database.wait_settled()
    wait_until(lambda: any(topic_one["name"] == topic and (topic_one["per_second"] or 0) > 0
                           for one in map(json.loads, running.output().splitlines()[1:])
                           for topic_one in one["topics"]), 20, "the topic's rate is seen")
    assert relay.stop() == 0
    assert running.stop() == 0
    table = outboxd.done("top", "--limit", "1")
    assert re.search(r"RELAY\s+PENDING", table) and topic in table


def test_tail_follows_a_topic_from_where_it_is_told(outboxd, database, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    database.insert([row(topic, "a", 1), row(topic, "b", 2), row(topic, "a", 3)])
    database.wait_settled()
    words = ["tail", topic, "--from", "beginning", "--until-end", "--output", "json"]
    lines = [json.loads(line) for line in outboxd.done(*words).splitlines()]
    assert sorted(one["payload"]["n"] for one in lines) == [1, 2, 3]
    assert all(one["headers"]["event_id"] for one in lines)
    only = [json.loads(line) for line in outboxd.done(*words, "--key", "a").splitlines()]
    assert [one["payload"]["n"] for one in only] == [1, 3]
    assert len(outboxd.done(*words, "--limit", "1").splitlines()) == 1
    assert len(outboxd.done(*words[:3], "1h", *words[4:]).splitlines()) == 3
    assert outboxd.done("tail", topic, "--until-end") == ""
    following = outboxd.start("tail", topic)
    # It begins at the end, so what it is to see has to come after it has begun.
    for number in range(100):
        database.insert([row(topic, "c", number)])
        if following.output():
            break
        holds_for(lambda: True, 0.3, "a moment for it to begin")
    assert re.search(r'\d:\d+  c\n  .*event_id=.*\n  \{"n":\s*\d+\}', following.output())
    assert following.stop() == 0 and relay.stop() == 0
    missing = outboxd.run("tail", topic + ".missing")
    assert missing.returncode == 4 and missing.stderr.startswith("outboxd: ")
    assert outboxd.run("tail", topic, "--partition", "99").returncode == 4
    assert outboxd.run("tail", topic, "--from", "whenever").returncode == 2


def test_doctor_tells_each_finding_with_its_remedy(outboxd, database, topic):
    outboxd.migrate()
    done = outboxd.run("doctor", "--output", "json", "--relay.default-topic", topic)
    document = json.loads(done.stdout)
    assert document["findings"] and done.returncode == (1 if document["state"] == "problem" else 0)
    for finding in document["findings"]:
        assert finding["check"] and finding["found"]
        assert finding["severity"] == "ok" or finding["remedy"], finding
    strict = outboxd.run("doctor", "--strict", "--relay.default-topic", topic)
    assert strict.returncode == (0 if document["state"] == "ok" else 1)
    assert re.search(r"\d+ problems?, \d+ warnings?, \d+ notices?, \d+ ok", strict.stdout)
    assert len(outboxd.run("doctor", "--all").stdout) > len(outboxd.run("doctor").stdout)


def test_cleanup_leaves_a_line_in_the_audit_log(outboxd, database):
    outboxd.migrate()
    outboxd.done("cleanup", "--reason", "the disk is full", "--by", "ana")
    done, asked = shown(outboxd, "audit-log")["items"]
    assert (asked["action"], asked["who"], asked["reason"]) == (
        "cleanup", "ana", "the disk is full")
    assert done["action"] == "cleaned-up" and done["details"]["removed"] == 0
    outboxd.done("cleanup", "--dry-run")
    assert len(shown(outboxd, "audit-log")["items"]) == 2


BAD = {
    "a_kind_that_is_none": (["pause", "shop", "a"], 2),
    "a_relay_that_is_none": (["pause", "relay", "mars"], 4),
    "a_consumer_that_is_none": (["pause", "consumer", "mars"], 4),
    "a_name_that_no_topic_has": (["pause", "topic", "no topic; drop"], 2),
    "a_store_that_is_none": (["pauses", "--store", "mars"], 4),
    "an_empty_who": (["pause", "key", "a", "--by", ""], 2),
    "an_interval_that_is_none": (["top", "--interval", "soon"], 2),
    "an_unknown_flag": (["status", "--wach"], 2),
}


@pytest.mark.parametrize("words, code", BAD.values(), ids=BAD)
def test_what_makes_no_sense_is_said(outboxd, database, words, code):
    outboxd.migrate()
    done = outboxd.run(*words)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("outboxd: ")


@pytest.mark.parametrize("words", [
    ["events", "list"], ["dlq", "list", "--source", "relay"], ["pauses"], ["audit-log"],
    ["pause", "key", "a"], ["cleanup"]], ids=lambda words: words[0])
def test_a_database_that_is_away_is_said_with_exit_code_6(outboxd, words):
    away = {"DATABASE_CONN": "postgresql://outboxd@127.0.0.1:1/none"}
    done = outboxd.run(*words, environment=away, start_timeout="1s")
    assert done.returncode in (6, 7), done.stderr
    assert "127.0.0.1" in done.stderr or "did not answer" in done.stderr or "answer" in done.stderr
