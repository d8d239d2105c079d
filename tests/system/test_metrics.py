# SPDX-License-Identifier: Apache-2.0
"""/metrics of a whole program: what it shows is what happened, Prometheus's own tool takes it, and
asking often costs a database nothing (D7, E7)."""
import datetime
import re
import subprocess
import time

from waiting import wait_until
from webhooks import metrics_of

LABELS = 'store="global",relay="default"'


def value_of(text, series):
    found = re.search("^" + re.escape(series) + r" (\S+)$", text, re.MULTILINE)
    assert found, f"{series} in\n{text}"
    return float(found.group(1))


def start(outboxd, **settings):
    return outboxd.start("run", admin__address="127.0.0.1:0", admin__sample_interval="1s",
                         **settings)


def publish(database, rows):
    database.execute("insert into outbox_events(aggregate_type, aggregate_id, event_type, payload)"
                     f" select 'order', i::text, 'X', '{{}}' from generate_series(1, {rows}) i")


def test_the_figures_are_what_happened_and_promtool_takes_them(outboxd, database, topics, unique):
    outboxd.migrate()
    topic = topics.create(unique)
    running = start(outboxd, relay__default_topic=topic)
    running.wait_for_log("publisher started")
    publish(database, 250)

    def settled():
        text, _ = metrics_of(running)
        return value_of(text, f"outbox_relay_events_settled_total{{{LABELS}}}") == 250
    wait_until(settled, 30, running.log)

    def sampled():  # Gauges follow within a second or so.
        text, _ = metrics_of(running)
        return (value_of(text, 'outbox_store_pending_events{store="global"}') == 0
                and value_of(text, f"outbox_relay_slots_held{{{LABELS}}}") == 32
                and value_of(text, f"outbox_relay_in_flight_rows{{{LABELS}}}") == 0 and text)
    text = wait_until(sampled, 20, running.log)
    assert metrics_of(running)[1].startswith("text/plain; version=0.0.4")
    assert value_of(text, f"outbox_relay_events_published_total{{{LABELS}}}") == 250
    assert value_of(
        text, f'outbox_relay_topic_events_published_total{{{LABELS},topic="{topic}"}}') == 250
    for name in ("publish_duration_seconds", "end_to_end_duration_seconds"):
        assert value_of(text, f"outbox_relay_{name}_count{{{LABELS}}}") == 250
    mean = value_of(text, f"outbox_relay_end_to_end_duration_seconds_sum{{{LABELS}}}") / 250
    assert 0 <= mean < 30
    assert value_of(text, f"outbox_relay_read_rows_sum{{{LABELS}}}") >= 250
    assert value_of(text, f"outbox_relay_running{{{LABELS}}}") == 1
    assert value_of(text, 'outbox_store_up{store="global"}') == 1
    assert value_of(text, "outbox_broker_up") == 1
    assert abs(value_of(text, "outbox_start_time_seconds") - time.time()) < 120
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                             capture_output=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_scraped_500_times_the_database_is_asked_no_more_than_without(outboxd, database, unique):
    outboxd.migrate()
    running = outboxd.start("run", admin__address="127.0.0.1:0", relay__default_topic=unique,
                            admin__sample_interval="600s", relay__polling_interval="10s")
    running.wait_for_log("publisher started")

    def sampled():
        return 'outbox_store_up{store="global"} 1' in metrics_of(running)[0]
    wait_until(sampled, 30, running.log)

    def asked_since(when):
        return database.value("select count(*) from pg_stat_activity where datname ="
                              " current_database() and pid <> pg_backend_pid() and state_change"
                              " > %s", when)
    begun = database.value("select clock_timestamp()")
    for _ in range(500):
        metrics_of(running)
    assert database.value("select clock_timestamp()") - begun < datetime.timedelta(seconds=60)
    # The relay's own connections go on; those of the samples are there and were not asked.
    in_relay = 4
    assert asked_since(begun) <= in_relay
    assert asked_since("epoch") > in_relay


def test_a_database_that_goes_away_shows_as_down_and_metrics_are_served_on(
        outboxd, services, database, unique):
    outboxd.migrate()
    running = start(outboxd, relay__default_topic=unique)
    running.wait_for_log("publisher started")
    up = 'outbox_store_up{store="global"} '
    wait_until(lambda: up + "1" in metrics_of(running)[0], 30, running.log)
    services.command("stop", "postgres")
    try:
        wait_until(lambda: up + "0" in metrics_of(running)[0], 30, running.log)
    finally:
        services.command("restart", "postgres")
    wait_until(lambda: up + "1" in metrics_of(running)[0], 60, running.log)
