# SPDX-License-Identifier: Apache-2.0
"""outboxd topics apply: topics from a file, made and checked, never deleted (issue 4, B5)."""
import json
import pathlib

import pytest

SHOP = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "shop" / "topics.yaml"


class File:
    def __init__(self, outboxd, unique):
        self.outboxd = outboxd
        self.path = outboxd.folder / "topics.yaml"
        self.prefix = unique

    def apply(self, text, *options):
        """The exit code and the outcomes by name, without the test's prefix."""
        self.path.write_text(text.replace("PREFIX", self.prefix))
        done = self.outboxd.run("topics", "apply", "--file", "topics.yaml", "--output", "json",
                                *options)
        assert done.stdout, done.stderr
        return done.returncode, {one["name"].removeprefix(self.prefix + "."): one
                                 for one in json.loads(done.stdout)}, done.stderr

    def refused(self, text):
        self.path.write_text(text)
        done = self.outboxd.run("topics", "apply", "--file", "topics.yaml")
        assert done.returncode == 3 and done.stdout == ""
        return done.stderr

    def listed(self):
        topics = json.loads(self.outboxd.done("topics", "list", "--output", "json"))
        return {one["name"].removeprefix(self.prefix + "."): one["partitions"] for one in topics
                if one["name"].startswith(self.prefix)}


@pytest.fixture
def topic_file(outboxd, unique):
    return File(outboxd, unique)


DECLARED = """\
defaults: {partitions: 2, replication-factor: 1}
topics:
  PREFIX.orders:
  PREFIX.live:
    partitions: 1
    retention: 1h
    config: {max.message.bytes: 2000, cleanup.policy: delete}
"""


def test_missing_topics_are_made_once_and_are_then_as_declared(topic_file):
    code, topics, _ = topic_file.apply(DECLARED)
    assert code == 0 and {one["result"] for one in topics.values()} == {"created"}
    assert topic_file.listed() == {"orders": 2, "live": 1}
    code, topics, _ = topic_file.apply(DECLARED)
    assert code == 0 and {one["result"] for one in topics.values()} == {"as declared"}


def test_a_dry_run_makes_nothing_and_says_that_something_is_missing(topic_file):
    code, topics, _ = topic_file.apply(DECLARED, "--dry-run")
    assert code == 5 and topics["orders"]["result"] == "would be created"
    assert topic_file.listed() == {}


def test_what_differs_is_told_and_left_as_it_is(topic_file):
    topic_file.apply(DECLARED)
    code, topics, _ = topic_file.apply("""\
topics:
  PREFIX.orders: {partitions: 1, replication-factor: 3}
  PREFIX.live: {partitions: 4, retention: 2h}
""")
    assert code == 5
    assert topics["orders"]["result"] == topics["live"]["result"] == "differs"
    assert topics["orders"]["differences"] == [
        {"what": "partitions", "declared": "1", "found": "2"},
        {"what": "replication-factor", "declared": "3", "found": "1"}]
    assert topics["live"]["differences"] == [
        {"what": "partitions", "declared": "4", "found": "1"},
        {"what": "retention.ms", "declared": "7200000", "found": "3600000"}]
    assert topics["live"]["declared_at"] == "topics.yaml:3"
    assert topic_file.listed() == {"orders": 2, "live": 1}
    table = topic_file.outboxd.run("topics", "apply", "-f", "topics.yaml")
    assert table.returncode == 5 and "partitions: 4 declared, 1 found" in table.stdout


def test_partitions_are_added_only_when_asked_for_and_never_taken(topic_file):
    topic_file.apply(DECLARED)
    text = DECLARED.replace("partitions: 2", "partitions: 5")
    assert topic_file.apply(text)[0] == 5
    assert topic_file.apply(text, "--add-partitions", "--dry-run")[0] == 5
    assert topic_file.listed()["orders"] == 2
    code, topics, log = topic_file.apply(text, "--add-partitions")
    assert code == 0 and topics["orders"]["result"] == "partitions added"
    assert "keys move" in log and topic_file.listed()["orders"] == 5
    fewer, topics, _ = topic_file.apply(DECLARED, "--add-partitions")
    assert fewer == 5 and topics["orders"]["differences"][0]["found"] == "5"
    assert topic_file.listed()["orders"] == 5


def test_a_topic_that_no_cluster_takes_fails_alone(topic_file):
    code, topics, _ = topic_file.apply("""\
topics:
  PREFIX.good:
  PREFIX.many: {replication-factor: 5}
  PREFIX.odd: {config: {no.such.setting: 1}}
""")
    assert code == 7 and topics["good"]["result"] == "created"
    assert topics["many"]["result"] == topics["odd"]["result"] == "failed"
    assert "replication" in topics["many"]["reason"].lower()
    assert "no.such.setting" in topics["odd"]["reason"]


def test_a_mistake_in_the_file_names_its_line_and_the_remedy(topic_file):
    refused = topic_file.refused("topics:\n  a:\n  b: {partition: 3}\n")
    assert "topics.yaml:3: topics.b.partition is not known (did you mean 'partitions'?)" in refused
    missing = topic_file.outboxd.run("topics", "apply", "--file", "nowhere.yaml")
    assert missing.returncode == 3 and "nowhere.yaml" in missing.stderr
    assert topic_file.outboxd.run("topics", "apply").returncode == 2


def test_the_shop_s_topics_are_made_as_its_file_says(outboxd, services):
    outboxd.done("topics", "apply", "--file", str(SHOP))
    names = ["order.events", "stock.events", "product.events", "flashsale.events",
             "realtime.events", "deadletter.events", "catalog-events", "order-events",
             "catalog-events-dlq", "order-events-dlq"]
    listed = json.loads(outboxd.done("topics", "list", *names, "--output", "json"))
    assert [(one["partitions"], one["replication_factor"]) for one in listed] == [(3, 1)] * 10
