# SPDX-License-Identifier: Apache-2.0
"""Alerts of outboxd's own (D7): told once, told again to nobody, and told when they are over."""
import json
import sys

from waiting import holds_for, wait_until
from webhooks import Webhook

QUICK = {"admin__sample_interval": "1s", "log__level": "info"}
AT_ONCE = {"alerts__dead__keep_firing_for": "0s"}


def dead_row(database):
    database.execute("insert into outbox_events(aggregate_type, aggregate_id, event_type, payload,"
                     " status, error_message) values ('order', '1', 'X', '{}', 'DEAD', 'broken')")


def test_a_dead_letter_is_told_once_and_its_end_too_across_restarts_and_instances(
        outboxd, database, unique):
    outboxd.migrate()
    with Webhook() as hook:
        rules = dict(QUICK, **AT_ONCE, alerts__dead__when="dead-letters",
                     alerts__dead__webhook=hook.url, relay__default_topic=unique)
        first = outboxd.relay(**rules)
        second = outboxd.relay(**rules)
        first.wait_for_log("publisher started")
        second.wait_for_log("publisher started")
        dead_row(database)
        wait_until(lambda: hook.states("dead") == ["firing"], 30, lambda: hook.messages)
        message = hook.messages[0]
        assert message["value"] == 1 and message["threshold"] == 0
        assert "store global: 1" in message["detail"]
        # Neither another look, nor the other instance, nor one that takes over tells it again.
        first.stop()
        second.stop()
        third = outboxd.relay(**rules)
        third.wait_for_log("publisher started")
        holds_for(lambda: hook.states("dead") == ["firing"], 8, lambda: hook.messages)
        database.execute("delete from outbox_events where status = 'DEAD'")
        wait_until(lambda: hook.states("dead") == ["firing", "resolved"], 30,
                   lambda: hook.messages)


def test_a_webhook_that_refuses_gets_the_message_again_and_relaying_goes_on(
        outboxd, database, topics, unique):
    outboxd.migrate()
    topic = topics.create(unique)
    with Webhook() as hook:
        hook.refuses = True
        dead_row(database)
        relay = outboxd.relay(**QUICK, relay__default_topic=topic, alerts__dead__webhook=hook.url,
                              alerts__dead__when="dead-letters")
        wait_until(lambda: hook.refused > 0, 30, relay.log)
        database.execute("insert into outbox_events(aggregate_type, aggregate_id, event_type,"
                         " payload) values ('order', '2', 'X', '{}')")
        wait_until(lambda: topics.read(topic), 20, relay.log)
        hook.refuses = False
        wait_until(lambda: hook.states("dead") == ["firing"], 60, relay.log)


def test_a_command_gets_the_message_on_its_standard_input_and_no_shell_sees_it(
        outboxd, database, tmp_path, unique):
    outboxd.migrate()
    dead_row(database)
    told = tmp_path / "told.json"
    script = tmp_path / "page.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write(sys.stdin.read())\n")
    relay = outboxd.relay(**QUICK, relay__default_topic=unique,
                          alerts__dead__when="dead-letters",
                          alerts__dead__command=f"{sys.executable},{script},{told}")
    line = wait_until(lambda: told.exists() and told.read_text(), 30, relay.log)
    assert json.loads(line)["state"] == "firing"
    assert relay.stop() == 0


def test_what_no_channel_took_before_a_restart_is_told_after_it(outboxd, database, unique):
    outboxd.migrate()
    with Webhook() as hook:
        hook.refuses = True
        dead_row(database)
        rules = dict(QUICK, relay__default_topic=unique, alerts__dead__webhook=hook.url,
                     alerts__dead__when="dead-letters")
        before = outboxd.relay(**rules)
        wait_until(lambda: hook.refused > 0, 30, before.log)
        assert before.stop() == 0
        hook.refuses = False
        after = outboxd.relay(**rules)
        wait_until(lambda: hook.states("dead") == ["firing"], 30, after.log)


def test_a_message_that_waits_is_handed_over_when_outboxd_stops(outboxd, database, unique):
    outboxd.migrate()
    with Webhook() as hook:
        hook.refuses = True
        dead_row(database)
        relay = outboxd.relay(**QUICK, relay__default_topic=unique, alerts__dead__webhook=hook.url,
                              alerts__dead__when="dead-letters")
        # The fifth comes 8 seconds after the fourth.
        wait_until(lambda: hook.refused == 4, 60, relay.log)
        hook.refuses = False
        assert relay.stop() == 0
        assert hook.states("dead") == ["firing"]


def test_a_held_topic_is_told_once_however_often_the_relay_restarts(outboxd, database, unique):
    outboxd.migrate()
    with Webhook() as hook:
        rules = dict(QUICK, relay__default_topic=unique, alerts__held__webhook=hook.url,
                     alerts__held__when="held-topics")
        database.execute("insert into outbox_events(aggregate_type, aggregate_id, event_type,"
                         " payload) values ('order', '2', 'X', '{}')")
        for _ in range(3):
            relay = outboxd.relay(**rules)
            wait_until(lambda: hook.states("held"), 60, relay.log)
            holds_for(lambda: hook.states("held") == ["firing"], 7, lambda: hook.messages)
            relay.stop()
        assert hook.states("held") == ["firing"]


def test_a_command_that_does_not_end_holds_up_no_stop_for_long(outboxd, database, tmp_path, unique):
    outboxd.migrate()
    dead_row(database)
    begun = tmp_path / "begun"
    script = tmp_path / "page.py"
    script.write_text("import sys, time\nopen(sys.argv[1], 'w').close()\ntime.sleep(600)\n")
    relay = outboxd.relay(**QUICK, relay__default_topic=unique,
                          alerts__dead__when="dead-letters",
                          alerts__dead__command=f"{sys.executable},{script},{begun}")
    wait_until(begun.exists, 30, relay.log)
    assert relay.stop() == 0
