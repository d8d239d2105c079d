# SPDX-License-Identifier: Apache-2.0
"""`outboxd demo`: the whole chain in one process, looked into from outside (issue 3, Shows)."""
import json
import re
import signal
import subprocess

import pytest
from programs import Outboxd
from waiting import wait_until

FIELDS = {"written", "rolled_back", "relayed", "consumed", "duplicates", "lost",
          "latency_p50_ms", "latency_p99_ms"}


@pytest.fixture
def demo(program, tmp_path):
    """No server is started, and none is named."""
    starter = Outboxd(program, tmp_path, None, None)
    yield lambda *words: starter.start("demo", *words)
    starter.end_all()


def summary_of(running):
    return json.loads(running.output().splitlines()[-1])


def assert_good(summary):
    assert set(summary) == FIELDS
    assert summary["written"] > 0 and summary["rolled_back"] > 0 and summary["lost"] == 0
    assert summary["relayed"] == summary["consumed"] == summary["written"]
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p99_ms"]


def test_five_seconds_end_with_one_json_object_and_nothing_lost(demo):
    running = demo("--for", "5s", "--output", "json")
    assert running.wait(20) == 0
    # Progress goes to standard error; the object is all that standard output holds.
    assert len(running.output().splitlines()) == 1
    summary = summary_of(running)
    assert_good(summary)
    assert summary["written"] > 1000
    assert "written" in running.log()


def test_any_kafka_client_can_connect_to_the_printed_address(demo):
    running = demo("--output", "json")
    address, topic = running.wait_for_log(r"kcat -b (\S+) -C -t (\S+)").groups()

    def read():
        done = subprocess.run(["kcat", "-C", "-q", "-b", address, "-t", topic, "-o", "beginning",
                               "-c", "20", "-f", "%k\t%s\t%h\n"], capture_output=True, text=True,
                              timeout=20)
        return [line.split("\t") for line in done.stdout.splitlines()]
    lines = wait_until(read, 10, "messages")
    for key, value, headers in lines:
        assert key and json.loads(value) and "event_id=" in headers and "outbox_id=" in headers
    running.signal(signal.SIGINT)
    assert running.wait(10) == 0
    assert_good(summary_of(running))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
def test_a_signal_ends_it_with_the_summary_and_nothing_stays_behind(demo, number):
    running = demo()
    folder = running.wait_for_log(r"(/\S+/outboxd-demo-\w+)/").group(1)
    running.wait_for_log(r"written [1-9]")
    running.signal(number)
    assert running.wait(10) == 0
    text = running.output() + running.log()
    assert re.search(r"lost\s+0\b", text)
    with pytest.raises(FileNotFoundError):
        open(folder + "/demo.db", "rb")


def test_a_pace_may_be_given_and_a_bad_one_is_refused(demo):
    running = demo("--for", "3s", "--rate", "50", "--output", "json")
    refused = demo("--rate", "none")
    assert refused.wait(5) == 2 and "--rate" in refused.log()
    assert running.wait(15) == 0
    summary = summary_of(running)
    assert_good(summary)
    assert summary["written"] <= 50 * 3.5
