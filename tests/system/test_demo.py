# SPDX-License-Identifier: Apache-2.0
"""`shop demo`: the whole shop in one process, looked into from outside (issue 4, Deliver 8)."""
import json
import re
import signal
import subprocess
import urllib.request

import pytest
from programs import Outboxd
from waiting import wait_until

FIELDS = {"written", "rolled_back", "relayed", "consumed", "duplicates", "lost",
          "latency_p50_ms", "latency_p99_ms", "orders", "refused", "rolled_back_sent",
          "aggregates_differ", "url"}


@pytest.fixture
def demo(shop_program, tmp_path):
    """No server is started, and none is named."""
    starter = Outboxd(shop_program, tmp_path, None, None)
    yield lambda *words, **more: starter.start("demo", *words, **more)
    starter.end_all()


def summary_of(running):
    return json.loads(running.output().splitlines()[-1])


def assert_good(summary):
    assert set(summary) == FIELDS
    assert summary["written"] > summary["orders"] > 0 and summary["rolled_back"] > 0
    assert summary["relayed"] >= summary["written"] and summary["consumed"] > 0
    assert summary["lost"] == summary["rolled_back_sent"] == summary["aggregates_differ"] == 0
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p99_ms"]


def answer(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()


def test_five_seconds_end_with_one_json_object_and_nothing_lost(demo):
    running = demo("--for", "5s", "--output", "json")
    assert running.wait(40) == 0
    # Progress goes to standard error; the object is all that standard output holds.
    assert len(running.output().splitlines()) == 1
    summary = summary_of(running)
    assert_good(summary)
    assert summary["written"] > 200
    assert "written" in running.log()
    # One line a second, and none of them again when it ends.
    clocks = re.findall(r"^(\d\d:\d\d)  orders", running.log(), re.MULTILINE)
    assert len(clocks) == len(set(clocks)) <= 7, running.log()


def test_it_says_how_it_ends_and_hints_at_no_tool_that_is_missing(demo, tmp_path):
    running = demo("--for", "1s", environment={"PATH": str(tmp_path)})
    assert running.wait(40) == 0
    assert "Ctrl-C ends it" in running.log()
    assert "the broker " in running.log() and "the database " in running.log()
    assert "kcat" not in running.log() and "sqlite3" not in running.log()


def test_the_page_the_api_and_the_gateway_are_there_and_show_the_orders(demo):
    running = demo()
    page = running.wait_for_log(r"the page +(http://\S+)").group(1)
    gateway = running.wait_for_log(r"the gateway +ws://(\S+)/ws").group(1)
    assert "<html" in answer(page).lower()
    assert "/api/orders" in json.loads(answer(page + "/openapi.json"))["paths"]
    with urllib.request.urlopen(f"http://{gateway}/events", timeout=20) as events:
        while not (line := events.readline()).startswith(b"data:"):
            assert line
    # What comes is an event of the shop, by the standard way of server-sent events.
    assert "type" in json.loads(line[5:])
    running.signal(signal.SIGINT)
    assert running.wait(15) == 0


def test_any_kafka_client_can_connect_to_the_printed_address(demo):
    running = demo("--output", "json")
    address, topic = running.wait_for_log(r"kcat -b (\S+) -C -t (\S+) -q .*%h").groups()

    def read():
        done = subprocess.run(["kcat", "-C", "-q", "-b", address, "-t", topic, "-o", "beginning",
                               "-c", "20", "-f", "%k\t%s\t%h\n"], capture_output=True, text=True,
                              timeout=20)
        return [line.split("\t") for line in done.stdout.splitlines()]
    lines = wait_until(read, 20, "messages")
    for key, value, headers in lines:
        assert key and json.loads(value) and "event_id=" in headers and "outbox_id=" in headers
    running.signal(signal.SIGINT)
    assert running.wait(15) == 0
    assert_good(summary_of(running))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
def test_a_signal_ends_it_with_the_summary_and_nothing_stays_behind(demo, number):
    running = demo()
    folder = running.wait_for_log(r"(/\S+/outboxd-demo-\w+)/").group(1)
    running.wait_for_log(r"written [1-9]")
    running.signal(number)
    assert running.wait(15) == 0
    text = running.output() + running.log()
    assert re.search(r"lost\s+0\b", text)
    with pytest.raises(FileNotFoundError):
        open(folder + "/demo.db", "rb")


def test_a_pace_may_be_given_and_a_bad_one_is_refused(demo):
    running = demo("--for", "4s", "--rate", "5", "--output", "json")
    refused = demo("--rate", "none")
    assert refused.wait(5) == 2 and "--rate" in refused.log()
    assert running.wait(30) == 0
    summary = summary_of(running)
    assert_good(summary)
    assert summary["orders"] <= 5 * 5
