# SPDX-License-Identifier: Apache-2.0
"""outboxd dlq on rows that the relay gave up: groups, one, edit, replay, discard (issue 6, 1, 5).

What consumers gave up is in test_dlq.py.
"""
import json

import pytest

from terminals import Terminal


def row(topic, key, number, size=10):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"n": number, "text": "x" * size}), "topic": topic}


@pytest.fixture
def letters(outboxd, database, topics, topic):
    """Four dead rows of two keys, too large for their topic."""
    outboxd.migrate()
    topics.limit(topic, 2000)
    database.insert([row(topic, "ab"[number % 2], number, 5000 + number) for number in range(4)])
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    assert database.counts() == {"DEAD": 4}
    return database


def listed(outboxd, *options):
    page = json.loads(outboxd.done("dlq", "list", "--output", "json", "--source", "relay",
                                   *options))
    return [one["id"] for one in page["items"]]


def test_list_and_groups_tell_what_is_dead_and_of_which_cause(outboxd, letters, topic):
    assert listed(outboxd) == [f"row.global.{number}" for number in range(1, 5)]
    assert listed(outboxd, "--key", "a") == ["row.global.1", "row.global.3"]
    assert listed(outboxd, "--topic", topic, "--limit", "1") == ["row.global.1"]
    groups = json.loads(outboxd.done("dlq", "groups", "--output", "json"))
    group, = groups["items"]
    assert group["letters"] == 4 and group["topic"] == topic and "…" in group["cause"]
    assert listed(outboxd, "--group", group["group"]) == listed(outboxd)
    table = outboxd.run("dlq", "groups")
    assert group["group"] in table.stdout and "4 dead letters of 1 causes" in table.stderr
    assert "row.global.1" in outboxd.done("dlq", "list")


def test_one_is_shown_edited_and_replayed(outboxd, letters, topics, topic):
    shown = json.loads(outboxd.done("dlq", "show", "row.global.1", "--output", "json"))
    assert shown["state"] == "dead" and shown["payload"]["n"] == 0
    assert "payload" in outboxd.done("dlq", "show", "row.global.1")
    edited = json.loads(outboxd.done("dlq", "edit", "row.global.1", "--merge-patch",
                                     '{"text": null}', "--reason", "shorter", "-o", "json"))
    assert edited["payload"] == {"n": 0} and edited["state"] == "dead"
    late = outboxd.run("dlq", "edit", "row.global.1", "--payload", "{}", "--expected-version",
                       shown["version"])
    assert late.returncode == 5 and "was changed meanwhile, by" in late.stderr, late.stderr
    done = outboxd.run("dlq", "replay", "row.global.1", "--reason", "mended", "--by", "ana")
    assert done.returncode == 0 and "row.global.1  replayed" in done.stdout, done.stderr
    assert "1 replayed, 0 failed" in done.stderr
    relay = outboxd.relay()
    letters.wait_settled()
    assert relay.stop() == 0
    gone = outboxd.run("dlq", "show", "row.global.1")
    assert gone.returncode == 4 and "published" in gone.stderr, gone.stderr
    assert outboxd.run("dlq", "replay", "row.global.1").returncode == 5
    assert outboxd.run("dlq", "replay", "row.global.4711").returncode == 4
    sent, = topics.read(topic)
    assert json.loads(sent.text) == {"n": 0} and sent.headers["replay"] == "1"
    actions = [(one["who"], one["reason"])
               for one in json.loads(outboxd.done("audit-log", "-o", "json"))["items"]]
    assert ("ana", "mended") in actions and any(why == "shorter" for _, why in actions)


def test_all_are_mended_by_one_edit_and_replayed_in_order_after_a_dry_run(
        outboxd, letters, topics, topic):
    words = ["dlq", "replay", "--all", "--source", "relay", "--topic", topic,
             "--merge-patch", '{"text": "short"}']
    planned = json.loads(outboxd.done(*words, "--dry-run", "--output", "json"))
    assert planned["would_replay"] == 4
    assert "4 would be replayed" in outboxd.done(*words, "-n")
    assert letters.counts() == {"DEAD": 4}
    outcome = json.loads(outboxd.done(*words, "--rate", "100", "--output", "json"))
    assert (outcome["done"], outcome["failed"]) == (4, 0)
    relay = outboxd.relay()
    letters.wait_settled()
    assert relay.stop() == 0
    for key in (b"a", b"b"):
        numbers = [json.loads(one.text)["n"] for one in topics.read(topic) if one.key == key]
        assert numbers == sorted(numbers) and len(numbers) == 2


def test_discarding_all_takes_a_reason_and_a_yes(outboxd, letters):
    words = ["dlq", "discard", "--all", "--source", "relay"]
    assert outboxd.run(*words).returncode == 2
    unsure = outboxd.run(*words, "--reason", "no")
    assert unsure.returncode == 2 and "--yes" in unsure.stderr
    assert "4 would be discarded" in outboxd.done(*words, "--dry-run")
    assert letters.counts() == {"DEAD": 4}
    done = outboxd.run(*words, "--reason", "nobody needs them", "--yes")
    assert done.returncode == 0 and "4 discarded" in done.stderr
    assert letters.counts() == {}
    assert letters.value("select count(*) from outboxd_discarded") == 4


def test_on_a_terminal_discarding_all_asks_first(outboxd, letters):
    words = ["dlq", "discard", "--all", "--source", "relay", "--reason", "nobody needs them"]
    refused = Terminal(outboxd, *words)
    refused.wait_for(r"Discard 4 dead letters\? \[yes/no\]")
    refused.type("no\n")
    assert refused.end() == 1 and "nothing was discarded" in refused.text
    assert letters.counts() == {"DEAD": 4}
    agreed = Terminal(outboxd, *words)
    agreed.wait_for(r"Discard 4 dead letters\?")
    agreed.type("yes\n")
    assert agreed.end() == 0 and "4 discarded" in agreed.text
    assert letters.counts() == {}


BAD = {
    "an_id_that_is_none": (["show", "nope"], 2),
    "a_row_of_a_store_that_is_none": (["show", "row.mars.1"], 4),
    "a_row_that_is_not_dead": (["show", "row.global.77"], 4),
    "a_place_without_a_number": (["show", "topic.a.b.c"], 2),
    "neither_ids_nor_all": (["replay"], 2),
    "ids_and_all": (["replay", "row.global.1", "--all"], 2),
    "a_rate_of_nothing": (["replay", "--all", "--rate", "0"], 2),
    "an_edit_of_nothing": (["edit", "row.global.1"], 2),
    "two_edits_at_once": (["edit", "row.global.1", "--payload", "1", "--merge-patch", "{}"], 2),
    "a_file_that_is_not_there": (["edit", "row.global.1", "--payload", "@no-such-file"], 2),
    "a_patch_that_is_no_json": (["edit", "row.global.1", "--merge-patch", "{nope"], 2),
    "a_group_that_is_a_consumer": (["list", "--group", "stock"], 2),
    "a_source_that_is_none": (["list", "--source", "mars"], 2),
    "a_discard_without_a_reason": (["discard", "row.global.1"], 2),
}


@pytest.mark.parametrize("words, code", BAD.values(), ids=BAD)
def test_what_makes_no_sense_changes_nothing_and_is_said(outboxd, database, words, code):
    outboxd.migrate()
    done = outboxd.run("dlq", *words)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("outboxd: ")
